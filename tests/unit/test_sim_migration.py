"""Migrations of the simulated world, moment by moment, also when the target's answer is lost."""

from pathlib import Path

import pytest

from anypool.clock import ManualClock
from anypool.drivers import Migration
from anypool.drivers.sim import Fault, FaultKind, Shape, SimDriver, World, build_world
from anypool.errors import Conflict, Rejected
from anypool.model import HostId, JobState, StateReason, Vm, VmCopy, VmState

RUNNING, PAUSED = VmState.RUNNING, VmState.PAUSED


class Scene:
    """A world of two hosts and one VM that runs on the first, under a hand-driven clock."""

    def __init__(
        self, *, locks: bool = True, shareable: bool = False, path: Path | None = None
    ) -> None:
        self.clock = ManualClock()
        shape = Shape(
            hosts=2,
            vms=1,
            seed=3,
            running_percent=100,
            fill_percent=90,
            locks=locks,
            shareable_percent=100 * shareable,
        )
        self.world: World = build_world(shape, clock=self.clock, path=path)
        self.driver = SimDriver(self.world)
        (self.vm,) = self.driver.observe().vms
        assert self.vm.host is not None
        self.source: HostId = self.vm.host
        self.target = next(h.id for h in self.driver.observe().hosts if h.id != self.source)

    def order(self, *, start_paused: bool = False) -> Migration:
        peer = next(h for h in self.driver.observe().hosts if h.id == self.target)
        return Migration(
            vm=self.vm.id,
            source=self.source,
            target=self.target,
            peer_uri=peer.peer_uri,
            peer_address=peer.peer_address,
            start_paused=start_paused,
        )

    def look(self) -> Vm:
        return self.driver.observe_vms((self.vm.id,)).vms[0]

    def copies(self) -> dict[HostId, tuple[VmState, StateReason]]:
        vm = self.look()
        found = {c.host: (c.state, c.reason) for c in vm.copies}
        assert vm.host is not None
        return {vm.host: (vm.state, vm.reason), **found}


def test_usual_course() -> None:
    scene = Scene()
    order = scene.order()
    scene.driver.begin_migration(order)
    assert scene.driver.migration(order).state is JobState.RUNNING
    assert scene.look().copies == (
        VmCopy(host=scene.target, state=PAUSED, reason=StateReason.INCOMING),
    )
    scene.clock.advance(60)
    assert scene.copies() == {scene.target: (RUNNING, StateReason.MIGRATED)}
    job = scene.driver.migration(order)
    assert (job.state, job.pause_ms) == (JobState.DONE, 20)
    assert scene.world.double_runs == ()
    scene.driver.begin_migration(order)
    assert scene.copies() == {scene.target: (RUNNING, StateReason.MIGRATED)}


def test_start_paused_waits_for_its_order() -> None:
    scene = Scene()
    scene.driver.begin_migration(scene.order(start_paused=True))
    scene.clock.advance(60)
    assert scene.copies() == {scene.target: (PAUSED, StateReason.BY_USER)}
    scene.driver.resume_vm(scene.vm.id, scene.target)
    assert scene.look().state is RUNNING


@pytest.mark.parametrize(
    ("locks", "shareable", "start_paused", "source", "doubles"),
    [
        (True, False, False, (PAUSED, StateReason.MIGRATING), 0),
        (True, False, True, (RUNNING, StateReason.MIGRATION_CANCELLED), 0),
        (False, False, False, (RUNNING, StateReason.MIGRATION_CANCELLED), 1),
        (True, True, False, (RUNNING, StateReason.MIGRATION_CANCELLED), 1),
        (True, True, True, (RUNNING, StateReason.MIGRATION_CANCELLED), 0),
        (False, False, True, (RUNNING, StateReason.MIGRATION_CANCELLED), 0),
    ],
)
def test_lost_answer(
    locks: bool,
    shareable: bool,
    start_paused: bool,
    source: tuple[VmState, StateReason],
    doubles: int,
) -> None:
    scene = Scene(locks=locks, shareable=shareable)
    scene.world.inject(Fault(kind=FaultKind.LOST_FINISH, operation="begin_migration"))
    order = scene.order(start_paused=start_paused)
    scene.driver.begin_migration(order)
    scene.clock.advance(5)
    target = (PAUSED, StateReason.BY_USER) if start_paused else (RUNNING, StateReason.MIGRATED)
    assert scene.copies() == {
        scene.source: (PAUSED, StateReason.MIGRATING),
        scene.target: target,
    }
    assert scene.world.double_runs == ()
    scene.clock.advance(60)
    assert scene.copies() == {scene.source: source, scene.target: target}
    assert scene.driver.migration(order).state is JobState.GONE
    assert len(scene.world.double_runs) == doubles


def test_resuming_too_early_on_a_lockless_disk_is_seen() -> None:
    scene = Scene(locks=False)
    scene.world.inject(Fault(kind=FaultKind.LOST_FINISH))
    scene.driver.begin_migration(scene.order(start_paused=True))
    scene.clock.advance(60)
    with pytest.raises(Conflict):
        scene.driver.resume_vm(scene.vm.id, scene.target)
    alone = SimDriver(scene.world, (scene.target,))
    alone.resume_vm(scene.vm.id, scene.target)
    (found,) = scene.world.double_runs
    assert found.hosts == tuple(sorted((scene.source, scene.target)))


def test_broken_memory_stream_and_cancel_leave_the_source() -> None:
    scene = Scene()
    scene.world.inject(Fault(kind=FaultKind.LOST_MEMORY))
    order = scene.order()
    scene.driver.begin_migration(order)
    scene.clock.advance(60)
    assert scene.copies() == {scene.source: (RUNNING, StateReason.MIGRATION_FAILED)}
    assert scene.driver.migration(order).state is JobState.FAILED
    scene.driver.begin_migration(order)
    scene.driver.cancel_migration(order)
    assert scene.copies() == {scene.source: (RUNNING, StateReason.MIGRATION_CANCELLED)}
    scene.driver.cancel_migration(order)


def test_death_of_either_host_in_mid_migration() -> None:
    scene = Scene()
    scene.driver.begin_migration(scene.order())
    scene.world.kill_host(scene.target)
    assert scene.copies() == {scene.source: (RUNNING, StateReason.MIGRATION_FAILED)}
    scene.world.boot_host(scene.target)
    scene.driver.begin_migration(scene.order())
    scene.world.kill_host(scene.source)
    assert scene.look().state is VmState.UNKNOWN
    scene.world.boot_host(scene.source)
    assert scene.copies() == {scene.source: (VmState.STOPPED, StateReason.NONE)}
    assert scene.world.losses == ()


def test_discarding_the_last_copy_is_seen() -> None:
    scene = Scene()
    scene.driver.discard_copy(scene.vm.id, scene.source)
    assert [loss.vm for loss in scene.world.losses] == [scene.vm.id]


def test_a_wrong_peer_is_refused() -> None:
    scene = Scene()
    order = scene.order()
    scene.world.cut_host(scene.target)
    with pytest.raises(Rejected):
        scene.driver.begin_migration(order)
