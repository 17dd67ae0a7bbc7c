"""Which of several VMs that are to start again has the first choice of a place."""

import pytest

from anypool.model import (
    Apart,
    Automation,
    Bound,
    HostId,
    HostState,
    Inventory,
    Level,
    Pinned,
    PolicyId,
    PowerOff,
    Priority,
    Restart,
    VmId,
    VmState,
)
from anypool.plan import MigrateVm, StartAfterFailure, StartVm
from anypool.planner.ha.again import Again, Task, start_again
from anypool.planner.rules import Rulebook
from tests.strategies import host, pool, vm

DEAD = HostId("h0")
BOUND = vm(1, "h1", state=VmState.STOPPED)
FREE = vm(2, "h0", state=VmState.UNKNOWN, made_by="run-1/1")
VMS = frozenset({BOUND.id, FREE.id})
APART = Bound(policy=PolicyId("apart"), rule=Apart(), vms=VMS)
PINNED = Bound(policy=PolicyId("pin"), rule=Pinned(), vms=frozenset({FREE.id}))
FIRST = Bound(
    policy=PolicyId("first"), rule=Restart(priority=Priority.HIGH), vms=frozenset({FREE.id})
)


def started(inventory: Inventory, *bounds: Bound) -> tuple[dict[VmId, HostId], Again]:
    """Return where VMs start after h0 died; v1 is not ours, and starts on h1 or nowhere."""
    dead = inventory.with_host(host(0, state=HostState.UNKNOWN)).with_vm(BOUND).with_vm(FREE)
    proof = PowerOff(host=DEAD, first_at=1.0, at=3.0)
    task = Task(vms=VMS, proofs=(proof,), seen_at=4.0, all_levels=True)
    made = start_again(dead, task, Rulebook(bounds))
    found = {}
    for step in () if made.plan is None else made.plan.steps:
        assert isinstance(step.action, StartVm | StartAfterFailure)
        vm_ = step.action.vm if isinstance(step.action, StartVm) else step.action.wish.id
        assert vm_ not in found, "each starts once"
        found[vm_] = step.action.host
    return found, made


@pytest.mark.parametrize("hosts", [2, 3])
def test_one_that_can_start_nowhere_else_starts_before_what_a_dead_host_had(hosts: int) -> None:
    found, made = started(pool(hosts), APART)
    assert found[BOUND.id] == HostId("h1")
    assert found.get(FREE.id) == (None if hosts == 2 else HostId("h2"))
    assert (FREE.id in made.down) == (hosts == 2)


def test_what_matters_more_starts_first_all_the_same() -> None:
    found, made = started(pool(2), APART, FIRST)
    assert found == {FREE.id: HostId("h1")}
    assert made.down[BOUND.id].code == "rule.apart"


def in_the_way(*bounds: Bound) -> Again:
    """Return what is begun for v1, which is down on h1 where v2 runs."""
    known = pool(3).with_vm(BOUND).with_vm(vm(2, "h1"))
    task = Task(vms=frozenset({BOUND.id}), seen_at=4.0)
    return start_again(known, task, Rulebook((APART, *bounds)))


def test_one_that_runs_in_the_place_of_one_that_can_start_nowhere_else_moves_first() -> None:
    made = in_the_way()
    assert made.plan is not None
    move, start = made.plan.steps
    assert isinstance(move.action, MigrateVm)
    assert (move.action.vm, move.action.source) == (FREE.id, HostId("h1"))
    assert start.action == StartVm(vm=BOUND.id, host=HostId("h1"))
    assert start.after == {move.number}
    assert move.why.code == "ha.makes-way"


def test_one_that_nobody_may_move_or_that_has_no_other_place_stays() -> None:
    still = Bound(
        policy=PolicyId("still"), rule=Automation(level=Level.PARTIAL), vms=frozenset({FREE.id})
    )
    for made in (in_the_way(still), in_the_way(PINNED)):
        assert made.plan is None
        assert made.down[BOUND.id].code == "rule.apart"
