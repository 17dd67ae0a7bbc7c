"""What a plan is made of, as values: kept with a plan, they make it again.

`planned` is the one way from inputs to a plan, the first time and every later time.
"""

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from anypool.errors import Conflict, Invalid
from anypool.model import Inventory, Policy
from anypool.plan import CostModel, Plan, named, priced, reason, refuse, released
from anypool.plan.price import used
from anypool.planner.failover import Outlook, weakened
from anypool.planner.rebalance.search import never
from anypool.planner.rounds import Late
from anypool.planner.rules import Rulebook
from anypool.planner.wishes import AnyWish

FORMAT = 1
"""Of stored inputs."""

_encoder = msgspec.json.Encoder(order="deterministic")


class Terms(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a plan is priced and judged.

    `slots` is how many migrations go on at once. `by` asked for it; `waive` is None where the
    capacity that failures need is not asked about, True where that may be overruled.
    """

    model: CostModel = CostModel()
    slots: int = 4
    by: str = ""
    waive: bool | None = None


class Inputs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a plan is made of beside its inventory."""

    wish: AnyWish
    policies: tuple[Policy, ...] = ()
    terms: Terms = Terms()


def planned(inputs: Inputs, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
    """Return the plan of inputs, judged, priced and with names; raise what its planner raises.

    `rules` are the policies of the inputs as they bind the inventory.
    """
    return finished(inputs.wish.plan(inventory, rules, late), inputs.terms, inventory, rules)


def finished(
    plan: Plan,
    terms: Terms,
    inventory: Inventory,
    rules: Rulebook,
    outlook: Outlook | None = None,
) -> Plan:
    """Return a plan as it came from its planner, judged, priced and with names.

    Raise `Conflict` if less would survive a failure and nobody overrules that.
    """
    asked, world = terms.waive is not None, released(inventory, plan.redeems)
    if asked and (against := weakened(plan, world, rules.bounds, outlook)):
        if not terms.waive:
            raise refuse(Conflict, reason("no.spare", why=against), reason("hint.ignore-failover"))
        plan = replace(plan, waived=(reason("plan.waived", who=terms.by, why=against),))
    return named(priced(plan, inventory, terms.model, terms.slots), inventory)


class _Stored(Struct, frozen=True, kw_only=True):
    format: int
    inputs: msgspec.Raw


_outer, _inner = msgspec.json.Decoder(_Stored), msgspec.json.Decoder(Inputs)
"""Made once: several threads that make one at the same time is what msgspec does not promise."""


def encode_inputs(inputs: Inputs, plan: Plan) -> bytes:
    """Return the inputs of a plan as JSON, with the corrections alone that its price used."""
    terms = replace(inputs.terms, model=used(plan, inputs.terms.model))
    small = replace(inputs, terms=terms)
    body = msgspec.Raw(_encoder.encode(small))
    return _encoder.encode(_Stored(format=FORMAT, inputs=body))


def decode_inputs(data: bytes) -> Inputs:
    """Return stored inputs; raise `Invalid` for what this release does not know."""
    hint = "another release made it: this one cannot make the plan again"
    try:
        stored = _outer.decode(data)
        if stored.format != FORMAT:
            raise Invalid(f"the inputs of the plan have format {stored.format}", hint=hint)
        return _inner.decode(stored.inputs)
    except msgspec.DecodeError as error:
        raise Invalid(f"the inputs of the plan are not understood: {error}", hint=hint) from error
