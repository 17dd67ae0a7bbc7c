"""What the API shows of two plans that are compared."""

from msgspec import Struct

from anypool.api.language import told
from anypool.model import Inventory
from anypool.plan import Cost, goal_of, names_of, tell
from anypool.plan.compare import Compared
from anypool.plan.render import Names
from anypool.service.plans import PlanDifference


class ComparedView(Struct, frozen=True, kw_only=True):
    """What became of a step: same, added, removed or changed; the texts of either plan."""

    change: str
    before: str | None
    after: str | None
    why: str


class PlanDifferenceView(Struct, frozen=True, kw_only=True):
    """Two plans step by step, and what each costs."""

    old: str
    new: str
    old_goal: str
    new_goal: str
    old_cost: Cost
    new_cost: Cost
    steps: tuple[ComparedView, ...]


def difference_view(found: PlanDifference, inventory: Inventory) -> PlanDifferenceView:
    """Return what differs between two plans as it is shown."""
    old, new = found.old.plan, found.new.plan
    names = names_of(old, inventory), names_of(new, inventory)
    return PlanDifferenceView(
        old=found.old.id,
        new=found.new.id,
        old_goal=told(goal_of(old)),
        new_goal=told(goal_of(new)),
        old_cost=old.cost,
        new_cost=new.cost,
        steps=tuple(compared_view(one, names) for one in found.steps),
    )


def compared_view(one: Compared, names: tuple[Names, Names]) -> ComparedView:
    """Return what became of a step as it is shown, with the names of either side."""
    before, after = one.before, one.after
    step = before if after is None else after
    return ComparedView(
        change=one.change,
        before=None if before is None else told(tell(before.action, names[0])),
        after=None if after is None else told(tell(after.action, names[1])),
        why="" if step is None else told(step.why),
    )
