"""What starts again where, with which proof; what stays down, and why."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from anypool.model import (
    Bound,
    Capability,
    Disk,
    HostId,
    HostState,
    Inventory,
    PolicyId,
    PowerOff,
    Priority,
    Restart,
    SaidGone,
    Snapshot,
    Stated,
    StateReason,
    Vm,
    VmCopy,
    VmId,
    VmState,
)
from anypool.plan import HostOpen, MemoryFree, StartAfterFailure, StartVm, VmIs
from anypool.planner.ha.again import Again, Task, as_it_was, start_again
from anypool.planner.rules import Rulebook
from tests.strategies import host, pool, vm

H0, H1, H2, H3 = (HostId(f"h{number}") for number in range(4))
OFF = PowerOff(host=H0, first_at=1.0, at=3.0)
SAID = Stated(host=H3, at=3.0, by="ada", words="it burnt", audit=7)
LOST = vm(1, "h0", state=VmState.UNKNOWN, made_by="run-1/1")
GONE = replace(LOST, host=H1, state=VmState.STOPPED)
SEEN_AT = 4.0


def after_failure(*vms: Vm, silent: tuple[int, ...] = (0,)) -> Inventory:
    """Return four hosts, some silent, with these VMs."""
    world = pool(4)
    for number in silent:
        world = world.with_host(host(number, state=HostState.UNKNOWN))
    for one in vms:
        world = world.with_vm(one)
    return world


def again(world: Inventory, *bounds: Bound, **more: object) -> Again:
    """Return what starts of all that is there; h0 is proven to be off."""
    given = {"vms": frozenset(world.vms), "proofs": (OFF,), "seen_at": SEEN_AT, **more}
    return start_again(world, Task(**given), Rulebook(bounds))  # type: ignore[arg-type]


def the_start(found: Again) -> StartAfterFailure | StartVm:
    assert found.plan is not None
    (action,) = (step.action for step in found.plan)
    assert isinstance(action, StartAfterFailure | StartVm)
    return action


def test_vm_of_a_dead_host_starts_elsewhere_with_its_proof() -> None:
    found = again(after_failure(LOST))
    action = the_start(found)
    assert isinstance(action, StartAfterFailure)
    assert (action.wish.id, action.home, action.proof, action.also) == (LOST.id, H0, OFF, ())
    assert action.host in {H1, H2, H3}
    assert found.down == {}
    assert found.plan is not None
    (step,) = found.plan
    states = frozenset({VmState.STOPPED, VmState.CRASHED, VmState.UNKNOWN})
    (is_there, is_open, fits) = step.valid_while
    assert isinstance(is_there, VmIs)
    assert (is_there.vm, is_there.host) == (LOST.id, H0)
    assert is_there.states == states
    assert is_open == HostOpen(host=action.host)
    assert fits == MemoryFree(host=action.host, memory_mib=LOST.memory_mib)


def without_adopting() -> Inventory:
    world = after_failure(LOST)
    for key in (H1, H2, H3):
        less = frozenset(Capability) - {Capability.VM_ADOPT}
        world = world.with_host(replace(world.host(key), capabilities=less))
    return world


def full() -> Inventory:
    world = after_failure(LOST)
    for number in (1, 2, 3):
        world = world.with_host(host(number, memory_mib=512))
    return world


NEVER = Bound(
    policy=PolicyId("never"), rule=Restart(priority=Priority.DISABLED), vms=frozenset({LOST.id})
)
COPY = VmCopy(host=H2, state=VmState.UNKNOWN)
DISK = Disk(target="vda", volume="v", datastore=None)
DOWN: dict[str, Callable[[], Again]] = {
    "ha.not-ours": lambda: again(after_failure(replace(LOST, made_by=""))),
    "ha.snapshots": lambda: again(after_failure(replace(LOST, snapshots=(Snapshot(name="s"),)))),
    "ha.disk-nowhere": lambda: again(after_failure(replace(LOST, disks=(DISK,)))),
    "vm.copies": lambda: again(after_failure(replace(LOST, copies=(COPY,)), silent=(0, 2))),
    "ha.may-run-on": lambda: again(after_failure(LOST, silent=(0, 2)), maybe=((LOST.id, H2),)),
    "ha.cannot-adopt": lambda: again(without_adopting()),
    "fail.disabled": lambda: again(after_failure(LOST), NEVER),
}


@pytest.mark.parametrize("code", DOWN)
def test_what_may_not_or_cannot_start_stays_down_with_its_reason(code: str) -> None:
    found = DOWN[code]()
    assert found.plan is None
    assert {key: why.code for key, why in found.down.items()} == {LOST.id: code}
    assert found.waits == frozenset()


def test_where_no_host_has_room_it_stays_down() -> None:
    found = again(full())
    assert found.plan is None
    assert set(found.down) == {LOST.id}


def test_what_runs_or_is_unknown_on_a_host_that_answers_is_not_started() -> None:
    for state in (VmState.RUNNING, VmState.PAUSED, VmState.UNKNOWN):
        world = after_failure(replace(GONE, state=state), silent=())
        found = again(world, proofs=(), vms=frozenset({GONE.id, VmId("v9")}))
        assert found == Again(plan=None, down={})


def test_larger_ones_of_a_priority_have_the_first_choice() -> None:
    small, large = replace(GONE, memory_mib=512), replace(GONE, id=VmId("v2"), name="vm2")
    found = again(after_failure(small, large, silent=()), proofs=())
    assert found.plan is not None
    assert [step.action.vm for step in found.plan if isinstance(step.action, StartVm)] == [
        large.id,
        small.id,
    ]


def test_what_is_not_to_run_is_not_started() -> None:
    other = vm(2, "h0", state=VmState.UNKNOWN, made_by="run-1/1")
    found = again(after_failure(LOST, other), vms=frozenset({LOST.id}))
    action = the_start(found)
    assert isinstance(action, StartAfterFailure)
    assert action.wish.id == LOST.id
    assert found.down == {}


@pytest.mark.parametrize("how", ["copy", "maybe"])
def test_each_silent_host_that_may_have_it_is_proven_too(how: str) -> None:
    copy = VmCopy(host=H3, state=VmState.UNKNOWN)
    lost = replace(LOST, copies=(copy,)) if how == "copy" else LOST
    maybe = () if how == "copy" else ((LOST.id, H3),)
    world = after_failure(lost, silent=(0, 3))
    action = the_start(again(world, proofs=(OFF, SAID), maybe=maybe))
    assert isinstance(action, StartAfterFailure)
    assert (action.proof, action.also) == (OFF, (SAID,))
    assert action.host in {H1, H2}


def test_vm_that_its_host_says_is_gone_starts_there() -> None:
    found = again(after_failure(GONE, silent=()), proofs=())
    assert the_start(found) == StartVm(vm=GONE.id, host=H1)
    assert found.plan is not None
    (step,) = found.plan
    assert step.why.code == "ha.same-place"
    there = step.valid_while[0]
    assert isinstance(there, VmIs)
    assert (there.host, VmState.UNKNOWN in there.states) == (H1, False)


def test_vm_that_is_gone_and_may_run_on_a_silent_host_waits_for_its_proof() -> None:
    world = after_failure(GONE, silent=(3,))
    found = again(world, proofs=(), maybe=((GONE.id, H3),))
    assert (found.plan, found.down[GONE.id].code) == (None, "ha.may-run-on")
    found = again(world, proofs=(SAID,), maybe=((GONE.id, H3),))
    assert the_start(found) == StartVm(vm=GONE.id, host=H1)


def test_vm_that_is_gone_with_a_copy_that_nothing_is_proven_of_stays_down() -> None:
    copied = replace(GONE, copies=(VmCopy(host=H3, state=VmState.UNKNOWN),))
    world = after_failure(copied, silent=(3,))
    assert again(world, proofs=()).down[GONE.id].code == "vm.copies"
    assert the_start(again(world, proofs=(SAID,))) == StartVm(vm=GONE.id, host=H1)


def test_vm_that_is_gone_and_never_restarts_stays_down() -> None:
    assert again(after_failure(GONE, silent=()), NEVER, proofs=()).down[GONE.id].code == (
        "fail.disabled"
    )


@pytest.mark.parametrize("state", [HostState.UNKNOWN, HostState.OFF])
def test_what_a_host_said_before_it_fell_silent_starts_nothing(state: HostState) -> None:
    world = after_failure(GONE, silent=()).with_host(host(1, state=state))
    assert again(world, proofs=()) == Again(plan=None, down={})


def test_vm_that_failed_where_it_is_goes_elsewhere_and_else_is_tried_there() -> None:
    found = again(after_failure(GONE, silent=()), proofs=(), failed={GONE.id: 3})
    action = the_start(found)
    assert isinstance(action, StartAfterFailure)
    assert action.host != H1
    assert action.proof == SaidGone(host=H1, vm=GONE.id, at=SEEN_AT)
    stays = replace(GONE, made_by="")
    found = again(after_failure(stays, silent=()), proofs=(), failed={GONE.id: 3})
    assert the_start(found) == StartVm(vm=GONE.id, host=H1)


def test_vm_that_no_longer_fits_where_it_is_goes_elsewhere() -> None:
    world = after_failure(GONE, silent=()).with_host(host(1, maintenance=True))
    action = the_start(again(world, proofs=()))
    assert isinstance(action, StartAfterFailure)
    assert (action.home, action.proof) == (H1, SaidGone(host=H1, vm=GONE.id, at=SEEN_AT))
    bound = after_failure(replace(GONE, made_by=""), silent=()).with_host(host(1, maintenance=True))
    assert again(bound, proofs=()).down[GONE.id].code == "host.maintenance"


def test_vm_starts_where_it_ran_last_though_another_host_has_an_old_copy() -> None:
    world = after_failure(GONE, silent=())
    action = the_start(again(world, proofs=(), homes={GONE.id: H2}))
    assert isinstance(action, StartAfterFailure)
    assert (action.host, action.home) == (H2, H1)
    assert action.proof == SaidGone(host=H1, vm=GONE.id, at=SEEN_AT)
    closed = world.with_host(host(2, maintenance=True))
    assert the_start(again(closed, proofs=(), homes={GONE.id: H2})).host == H1
    for homes in ({GONE.id: H1}, {GONE.id: HostId("h9")}):
        assert the_start(again(world, proofs=(), homes=homes)) == StartVm(vm=GONE.id, host=H1)


HIGH = Bound(
    policy=PolicyId("high"), rule=Restart(priority=Priority.HIGH), vms=frozenset({VmId("v2")})
)


def test_lower_priorities_wait_until_the_higher_ones_run_or_took_too_long() -> None:
    other = replace(vm(2, "h0", state=VmState.UNKNOWN), made_by="run-1/1")
    world = after_failure(LOST, other)
    found = again(world, HIGH)
    action = the_start(found)
    assert found.waits == frozenset({LOST.id})
    assert isinstance(action, StartAfterFailure)
    assert action.wish.id == other.id
    all_ = again(world, HIGH, all_levels=True)
    assert all_.plan is not None
    first, second = (step.action for step in all_.plan)
    assert isinstance(first, StartAfterFailure)
    assert isinstance(second, StartAfterFailure)
    assert (first.wish.id, second.wish.id) == (other.id, LOST.id)
    assert all_.waits == frozenset()


def test_pool_is_looked_at_as_it_was_before_the_failure() -> None:
    other = vm(2, "h0", state=VmState.UNKNOWN)
    moving = replace(LOST, reason=StateReason.INCOMING)
    at_rest = VmCopy(host=H1, state=VmState.STOPPED)
    dark = VmCopy(host=H2, state=VmState.STOPPED)
    world = after_failure(replace(moving, copies=(at_rest, dark)), other, silent=(0, 2))
    task = Task(vms=frozenset({LOST.id}), maybe=((LOST.id, H3), (LOST.id, H2), (VmId("v9"), H3)))
    then = as_it_was(world, task, frozenset({H0}))
    one = then.vms[LOST.id]
    assert (one.state, one.reason) == (VmState.UNKNOWN, StateReason.NONE)
    assert one.copies == (dark, VmCopy(host=H3, state=VmState.UNKNOWN))
    assert then.vms[other.id].state is VmState.STOPPED
    same = after_failure(LOST)
    assert as_it_was(same, Task(vms=frozenset({LOST.id})), frozenset({H0})) is same
