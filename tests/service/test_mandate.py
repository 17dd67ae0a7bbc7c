"""Deeds of a manager whose lease is over: refused by its workers, whoever woke up first."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from anypool.clock import SystemClock
from anypool.drivers.wire import Mandate
from anypool.errors import OutcomeUnknown, Unreachable
from anypool.model import VmId, VmState
from tests.service.test_drivers_remote import Asked, Scene, a_stopped_vm, start, until

SITE = "0123456789ab"
LONG_S, SHORT_S = 60.0, 0.4


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.close()


def allow(scene: Scene, left_s: float, epoch: int = 1) -> None:
    at = SystemClock().monotonic() + left_s
    scene.pool.obey(Mandate(site=SITE, epoch=epoch, until=at))


def state_of(scene: Scene, vm: VmId) -> VmState:
    found = scene.driver("near").observe_vms((vm,)).vms
    return found[0].state


def test_without_a_manager_nothing_is_asked_for(scene: Scene) -> None:
    vm = a_stopped_vm(scene.driver("near"))
    start(scene.driver("near"), vm)


def test_a_lease_that_is_over_ends_deeds_and_leaves_looks(scene: Scene) -> None:
    near = scene.driver("near")
    allow(scene, LONG_S)
    vm = a_stopped_vm(near)
    allow(scene, -1.0)
    with pytest.raises(Unreachable, match="the lease of this manager is over") as refused:
        start(near, vm)
    assert refused.value.hint
    assert state_of(scene, vm.id) is VmState.STOPPED
    allow(scene, LONG_S)
    start(near, vm)


def test_a_worker_that_goes_on_alone_begins_no_deed_after_the_lease(scene: Scene) -> None:
    """The call lies in its pipe, sent in time; the worker reads it too late."""
    near = scene.driver("near")
    allow(scene, LONG_S)
    vm = a_stopped_vm(near)
    (worker,) = scene.pool.workers()
    os.kill(worker, signal.SIGSTOP)
    allow(scene, SHORT_S)
    over = SystemClock().monotonic() + SHORT_S
    late = Asked(lambda: start(near, vm))
    until(lambda: SystemClock().monotonic() > over, "the lease is over")
    os.kill(worker, signal.SIGCONT)
    late.end()
    assert isinstance(late.error, Unreachable), late.error
    assert state_of(scene, vm.id) is VmState.STOPPED


def test_a_deed_of_a_reign_that_ended_is_not_done_in_the_next(scene: Scene) -> None:
    """The manager lost the lease and holds it again: what it asked for before is void."""
    near = scene.driver("near")
    allow(scene, LONG_S, epoch=1)
    vm = a_stopped_vm(near)
    scene.pool._mandate = None  # as a call that was made out before
    with pytest.raises(Unreachable, match="epoch 0"):
        start(near, vm)
    allow(scene, LONG_S, epoch=3)
    start(near, vm)


def test_a_worker_that_is_new_knows_for_whom_it_acts(scene: Scene) -> None:
    allow(scene, -1.0)
    vm = scene.driver("near").observe().vms[0]
    with pytest.raises(Unreachable, match="lease"):
        start(scene.driver("near"), vm)


def test_after_a_pause_nothing_is_under_way_and_old_drivers_are_of_no_use(scene: Scene) -> None:
    """As for a manager that leaves the work to another one: what it was about to do is not done."""
    near = scene.driver("near")
    allow(scene, LONG_S)
    vm = a_stopped_vm(near)
    scene.pool.pause()
    assert scene.pool.workers() == ()
    with pytest.raises(Unreachable, match="was changed"):
        start(near, vm)
    assert scene.pool.workers() == ()
    again = scene.driver("near")
    with pytest.raises(Unreachable, match="lease"):
        start(again, again.observe().vms[0])
    allow(scene, LONG_S, epoch=3)
    start(again, again.observe_vms((vm.id,)).vms[0])


def test_in_the_middle_of_a_deed_nobody_knows_what_it_did() -> None:
    from anypool.drivers.mandate import Acting, Held, acting, check

    now = [0.0]
    held = Held(lambda: now[0])
    held.mandate = Mandate(site=SITE, epoch=1, until=10.0)
    with acting(Acting(held, 1)):
        check("make a volume")
        now[0] = 10.0
        with pytest.raises(OutcomeUnknown, match="define the VM"):
            check("define the VM")
    check("what no manager asked for")
