"""The simulated world itself: its file, its generator, its faults, its events, its size."""

import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from anypool.clock import ManualClock
from anypool.drivers.sim import Fault, FaultKind, Shape, SimDriver, build_world
from anypool.errors import Conflict, OutcomeUnknown, Rejected, Unreachable
from anypool.model import HostId, Vm, VmState
from tests.unit.test_sim_migration import Scene


def running_vm(driver: SimDriver) -> Vm:
    return next(vm for vm in driver.observe().vms if vm.state is VmState.RUNNING)


def power_off(driver: SimDriver, vm: Vm) -> None:
    assert vm.host is not None
    driver.power_off_vm(vm.id, vm.host)


def test_the_same_seed_gives_the_same_pool() -> None:
    shape = Shape(hosts=5, vms=40, seed=9, local_percent=20, snapshot_percent=10)
    first, second = (SimDriver(build_world(shape)).observe() for _ in range(2))
    assert first == second
    other = SimDriver(build_world(Shape(hosts=5, vms=40, seed=10))).observe()
    assert other.vms != first.vms


def test_shares_of_a_shape_are_kept() -> None:
    shape = Shape(
        hosts=10, vms=400, local_percent=25, snapshot_percent=25, shareable_percent=50, networks=3
    )
    frame = SimDriver(build_world(shape)).observe()
    local = [vm for vm in frame.vms if "local" in str(vm.disks[0].datastore)]
    assert 50 < len(local) < 150
    assert 50 < sum(bool(vm.snapshots) for vm in frame.vms) < 150
    assert 120 < sum(vm.disks[0].shareable for vm in frame.vms) < 280
    assert {vm.nics[0].network for vm in frame.vms} == {n.id for n in frame.networks}
    for host in frame.hosts:
        held = sum(v.memory_mib for v in frame.vms if v.host == host.id and v.state == "running")
        assert held <= host.memory_mib


def test_no_memory_no_start() -> None:
    driver = SimDriver(build_world(Shape(hosts=1, vms=60, host_mib=16384, fill_percent=100)))
    stopped = [vm for vm in driver.observe().vms if vm.state is VmState.STOPPED]
    started = 0
    for vm in stopped:
        with suppress(Rejected):
            driver.start_vm(vm.id, HostId("sim-h1"))
            started += 1
    assert 0 < started < len(stopped)
    held = sum(vm.memory_mib for vm in driver.observe().vms if vm.state is VmState.RUNNING)
    assert held <= 16384


def test_a_world_in_a_file_outlives_its_process_and_is_shared(tmp_path: Path) -> None:
    first = build_world(Shape(), path=tmp_path / "world")
    second = build_world(Shape(hosts=99), path=tmp_path / "world")
    one, two = SimDriver(first), SimDriver(second)
    assert one.observe() == two.observe()
    cursor = two.changes("", 0).cursor
    vm = running_vm(one)
    power_off(one, vm)
    changes = two.changes(cursor, 0)
    assert changes.vms == {vm.id}
    assert two.observe_vms((vm.id,)).vms[0].state is VmState.STOPPED
    first.close()
    second.close()
    third = SimDriver(build_world(Shape(), path=tmp_path / "world"))
    assert third.observe_vms((vm.id,)).vms[0].state is VmState.STOPPED


def test_a_torn_last_frame_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "world"
    first = build_world(Shape(), path=path)
    before = SimDriver(first).observe()
    first.close()
    whole = path.stat().st_size
    with path.open("ab") as file:
        file.write(b"\xff\0\0\0half a frame")
    second = build_world(Shape(), path=path)
    assert SimDriver(second).observe() == before
    assert path.stat().st_size == whole
    power_off(SimDriver(second), running_vm(SimDriver(second)))
    second.close()


def test_a_migration_goes_on_after_its_process_died(tmp_path: Path) -> None:
    scene = Scene(path=tmp_path / "world")
    scene.driver.begin_migration(scene.order())
    scene.world.close()
    clock = ManualClock(scene.clock.now() + 60)
    world = build_world(Shape(), clock=clock, path=tmp_path / "world")
    (vm,) = SimDriver(world).observe_vms((scene.vm.id,)).vms
    assert (vm.host, vm.state) == (scene.target, VmState.RUNNING)
    world.close()


def test_faults_strike_as_often_as_they_are_told() -> None:
    world = build_world()
    driver = SimDriver(world)
    vm = running_vm(driver)
    world.inject(Fault(kind=FaultKind.UNREACHABLE, operation="power_off_vm", times=2))
    for _ in range(2):
        with pytest.raises(Unreachable):
            power_off(driver, vm)
    power_off(driver, vm)
    world.inject(Fault(kind=FaultKind.REJECTED, vm=vm.id, times=-1))
    for _ in range(5):
        with pytest.raises(Rejected):
            power_off(driver, vm)
    world.clear_faults()
    power_off(driver, vm)


def test_a_delay_passes_in_the_worlds_own_time() -> None:
    clock = ManualClock()
    world = build_world(clock=clock)
    world.inject(Fault(kind=FaultKind.DELAY, operation="info", delay_s=3600))
    SimDriver(world).info()
    assert clock.monotonic() == 3600


def test_a_hang_lasts_until_it_is_released() -> None:
    world = build_world()
    driver = SimDriver(world)
    world.inject(Fault(kind=FaultKind.HANG, operation="info"))
    done = threading.Event()

    def ask() -> None:
        driver.info()
        done.set()

    threading.Thread(target=ask, daemon=True).start()
    while world.faults:
        time.sleep(0.001)
    assert driver.observe().vms
    assert not done.is_set()
    world.release()
    assert done.wait(10)


def test_chance_faults_come_at_their_rate_and_by_seed() -> None:
    def failures(seed: int) -> list[str]:
        world = build_world(Shape(seed=seed))
        driver = SimDriver(world)
        vm = running_vm(driver)
        world.fault_rate = 0.2
        found = []
        for _ in range(500):
            try:
                power_off(driver, vm)
            except (Unreachable, OutcomeUnknown) as error:
                found.append(type(error).__name__)
        return found

    first = failures(1)
    assert 60 < len(first) < 140
    assert set(first) == {"Unreachable", "OutcomeUnknown"}
    assert failures(1) == first
    assert failures(2) != first


def test_lost_events_ask_for_a_resync() -> None:
    world = build_world()
    driver = SimDriver(world)
    cursor = driver.changes("", 0).cursor
    power_off(driver, running_vm(driver))
    world.lose_events()
    lost = driver.changes(cursor, 0)
    assert lost.resync
    assert not driver.changes(lost.cursor, 0).resync


def test_an_endpoint_hears_of_its_own_hosts_only() -> None:
    world = build_world(Shape(hosts=2, vms=8))
    ends = {host: SimDriver(world, (host,)) for host in SimDriver(world).info().hosts}
    cursors = {host: end.changes("", 0).cursor for host, end in ends.items()}
    vm = running_vm(SimDriver(world))
    power_off(SimDriver(world), vm)
    for host, end in ends.items():
        assert end.changes(cursors[host], 0).vms == ({vm.id} if host == vm.host else set())


def test_a_change_wakes_the_one_who_waits() -> None:
    world = build_world()
    driver = SimDriver(world)
    vm = running_vm(driver)
    cursor = driver.changes("", 0).cursor
    heard: list[frozenset[str]] = []
    thread = threading.Thread(target=lambda: heard.append(driver.changes(cursor, 30).vms))
    thread.start()
    power_off(driver, vm)
    thread.join(10)
    assert heard == [{vm.id}]


def test_starting_a_vm_that_two_hosts_define_is_seen_by_lock_or_oracle() -> None:
    for locks in (True, False):
        world = build_world(Shape(hosts=2, vms=1, running_percent=100, locks=locks))
        vm = running_vm(SimDriver(world))
        other = next(h for h in SimDriver(world).info().hosts if h != vm.host)
        with world.turn() as state:
            state.put_copy(other, vm.id, state.copies.rows[f"{vm.host}/{vm.id}"])
            state.double_runs.rows.clear()
            power = state.copies.rows[f"{other}/{vm.id}"].vm
        alone = SimDriver(world, (other,))
        alone.power_off_vm(power.id, other)
        with pytest.raises(Conflict):
            SimDriver(world).start_vm(vm.id, other)
        if locks:
            with pytest.raises(Rejected, match="lock"):
                alone.start_vm(vm.id, other)
            assert world.double_runs == ()
        else:
            alone.start_vm(vm.id, other)
            assert [found.vm for found in world.double_runs] == [vm.id]


def test_many_threads_keep_the_world_whole() -> None:
    world = build_world(Shape(hosts=4, vms=40, host_mib=1 << 20))
    driver = SimDriver(world)
    vms = driver.observe().vms

    def work(part: int) -> None:
        for vm in vms[part::8]:
            assert vm.host is not None
            for _ in range(5):
                driver.power_off_vm(vm.id, vm.host)
                driver.start_vm(vm.id, vm.host)

    threads = [threading.Thread(target=work, args=(part,)) for part in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {vm.state for vm in driver.observe().vms} == {VmState.RUNNING}
    assert world.double_runs == ()


@pytest.mark.thorough
def test_a_large_pool_is_read_in_a_second_and_its_changes_at_once() -> None:
    world = build_world(Shape(hosts=2500, vms=40_000, host_mib=262_144))
    driver = SimDriver(world)
    cursor = driver.changes("", 0).cursor
    began = time.process_time()
    frame = driver.observe()
    read_s = time.process_time() - began
    assert len(frame.vms) == 40_000
    began = time.process_time()
    power_off(driver, running_vm_of(frame.vms))
    assert len(driver.changes(cursor, 0).vms) == 1
    changed_s = time.process_time() - began
    assert read_s < 2.0
    assert changed_s < 0.1


def running_vm_of(vms: tuple[Vm, ...]) -> Vm:
    return next(vm for vm in vms if vm.state is VmState.RUNNING)
