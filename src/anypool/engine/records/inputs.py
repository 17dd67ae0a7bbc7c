"""Keeping what a plan was made from, in the transaction that keeps the plan."""

import logging
from collections.abc import Callable

from anypool import __version__
from anypool.model import PlanId
from anypool.plan import Plan
from anypool.planner.wish import Inputs, encode_inputs
from anypool.store import Tx, planinputs
from anypool.store.planinputs import StoredInputs

MOST_BYTES = 64 << 20
"""As JSON, before it is packed: the load curves of twenty thousand VMs."""

Also = Callable[[Tx, PlanId], None]
"""What is written with a plan, in its transaction."""

log = logging.getLogger(__name__)


def keep(inputs: Inputs, plan: Plan) -> Also:
    """Return what writes the inputs of a plan once the plan has its id.

    What is larger than `MOST_BYTES` is not kept: the plan cannot be made again then.
    """
    body = encode_inputs(inputs, plan)
    if len(body) > MOST_BYTES:
        log.warning("what a plan was made from is not kept: it has %d MiB", len(body) >> 20)
        return lambda _tx, _plan: None
    stored = StoredInputs(__version__, body).packed()
    return lambda tx, plan_id: planinputs.put(tx, plan_id, stored)
