"""What both hosts show while a VM migrates and when the migration is disturbed.

These are the facts that the engine's decisions stand on; the table is in
`anypool.drivers.libvirt.migrate`. Whether a VM runs twice is judged by the guest alone:
both copies write to one console, and a tick that is there twice was counted twice.
"""

import os
import signal
import threading
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from anypool.drivers import Migration
from anypool.errors import Rejected
from anypool.model import DiskWish, JobState, StateReason, VmState
from tests.lab.conftest import RunningLab, wait_until
from tests.lab.libvirt_pair import (
    ABSENT,
    ARRIVED,
    COPYING,
    HANDED_OVER,
    LIBVIRT_PORT,
    RESUMED_ITSELF,
    RUNNING,
    VM,
    WAITING,
    Pair,
    Seen,
    look,
)

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]


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
