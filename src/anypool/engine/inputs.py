"""Keeping what a plan was made from, in the transaction that keeps the plan."""

from collections.abc import Callable

from anypool import __version__
from anypool.model import PlanId
from anypool.plan import Plan
from anypool.planner.wish import Inputs, encode_inputs
from anypool.store import Tx, planinputs
from anypool.store.planinputs import StoredInputs


def keep(inputs: Inputs, plan: Plan) -> Callable[[Tx, PlanId], None]:
    """Return what writes the inputs of a plan once the plan has its id."""
    stored = StoredInputs(__version__, encode_inputs(inputs, plan))
    return lambda tx, plan_id: planinputs.put(tx, plan_id, stored)
