"""What both hosts show while a VM migrates and when the migration is disturbed.

These are the facts that the engine's decisions stand on; the table is in
`anypool.drivers.libvirt.migrate`. Whether a VM runs twice is judged by the guest alone:
both copies write to one console, and a tick that is there twice was counted twice.
"""

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.drivers import Driver, Migration
from anypool.drivers.registry import connect
from anypool.errors import Rejected
from anypool.model import (
    Boot,
    DatastoreId,
    DiskWish,
    Endpoint,
    EndpointId,
    Host,
    JobState,
    NetworkId,
    Nic,
    StateReason,
    VmId,
    VmState,
    VmWish,
)
from tests.lab.conftest import RunningLab, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]

VM = VmId("0a0a0a0a-0000-4000-8000-000000000001")
LIBVIRT_PORT = 16509
GIVES_UP_S = 60.0
"""libvirt's own limit for a peer that does not answer is 30 s."""

Seen = tuple[VmState, StateReason] | None
ABSENT: Seen = None
COPYING: Seen = (VmState.PAUSED, StateReason.INCOMING)
HANDED_OVER: Seen = (VmState.PAUSED, StateReason.MIGRATING)
RUNNING: Seen = (VmState.RUNNING, StateReason.NONE)
ARRIVED: Seen = (VmState.RUNNING, StateReason.MIGRATED)
WAITING: Seen = (VmState.PAUSED, StateReason.BY_USER)
RESUMED_ITSELF: Seen = (VmState.RUNNING, StateReason.MIGRATION_CANCELLED)


class Pair:
    """The lab's hosts h1 and h2 with one VM, seen through two drivers."""

    def __init__(self, lab: RunningLab) -> None:
        self.lab = lab
        self.source, self.target = self.connect("h1"), self.connect("h2")
        self.here, self.there = host_of(self.source), host_of(self.target)
        self.console = Path(lab.status().console_dir) / f"{VM}.log"

    def connect(self, server: str) -> Driver:
        options = (("console_log_dir", self.lab.status().console_dir), ("accelerator", "tcg"))
        endpoint = Endpoint(
            id=EndpointId(server),
            driver="libvirt",
            uri=self.lab.server(server).libvirt_uri,
            options=options,
        )
        return connect(endpoint, "")

    def shared(self) -> DatastoreId:
        """The datastore both hosts see, marked if need be."""
        store = next(d for d in self.source.observe().datastores if d.name == "shared")
        self.source.mark_datastore(store.id)
        self.target.observe()
        return next(d.id for d in self.source.observe().datastores if d.name == "shared")

    def start(self, *, shareable: bool = False, options: str = "tick=0.1") -> None:
        """Start the VM on h1 and wait for its ticks."""
        image = self.lab.status().image
        assert image is not None
        kind = "raw" if shareable else "qcow2"
        disk = DiskWish(
            target="vda",
            datastore=self.shared(),
            size_bytes=16 << 20,
            volume=f"moving.{kind}",
            format=kind,
            shareable=shareable,
        )
        cmdline = f"{image.cmdline} {options}"
        wish = VmWish(
            id=VM,
            name="moving",
            memory_mib=image.memory_mib,
            disks=(disk,),
            nics=(Nic(mac="52:54:00:00:02:01", network=NetworkId("data")),),
            boot=Boot(kernel=image.kernel, initrd=image.initrd, cmdline=cmdline),
        )
        self.console.unlink(missing_ok=True)
        self.source.create_vm(wish, self.here.id, "test/1")
        self.source.start_vm(VM, self.here.id)
        wait_until(lambda: len(self.ticks()) > 3, "the guest ticks", timeout_s=60)

    def order(self, *, start_paused: bool = False, bandwidth_mib_s: int = 0) -> Migration:
        return Migration(
            vm=VM,
            source=self.here.id,
            target=self.there.id,
            peer_uri=self.there.peer_uri,
            peer_address=self.there.peer_address,
            start_paused=start_paused,
            bandwidth_mib_s=bandwidth_mib_s,
        )

    def both(self) -> tuple[Seen, Seen]:
        return look(self.source), look(self.target)

    def wait_for(self, here: Seen, there: Seen) -> None:
        wanted = (here, there)
        what = f"{wanted}, the last seen was {self.both()}"
        wait_until(lambda: self.both() == wanted, what, timeout_s=GIVES_UP_S)

    def finish(self, order: Migration) -> JobState:
        """Wait for the end of a migration and say what the driver says of it."""
        job = wait_until(
            lambda: (found := self.source.migration(order)).state is not JobState.RUNNING and found,
            "the migration ends",
            timeout_s=GIVES_UP_S,
        )
        assert job
        return job.state

    def ticks(self) -> list[int]:
        if not self.console.exists():
            return []
        lines = self.console.read_text(errors="replace").splitlines()[:-1]
        return [int(line.split()[1]) for line in lines if line.startswith("tick ")]

    def ticks_on(self, count: int = 5) -> None:
        goal = self.ticks()[-1] + count
        wait_until(lambda: self.ticks()[-1] >= goal, f"the guest ticks on to {goal}")

    def ran_twice(self) -> bool:
        """Whether two copies counted: the same tick came twice."""
        return max(Counter(self.ticks()).values()) > 1

    def daemon(self, server: str) -> int:
        """The process of a server's libvirtd."""
        for pid in self.lab.server(server).pids:
            if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"libvirtd"):
                return pid
        raise AssertionError(f"no libvirtd on {server}")

    def emulator(self, server: str) -> int:
        """The process of the VM on a server."""
        return next(p.pid for p in self.lab.processes(server) if p.vm_uuid == VM)

    def clear(self) -> None:
        """Forget every copy and the volumes."""
        self.lab.repair()
        for server in ("h1", "h2"):
            driver = self.connect(server)
            driver.discard_copy(VM, host_of(driver).id)
        driver = self.connect("h1")
        for name in ("moving.qcow2", "moving.raw"):
            driver.delete_volume(self.shared(), name)


def host_of(driver: Driver) -> Host:
    (host,) = driver.observe().hosts
    return host


def look(driver: Driver) -> Seen:
    found = driver.observe_vms((VM,)).vms
    return (found[0].state, found[0].reason) if found else None


@pytest.fixture
def pair(lab: RunningLab) -> Iterator[Pair]:
    with lab.inside():
        made = Pair(lab)
        made.clear()
        yield made
        made.clear()


def test_both_sides_show_where_a_migration_stands(pair: Pair) -> None:
    pair.start()
    order = pair.order(bandwidth_mib_s=20)
    seen: list[tuple[Seen, Seen]] = []
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(0.02):
            seen.append(pair.both())

    pair.source.begin_migration(order)
    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        assert pair.source.migration(order).state is JobState.RUNNING
        assert pair.finish(order) is JobState.DONE
        pause_ms = pair.source.migration(order).pause_ms
    finally:
        ended.set()
        sampler.join()
    assert pair.both() == (ABSENT, ARRIVED)
    assert (RUNNING, COPYING) in seen
    first = {RUNNING, HANDED_OVER}
    assert {there for here, there in seen if here in first} <= {ABSENT, COPYING, ARRIVED}
    assert 0 < pause_ms < 1000
    pair.ticks_on()
    assert not pair.ran_twice()


def test_a_target_that_starts_paused_waits_for_us(pair: Pair) -> None:
    pair.start()
    order = pair.order(start_paused=True)
    pair.source.begin_migration(order)
    assert pair.finish(order) is JobState.DONE
    assert pair.both() == (ABSENT, WAITING)
    stood_at = pair.ticks()[-1]
    pair.target.resume_vm(VM, pair.there.id)
    pair.ticks_on()
    assert stood_at + 1 in pair.ticks()
    assert not pair.ran_twice()


def test_a_migration_begun_elsewhere_is_adopted(pair: Pair) -> None:
    pair.start()
    order = pair.order(bandwidth_mib_s=20)
    pair.source.begin_migration(order)
    other = pair.connect("h1")
    job = other.migration(order)
    assert job.state is JobState.RUNNING
    assert job.bytes_total > 0
    other.begin_migration(order)
    wait_until(lambda: other.migration(order).state is not JobState.RUNNING, "it ends")
    assert other.migration(order).state is JobState.GONE
    pair.wait_for(ABSENT, ARRIVED)


def test_a_cancelled_migration_leaves_the_vm_where_it_was(pair: Pair) -> None:
    pair.start()
    order = pair.order(bandwidth_mib_s=5)
    pair.source.begin_migration(order)
    pair.source.cancel_migration(order)
    pair.source.cancel_migration(order)
    pair.wait_for(RUNNING, ABSENT)
    assert pair.finish(order) is JobState.FAILED
    pair.ticks_on()


def test_a_disk_that_is_not_shared_keeps_its_vm(pair: Pair) -> None:
    pair.start()
    own = next(d.id for d in pair.source.observe().datastores if not d.shared)
    disk = DiskWish(target="vdb", datastore=own, size_bytes=1 << 20, volume="own.qcow2")
    pair.source.attach_disk(VM, pair.here.id, disk, "test/2")
    with pytest.raises(Rejected, match="vdb is not on a shared datastore"):
        pair.source.begin_migration(pair.order())
    assert pair.both() == (RUNNING, ABSENT)
    pair.source.power_off_vm(VM, pair.here.id)
    pair.source.delete_vm(VM, pair.here.id, volumes=True)


def test_an_unreachable_target_is_refused_at_once(pair: Pair) -> None:
    pair.start()
    nowhere = replace(pair.order(), peer_uri="qemu+tcp://10.77.0.1:9/system")
    with pytest.raises(Rejected) as caught:
        pair.source.begin_migration(nowhere)
    assert caught.value.hint
    assert pair.both() == (RUNNING, ABSENT)


@pytest.mark.parametrize("server", ["h1", "h2"])
def test_a_killed_libvirtd_ends_the_migration_not_the_vm(pair: Pair, server: str) -> None:
    pair.start()
    order = pair.order(bandwidth_mib_s=5)
    pair.source.begin_migration(order)
    wait_until(lambda: pair.both() == (RUNNING, COPYING), "memory is copied")
    os.kill(pair.daemon(server), signal.SIGKILL)
    pair.lab.wait_for_libvirt(server)
    pair.wait_for(RUNNING, ABSENT)
    assert pair.finish(order) is JobState.GONE
    pair.ticks_on()
    assert pair.lab.running(VM) == ["h1"]


@pytest.mark.parametrize(
    ("server", "left"), [("h1", (VmState.CRASHED, StateReason.NONE)), ("h2", RUNNING)]
)
def test_a_killed_emulator_ends_its_copy_only(pair: Pair, server: str, left: Seen) -> None:
    pair.start()
    pair.source.begin_migration(pair.order(bandwidth_mib_s=5))
    wait_until(lambda: pair.both() == (RUNNING, COPYING), "memory is copied")
    os.kill(pair.emulator(server), signal.SIGKILL)
    pair.wait_for(left, ABSENT)


class LostAnswer:
    """The target finishes a migration and the source never hears of it."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self._daemon = pair.daemon("h2")

    def happen(self, order: Migration) -> None:
        """Freeze the target's libvirtd until the source waits for it, then lose what it says."""
        self._pair.source.begin_migration(order)
        wait_until(lambda: self._pair.both()[1] == COPYING, "memory is copied")
        os.kill(self._daemon, signal.SIGSTOP)
        try:
            wait_until(lambda: look(self._pair.source) == HANDED_OVER, "the source waits")
            threading.Event().wait(0.7)  # until the order to finish lies in the frozen queue
            self._pair.lab.partition("h1", f"from:h2:{LIBVIRT_PORT}")
        finally:
            os.kill(self._daemon, signal.SIGCONT)


@pytest.mark.parametrize(
    ("shareable", "start_paused", "states", "twice"),
    [
        (False, False, (HANDED_OVER, ARRIVED, HANDED_OVER, ARRIVED), False),
        (True, False, (HANDED_OVER, ARRIVED, RESUMED_ITSELF, ARRIVED), True),
        (True, True, (HANDED_OVER, WAITING, RESUMED_ITSELF, WAITING), False),
    ],
    ids=["locked", "unlocked", "unlocked-start-paused"],
)
def test_a_lost_answer(
    pair: Pair,
    shareable: bool,
    start_paused: bool,
    states: tuple[Seen, Seen, Seen, Seen],
    twice: bool,
) -> None:
    """libvirt alone lets two copies run on a disk without a lock, and `start_paused` cures it.

    `states` are both sides' when the answer is lost, and when the source has given up.
    """
    pair.start(shareable=shareable)
    order = pair.order(start_paused=start_paused, bandwidth_mib_s=12)
    LostAnswer(pair).happen(order)
    pair.wait_for(*states[:2])
    assert pair.finish(order) is JobState.GONE
    pair.wait_for(*states[2:])
    running = pair.target if states[3] == ARRIVED else pair.source
    pair.ticks_on()
    assert look(running) in (ARRIVED, RESUMED_ITSELF)
    assert pair.ran_twice() is twice
