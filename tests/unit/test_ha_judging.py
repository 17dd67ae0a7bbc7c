"""A step after a failure is judged by what every host says right before the deed."""

import pytest
from msgspec.structs import replace

from anypool.engine.runs.decision import Act, Done, Fail, Memory, Wait
from anypool.engine.runs.judging import OfFailure, of_failure
from anypool.engine.runs.look import Trail, judge
from anypool.engine.runs.migration import Times
from anypool.engine.runs.sight import Seen, Sight
from anypool.model import HostId, HostState, Power, PowerOff, Proof, SaidGone, VmState
from anypool.plan import (
    Action,
    DeleteVm,
    FenceHost,
    ForgetCopy,
    Reason,
    RemoveCopy,
    StartAfterFailure,
    StartVm,
    reason,
)
from anypool.planner.ha.anew import wish_of
from tests.strategies import pool, vm

HERE, HOME, THIRD = HostId("h0"), HostId("h1"), HostId("h2")
VM = vm(1, HOME)
WORLD = pool(3).with_vm(VM)


def off(host: HostId) -> Proof:
    return PowerOff(host=host, first_at=1.0, at=3.0)


def start(*also: Proof) -> StartAfterFailure:
    return StartAfterFailure(wish=wish_of(VM), host=HERE, home=HOME, proof=off(HOME), also=also)


def seen(host: HostId, state: VmState | None = None, *, answered: bool = True) -> Seen:
    return Seen(host, answered=answered, state=state)


def told(action: OfFailure, *looks: Seen, power: Power = Power.UNKNOWN, **more: object) -> object:
    sight = replace(Sight(inventory=WORLD, seen=looks, power=power, void=None), **more)
    found = of_failure(action, sight, (Memory(), Times(3.0, 45.0)), acked=False)
    return found.why.code if isinstance(found, Fail) else type(found)


SILENT_HOME = seen(HOME, answered=False)


def test_silent_host_that_may_have_been_given_the_vm_is_proven_first() -> None:
    assert told(start(), seen(HERE), SILENT_HOME, open=(THIRD,)) == "ha.may-run-on"
    running = seen(HERE, VmState.RUNNING)
    assert told(start(), running, SILENT_HOME, open=(THIRD,)) is Done


@pytest.mark.parametrize(
    "action", [StartVm(vm=VM.id, host=HOME), DeleteVm(vm=VM.id, host=HOME, volumes=True)]
)
def test_vm_that_may_run_unheard_is_neither_started_nor_deleted_at_home(action: Action) -> None:
    stopped = seen(HOME, VmState.STOPPED)
    times = Times(3.0, 45.0)
    for open_, wanted in (((THIRD,), Wait), ((), Act)):
        sight = Sight(inventory=WORLD, seen=(stopped,), open=open_)
        assert type(judge(action, sight, Trail(tag="r/1"), times)) is wanted


@pytest.mark.parametrize(
    ("also", "third", "found"),
    [
        ((), seen(THIRD), Act),
        ((), seen(THIRD, VmState.STOPPED), Act),
        ((), seen(THIRD, VmState.RUNNING), "run.elsewhere"),
        ((), seen(THIRD, VmState.PAUSED), "run.elsewhere"),
        ((), seen(THIRD, answered=False), "ha.unproven"),
        ((off(THIRD),), seen(THIRD, answered=False), Act),
        ((SaidGone(host=THIRD, vm=VM.id, at=3.0),), seen(THIRD, answered=False), "ha.unproven"),
        ((off(THIRD),), seen(THIRD, VmState.RUNNING), "run.elsewhere"),
    ],
)
def test_each_host_that_may_have_the_vm_is_gone_or_proven(
    also: tuple[Proof, ...], third: Seen, found: object
) -> None:
    """A proof about one silent host says nothing of another one."""
    assert told(start(*also), seen(HERE), SILENT_HOME, third) == found


@pytest.mark.parametrize(
    ("here", "found"),
    [
        (seen(HERE, answered=False), Wait),
        (seen(HERE, VmState.RUNNING), Done),
        (seen(HERE, VmState.PAUSED), "run.vm-is"),
        (seen(HERE, VmState.STOPPED), Act),
    ],
)
def test_what_is_at_the_target_counts(here: Seen, found: object) -> None:
    assert told(start(), here, SILENT_HOME) == found


@pytest.mark.parametrize(
    ("void", "found"),
    [(reason("ha.not-now", host=HOME), "ha.not-now"), (reason("ha.no-power-now", host=HOME), Wait)],
)
def test_a_proof_that_does_not_stand_now_starts_nothing(void: Reason, found: object) -> None:
    assert told(start(), seen(HERE), SILENT_HOME, void=void) == found


@pytest.mark.parametrize(
    ("state", "power", "found"),
    [
        (HostState.UNKNOWN, Power.ON, Act),
        (HostState.UNKNOWN, Power.OFF, Done),
        (HostState.UNKNOWN, Power.UNKNOWN, Wait),
        (HostState.UP, Power.ON, "ha.lives"),
        (HostState.UP, Power.OFF, "ha.lives"),
    ],
)
def test_nobody_who_answers_is_switched_off(state: HostState, power: Power, found: object) -> None:
    world = WORLD.with_host(replace(WORLD.host(HOME), state=state))
    assert told(FenceHost(host=HOME), power=power, inventory=world) == found


@pytest.mark.parametrize(
    ("lives", "copy", "found"),
    [
        (VmState.RUNNING, VmState.STOPPED, Act),
        (VmState.RUNNING, None, Done),
        (VmState.RUNNING, VmState.RUNNING, "run.elsewhere"),
        (VmState.STOPPED, VmState.STOPPED, "run.elsewhere"),
    ],
)
def test_only_a_stopped_copy_of_a_vm_that_runs_is_forgotten(
    lives: VmState, copy: VmState | None, found: object
) -> None:
    action = ForgetCopy(vm=VM.id, host=HOME, lives_on=HERE)
    assert told(action, seen(HERE, lives), seen(HOME, copy)) == found
    assert told(action, seen(HERE, lives), seen(HOME, answered=False)) == Wait


@pytest.mark.parametrize(
    ("rest", "here", "found"),
    [
        (VmState.STOPPED, VmState.STOPPED, Act),
        (VmState.PAUSED, VmState.STOPPED, Act),
        (VmState.RUNNING, VmState.STOPPED, Act),
        (VmState.RUNNING, None, Done),
        (None, VmState.STOPPED, "run.elsewhere"),
        (VmState.STOPPED, VmState.RUNNING, "run.elsewhere"),
        (VmState.STOPPED, VmState.PAUSED, "run.elsewhere"),
    ],
)
def test_copy_is_removed_only_while_another_is_seen_that_stays(
    rest: VmState | None, here: VmState | None, found: object
) -> None:
    action = RemoveCopy(vm=VM.id, host=THIRD, keeps=HOME)
    assert told(action, seen(HOME, rest), seen(THIRD, here)) == found
    assert told(action, seen(HOME, answered=False), seen(THIRD, here)) is Wait
    assert told(action, seen(HOME, rest), seen(THIRD, answered=False)) is Wait
