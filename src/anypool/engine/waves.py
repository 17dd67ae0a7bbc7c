"""What follows for a rollout from what is known of it: pure, as the core of runs is."""

from msgspec import Struct
from msgspec.structs import replace

from anypool.errors import NoPlan
from anypool.model import HostId, HostState, Inventory, OnFailure
from anypool.plan import (
    EnterMaintenance,
    HandOver,
    LeaveMaintenance,
    PlanState,
    Reason,
    VerifyHost,
    reason,
    why_of,
)
from anypool.store.records import PlanRecord, RunRecord, StepRecord, StepState
from anypool.store.rollouts import Rollout

READY = frozenset({PlanState.RECOMMENDED, PlanState.APPROVED})
NAMED = 3
"""So many things that are in the way are named."""
_PASSED = frozenset({StepState.DONE, StepState.SKIPPED})
_SERVICE = (EnterMaintenance, HandOver, VerifyHost, LeaveMaintenance)


class Followed(Struct, frozen=True, kw_only=True):
    """The plan of a wave, its run and the steps of it; None where there is none."""

    plan: PlanRecord | None = None
    run: RunRecord | None = None
    steps: tuple[StepRecord, ...] = ()


def left(rollout: Rollout, inventory: Inventory) -> tuple[HostId, ...]:
    """Return the hosts that are still to be maintained; one that is gone is not."""
    done = set(rollout.done)
    return tuple(
        host for host in rollout.wish.hosts if host not in done and host in inventory.hosts
    )


def foreseen(rollout: Rollout, inventory: Inventory) -> tuple[HostId, ...]:
    """Return the hosts of the next wave as it was foreseen, those that are left of it."""
    rest = left(rollout, inventory)
    for wave in rollout.waves:
        if hosts := tuple(host for host in wave if host in rest):
            return hosts
    return rest[:1]


def not_yet(rollout: Rollout, inventory: Inventory) -> Reason | None:
    """Return why the next wave must wait: what is verified must still be so, and all answer."""
    hosts = inventory.hosts
    lost = [
        hosts[host].name
        for host in rollout.done
        if host in hosts and (hosts[host].state is not HostState.UP or hosts[host].maintenance)
    ]
    if lost:
        return reason("rollout.unverified", hosts=tuple(sorted(lost)))
    silent = [
        host.name
        for host in hosts.values()
        if host.pool == rollout.pool and host.state is HostState.UNKNOWN and not host.maintenance
    ]
    return reason("rollout.silent", hosts=tuple(sorted(silent))) if silent else None


def back(found: Followed) -> frozenset[HostId]:
    """Return the hosts that a run has verified and opened."""
    if found.plan is None:
        return frozenset()
    verified, opened = set[HostId](), set[HostId]()
    for step, record in zip(found.plan.plan, found.steps, strict=False):
        if record.state in _PASSED and isinstance(step.action, VerifyHost):
            verified.add(step.action.host)
        if record.state in _PASSED and isinstance(step.action, LeaveMaintenance):
            opened.add(step.action.host)
    return frozenset(verified & opened)


def to_retry(found: Followed) -> tuple[int, ...] | None:
    """Return the failed steps to be tried again, None if the wave is to be planned anew.

    What failed about a host that may be away is tried again where it is: what was seen of it
    is not forgotten. A move that failed is planned anew.
    """
    if found.plan is None:
        return None
    failed = [
        step
        for step, record in zip(found.plan.plan, found.steps, strict=False)
        if record.state is StepState.FAILED
    ]
    if not failed or not all(isinstance(step.action, _SERVICE) for step in failed):
        return None
    if all(isinstance(step.action, EnterMaintenance) for step in failed):
        return None  # a VM came in between: it has to leave, too
    return tuple(step.number for step in failed)


def dropped(rollout: Rollout, verified: frozenset[HostId] = frozenset()) -> Rollout:
    """Return a rollout without a plan, and with more hosts done."""
    done = tuple(host for host in rollout.wish.hosts if host in verified | set(rollout.done))
    return replace(rollout, plan=None, due=0.0, done=done)


def reshaped(rollout: Rollout, ahead: tuple[tuple[HostId, ...], ...]) -> Rollout:
    """Return a rollout with other waves ahead; those that are done stay."""
    done = set(rollout.done)
    past = (tuple(host for host in wave if host in done) for wave in rollout.waves)
    return replace(rollout, waves=(*(wave for wave in past if wave), *ahead))


def number_of(rollout: Rollout, hosts: tuple[HostId, ...]) -> int:
    """Return the number of the wave that some hosts are of, from 1."""
    mine = set(hosts)
    for number, wave in enumerate(rollout.waves, 1):
        if mine & set(wave):
            return number
    return rollout.number + 1


def attempt(rollout: Rollout, now: float) -> Rollout | None:
    """Return a rollout that waits for its next attempt, None if there is none."""
    wish = rollout.wish
    if wish.on_failure is not OnFailure.RETRY or rollout.attempts >= wish.retries:
        return None
    return replace(rollout, attempts=rollout.attempts + 1, due=now + wish.retry_after_s)


def blocked(error: NoPlan) -> Reason:
    """Return why a wave has no plan, with the first things that are in the way."""
    pairs = [pair for pair in error.against if all(isinstance(one, Reason) for one in pair)]
    against = tuple(
        reason("rollout.against", where=where, why=why)
        for where, why in pairs[:NAMED]
        if isinstance(where, Reason) and isinstance(why, Reason)
    )
    why = why_of(error)
    return reason("rollout.blocked", why=why, against=against) if against else why


def passes(error: NoPlan) -> bool:
    """Return whether what is in the way passes by itself: a VM that is on its way just now."""
    codes = {why.code for _, why in error.against if isinstance(why, Reason)}
    return "vm.in-motion" in codes
