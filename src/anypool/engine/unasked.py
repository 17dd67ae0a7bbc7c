"""Plans that nobody asked for in person: made of a wish, judged, stored and begun."""

from anypool.engine.engine import Engine
from anypool.engine.records.archive import Origin
from anypool.engine.records.inputs import keep
from anypool.errors import Conflict
from anypool.model import Inventory, PlanId
from anypool.plan import reason, refuse
from anypool.plan.check import objections
from anypool.plan.managercheck import of_manager
from anypool.planner.wish import Inputs, finished
from anypool.planner.wishes import AnyWish


def begin(engine: Engine, wish: AnyWish, by: str, inventory: Inventory) -> PlanId | None:
    """Make and run the plan of a wish; return its id, None where it has no steps.

    Raise what its planner raises, and `Conflict` with what speaks against it.
    """
    rules = engine.policies.rulebook(inventory)
    terms = engine.keeping.prices.terms(by, waive=True)
    plan = wish.plan(inventory, rules)
    made = finished(plan, terms, inventory, rules, engine.policies.outlook)
    if not made.steps:
        return None
    against = objections(made, inventory, rules.bounds) or of_manager(
        made, inventory, engine.policies.own
    )
    if against:
        raise refuse(Conflict, reason("watch.objected", objections=against[:3]))
    inputs = Inputs(wish=wish, policies=rules.policies, terms=terms)
    record = engine.submit(made, by, inventory, Origin(also=keep(inputs, made)))
    engine.run(record.id, by)
    return record.id
