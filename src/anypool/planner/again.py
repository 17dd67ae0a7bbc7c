"""Making a stored plan again, and saying how far the outcome is the same."""

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from anypool.errors import AnypoolError
from anypool.model import Inventory
from anypool.plan import Plan, encode_plan
from anypool.plan.compare import Compared, compare
from anypool.planner.figures import Figures, figures, yardstick
from anypool.planner.rebalance.search import never
from anypool.planner.rounds import Late
from anypool.planner.rules import Rulebook
from anypool.planner.variants import NEW, Variant
from anypool.planner.wish import Inputs, planned


class Verdict(StrEnum):
    """What came of making a plan again.

    SAME is the same bytes for the planner `new`, the same actions for another one. REFUSED:
    the planner found no plan. NOT_FOR_IT: the planner has nothing to do with such a wish. Of
    the others something was not kept, or nobody here understands it.
    """

    SAME = "same"
    DIFFERS = "differs"
    REFUSED = "refused"
    NOT_FOR_IT = "not-for-it"
    NO_INPUTS = "no-inputs"
    NO_INVENTORY = "no-inventory"
    UNREADABLE = "unreadable"


class Again(Struct, frozen=True, kw_only=True):
    """A plan beside the one that was decided then.

    `fields` names what of the plan differs, `steps` are those of both. `cut` says that time
    ended the search. `why` is in English, where there is no plan.
    """

    verdict: Verdict
    why: str = ""
    decided: Figures | None = None
    found: Figures | None = None
    fields: tuple[str, ...] = ()
    steps: tuple[Compared, ...] = ()
    cut: bool = False


class Stored(Struct, frozen=True, kw_only=True):
    """A plan as it was stored, decoded and in bytes, with all that it was made from."""

    plan: Plan
    body: bytes
    inventory: Inventory
    inputs: Inputs


def again(stored: Stored, planner: Variant, late: Late = never) -> Again:
    """Return what a planner makes of a stored plan's inventory and wish."""
    rules = Rulebook.on(stored.inputs.policies, stored.inventory)
    by = yardstick(stored.inputs.wish, stored.plan, stored.inventory, rules)
    decided = figures(stored.plan, stored.inventory, by)
    wish = planner.change(stored.inputs.wish)
    if wish is None:
        why = f"the planner {planner.name} has nothing to do with it"
        return Again(verdict=Verdict.NOT_FOR_IT, why=why, decided=decided)
    ended = Once(late)
    try:
        inputs = replace(stored.inputs, wish=wish)
        plan = planned(inputs, stored.inventory, rules, ended)
    except AnypoolError as error:
        return Again(verdict=Verdict.REFUSED, why=error.message, decided=decided)
    found = figures(plan, stored.inventory, by)
    same = encode_plan(plan) == stored.body if planner.name == NEW else _alike(plan, stored.plan)
    return Again(
        verdict=Verdict.SAME if same else Verdict.DIFFERS,
        decided=decided,
        found=found,
        fields=() if same else _fields(stored.plan, plan),
        steps=() if same else compare(stored.plan, plan),
        cut=ended.was,
    )


def anew(inputs: Inputs, inventory: Inventory, planner: Variant, late: Late = never) -> Again:
    """Return what a planner makes of an inventory for which nothing was decided then.

    It stands beside what `new` makes of the same.
    """
    rules = Rulebook.on(inputs.policies, inventory)
    first = planned(inputs, inventory, rules, late)
    by = yardstick(inputs.wish, first, inventory, rules)
    stored = Stored(plan=first, body=encode_plan(first), inventory=inventory, inputs=inputs)
    if planner.name != NEW:
        return again(stored, planner, late)
    return Again(verdict=Verdict.SAME, found=figures(first, inventory, by))


class Once:
    """Asks `late`, and remembers that it once said yes."""

    def __init__(self, late: Late) -> None:
        self._late = late
        self.was = False

    def __call__(self) -> bool:
        """Return whether it is late."""
        self.was = self.was or self._late()
        return self.was


def _alike(one: Plan, other: Plan) -> bool:
    return [step.action for step in one] == [step.action for step in other]


def _fields(old: Plan, new: Plan) -> tuple[str, ...]:
    """Return the fields of a plan that differ; none if only its encoding does."""
    return tuple(
        name for name in Plan.__struct_fields__ if getattr(old, name) != getattr(new, name)
    )
