"""The datacenter of the demo, its loads, and the failures that are played on it."""

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anypool.drivers.protocol import Migration
from anypool.drivers.sim import SimDriver, World, datacenter, rhythm
from anypool.drivers.sim.records import Rhythm, SimGuest
from anypool.drivers.sim.scenes import SCENES, Stage
from anypool.errors import (
    AnypoolError,
    Conflict,
    Invalid,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Unreachable,
)
from anypool.model import DatastoreId, DiskWish, HostId, HostState, JobState, Vm, VmState, VmWish

H1, H2 = datacenter.host_id("h1"), datacenter.host_id("h2")
PATIENCE_S = 10.0


class Theatre:
    """A small datacenter in a file: whoever plays on it, and drivers that have it open."""

    def __init__(self, path: Path) -> None:
        self.cast = datacenter.build(path, 3, 6)
        self.stage = Stage(path)
        self.world = World("audience", path=path)
        self.all = SimDriver(self.world)

    def driver(self, host: HostId) -> SimDriver:
        """A driver of one host, as one libvirtd is of one."""
        return SimDriver(self.world, (host,))

    def vm(self, host: HostId) -> Vm:
        """A VM that runs on a host."""
        vms = self.all.observe().vms
        return next(vm for vm in vms if vm.host == host and vm.state is VmState.RUNNING)

    def migration(self, vm: Vm, target: HostId) -> Migration:
        """An order to move a VM."""
        assert vm.host is not None
        name = target.removeprefix("demo-")
        return Migration(
            vm=vm.id,
            source=vm.host,
            target=target,
            peer_uri=f"sim://demo/{name}",
            peer_address=name,
            start_paused=False,
        )


@pytest.fixture
def theatre(tmp_path: Path) -> Theatre:
    return Theatre(tmp_path / "world")


def test_a_datacenter_is_the_same_each_time_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "world"
    first = datacenter.build(path, 40, 400)
    size = path.stat().st_size
    assert datacenter.build(path, 40, 400) == first
    assert path.stat().st_size == size
    frame = SimDriver(World("demo", path=path)).observe()
    assert len(frame.hosts) == len(first.hosts) == 40
    assert {vm.id for vm in frame.vms} == set(first.vms)
    assert len({vm.name for vm in frame.vms}) == 400
    assert {host.hypervisor for host in frame.hosts} == {"simulated"}


def test_no_host_is_overfull_and_every_vm_is_near_its_disk(tmp_path: Path) -> None:
    path = tmp_path / "world"
    datacenter.build(path, 40, 400)
    frame = SimDriver(World("demo", path=path)).observe()
    for host in frame.hosts:
        here = [vm for vm in frame.vms if vm.host == host.id]
        used = sum(vm.memory_mib for vm in here if vm.state is VmState.RUNNING)
        assert used <= host.memory_mib
        assert {disk.datastore for vm in here for disk in vm.disks} <= host.datastores


@given(hosts=st.integers(1, 12), vms=st.integers(1, 120))
def test_there_are_as_many_as_asked_for(hosts: int, vms: int) -> None:
    cast = datacenter.cast_of(hosts, vms)
    assert (len(cast.hosts), len(cast.vms)) == (hosts, vms)


@given(
    day=st.integers(0, 60),
    wave=st.integers(0, 40),
    begin=st.floats(0, 2e9),
    steps=st.lists(st.floats(0.01, 4000), min_size=1, max_size=20),
)
def test_a_counter_never_shrinks_and_follows_its_rate(
    day: int, wave: int, begin: float, steps: list[float]
) -> None:
    guest = SimGuest(busy_percent=50, rhythm=Rhythm(day_percent=day, wave_percent=wave))
    at, used = begin, 0
    for step in steps:
        at += step
        now = rhythm.used_ns(guest, 2, begin, at)
        assert now >= used
        assert now - used <= step * 2e9 + 1000
        used = now


def test_a_load_follows_the_day() -> None:
    guest = SimGuest(busy_percent=40, rhythm=Rhythm(day_percent=80, peak_h=14))
    peak, night = (rhythm.rate_ns(guest, 4, hour * 3600) for hour in (14.0, 2.0))
    assert round(peak / 1e7), round(night / 1e7) == (288, 32)
    second = rhythm.used_ns(guest, 4, 14 * 3600, 14 * 3600 + 1)
    assert abs(second - peak) < peak / 100


@pytest.mark.parametrize("scene", ["host-down", "network-cut"])
def test_a_host_that_is_gone_answers_nobody_until_it_is_healed(
    theatre: Theatre, scene: str
) -> None:
    vm = theatre.vm(H1)
    theatre.stage.play(scene, "h1")
    with pytest.raises(Unreachable):
        theatre.driver(H1).observe()
    assert len(theatre.stage.trouble()) == 1
    theatre.stage.play("heal", "h1")
    assert theatre.stage.trouble() == ()
    after = next(one for one in theatre.driver(H1).observe().vms if one.id == vm.id)
    ended = scene == "host-down"
    assert after.state is (VmState.STOPPED if ended else VmState.RUNNING)


def test_whoever_asks_a_frozen_host_waits_until_it_thaws(theatre: Theatre) -> None:
    theatre.stage.play("host-freeze", "h1")
    shown = {host.id: host.state for host in theatre.all.observe().hosts}
    assert shown[H1] is HostState.UNKNOWN
    heard = threading.Event()

    def ask() -> None:
        theatre.driver(H1).observe()
        heard.set()

    threading.Thread(target=ask, daemon=True).start()
    assert theatre.driver(H2).observe().hosts
    assert not heard.wait(0.3)
    theatre.stage.play("heal", "")
    assert heard.wait(PATIENCE_S)


def test_a_migration_stands_still_with_its_host(theatre: Theatre) -> None:
    vm = theatre.vm(H1)
    order = theatre.migration(vm, H2)
    theatre.stage.play("slow-migration", "h1")
    theatre.driver(H1).begin_migration(order)
    theatre.stage.play("host-freeze", "h2")
    with theatre.world.turn() as state:
        before = state.moves.rows[vm.id].switch_at
    theatre.stage.play("heal", "h2")
    with theatre.world.turn() as state:
        move = state.moves.rows[vm.id]
    assert move.switch_at > before
    assert move.switch_at - move.began_at > 10, "it crawls"
    assert theatre.driver(H1).migration(order).state is JobState.RUNNING


def test_a_frozen_host_is_no_target(theatre: Theatre) -> None:
    order = theatre.migration(theatre.vm(H1), H2)
    theatre.stage.play("host-freeze", "h2")
    with pytest.raises(Rejected):
        theatre.driver(H1).begin_migration(order)


def test_a_full_datastore_refuses_and_has_its_room_again_when_healed(theatre: Theatre) -> None:
    def store() -> tuple[int, int]:
        rows = {one.name: one for one in theatre.all.observe().datastores}
        return rows["flash-north"].free_bytes, rows["bulk-north"].free_bytes

    before = store()
    theatre.stage.play("datastore-full", "flash-north")
    theatre.stage.play("datastore-full", "flash-north")
    assert store() == (0, before[1])
    disk = DiskWish(
        target="vda", datastore=DatastoreId("demo-flash-north"), size_bytes=1 << 30,
        volume="new.qcow2",
    )  # fmt: skip
    wish = VmWish(id=theatre.vm(H1).id.replace("-4", "-5"), name="new", disks=(disk,))  # type: ignore[arg-type]
    with pytest.raises((Rejected, Invalid)):
        theatre.driver(H1).create_vm(wish, H1, "tag")
    theatre.stage.play("heal", "")
    assert store() == before


@pytest.mark.parametrize(
    ("scene", "state"), [("vm-crash", VmState.CRASHED), ("by-hand", VmState.STOPPED)]
)
def test_a_vm_that_ends(theatre: Theatre, scene: str, state: VmState) -> None:
    vm = theatre.vm(H1)
    theatre.stage.play(scene, vm.name)
    assert next(one.state for one in theatre.all.observe().vms if one.id == vm.id) is state
    with pytest.raises(Conflict):
        theatre.stage.play(scene, vm.name)


def test_a_lost_word(theatre: Theatre) -> None:
    vm = theatre.vm(H1)
    theatre.stage.play("lost-word", "")
    with pytest.raises(OutcomeUnknown):
        theatre.driver(H1).power_off_vm(vm.id, H1)
    theatre.stage.play("heal", "")
    theatre.driver(H1).start_vm(vm.id, H1)
    assert theatre.stage.judged() == (0, 0)


@pytest.mark.parametrize("scene", ["broken-migration", "lost-answer"])
def test_a_fault_of_the_next_migration_waits_for_it(theatre: Theatre, scene: str) -> None:
    theatre.stage.play(scene, "")
    (waiting,) = theatre.stage.trouble()
    assert "begin migration" in waiting
    vm = theatre.vm(H1)
    theatre.driver(H1).begin_migration(theatre.migration(vm, H2))
    assert theatre.stage.trouble() == ()


def test_every_scene_can_be_played(theatre: Theatre) -> None:
    for scene in SCENES.values():
        vm = next(one for one in theatre.all.observe().vms if one.state is VmState.RUNNING)
        targets = {"host": "h1", "vm": vm.name, "datastore": "bulk-north", "": ""}
        assert theatre.stage.play(scene.name, targets[scene.target]), scene.name
        theatre.stage.play("heal", "")
        assert theatre.stage.trouble() == (), scene.name


@pytest.mark.parametrize(
    ("scene", "target", "wrong"),
    [
        ("earthquake", "", NotFound),
        ("host-down", "", Invalid),
        ("host-down", "h99", NotFound),
        ("lost-answer", "h1", Invalid),
        ("vm-crash", "nobody", NotFound),
        ("datastore-full", "h1", NotFound),
        ("heal", "h99", NotFound),
    ],
)
def test_what_cannot_be_played_says_why(
    theatre: Theatre, scene: str, target: str, wrong: type[AnypoolError]
) -> None:
    with pytest.raises(wrong) as refused:
        theatre.stage.play(scene, target)
    assert refused.value.hint
    assert theatre.stage.trouble() == ()


def test_a_dead_host_does_not_freeze(theatre: Theatre) -> None:
    theatre.stage.play("host-down", "h1")
    with pytest.raises(Conflict):
        theatre.stage.play("host-freeze", "h1")
