"""Which VMs are to start now: not those under way, tried just now, given up, or never."""

from msgspec import Struct

from anypool.clock import backoff
from anypool.engine.ha.charges import Charges
from anypool.engine.ha.rounds import Round
from anypool.model import VM_DOWN, Priority, VmId
from anypool.plan import Reason, reason
from anypool.planner.failover import LEVELS
from anypool.planner.ha.mend import gave_up
from anypool.search import vms_matching
from anypool.store.ha import Charge

FIRST_S = 10.0
LONGEST_S = 300.0
"""The rest after the first attempt, and the longest one."""


class Wanted(Struct, frozen=True):
    """The charges to start; how often those failed that go elsewhere; why others wait."""

    vms: frozenset[VmId]
    failed: dict[VmId, int]
    told: dict[VmId, Reason]


NOBODY = Wanted(frozenset(), {}, {})


def wanted(round_: Round, charges: Charges, now: float) -> Wanted:
    """Return what of the lost charges of a policy is to start now.

    One that failed by itself on a host that is well is given up in the end; what a dead host
    had is tried until it runs. That its host died is no failure of a start; only of one that took
    several down in a row, each right after its start, it may be the doing, and it rests.
    """
    if not round_.lost:
        return NOBODY
    rule, found = round_.rule, Wanted(frozenset(), {}, {})
    once = vms_matching(rule.best_effort, round_.inventory)
    vms: set[VmId] = set()
    for vm in round_.lost:
        charge = charges.get(vm)
        if charge is None or vm in round_.under_way.vms:
            continue
        if LEVELS[round_.order.level(vm)] is Priority.DISABLED or (charge.tries and vm in once):
            continue
        alone = round_.inventory.vms[vm].state in VM_DOWN
        if alone and (why := gave_up(charge.tries, rule)) is not None:
            found.told[vm] = why
            continue
        failed = charges.failed(vm, host_lost=not alone)
        if (left := rest_s(charge, failed, now)) > 0:
            found.told[vm] = reason("ha.rests", count=failed, left=round(left, 1))
            continue
        vms.add(vm)
        if alone and charge.tries >= rule.in_place:
            found.failed[vm] = charge.tries
    return Wanted(frozenset(vms), found.failed, found.told)


def rest_s(charge: Charge, failed: int, now: float) -> float:
    """Return how long a VM rests yet after the last of so many tries in a row that failed."""
    if not failed or now < charge.since:  # by a clock that was wrong
        return 0.0
    return max(0.0, charge.since + backoff(FIRST_S, LONGEST_S, failed) - now)
