"""The libvirt driver on a real host: what hangs, what breaks, and what grows while it runs."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from anypool.drivers import Driver
from anypool.drivers.libvirt.events import Events
from anypool.errors import Invalid, NotSupported, Rejected, Unreachable
from anypool.model import (
    Changes,
    DatastoreId,
    DiskWish,
    NetworkId,
    Nic,
    Resources,
    VmChange,
    VmId,
    VmState,
    VmWish,
)
from tests.lab.conftest import RunningLab, wait_until
from tests.lab.libvirt_pair import VM, Pair

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]

NOTICED_S = 12.0
"""A frozen libvirtd is noticed after 6 s; a busy machine may take longer."""
TINY = "tiny"


@pytest.fixture
def pair(lab: RunningLab) -> Iterator[Pair]:
    with lab.inside():
        made = Pair(lab)
        made.clear()
        yield made
        made.clear()


def test_a_frozen_libvirtd_is_noticed_and_its_thaw_asks_for_everything(pair: Pair) -> None:
    cursor = pair.source.changes("", 0).cursor
    daemon = pair.daemon("h1")
    os.kill(daemon, signal.SIGSTOP)
    begun = time.monotonic()
    try:
        with pytest.raises(Unreachable):
            pair.source.observe()
    finally:
        os.kill(daemon, signal.SIGCONT)
    assert time.monotonic() - begun < NOTICED_S
    assert pair.source.observe().hosts == (pair.here,)
    assert pair.source.changes(cursor, 0).resync


def test_a_host_that_falls_silent_is_told_at_once_and_given_up_after_a_knock(pair: Pair) -> None:
    cursor = felt(pair.source)
    pair.lab.partition("h1")
    begun = time.monotonic()
    seen = pair.source.changes(cursor, 30)
    assert seen.quiet
    assert seen.cursor == cursor
    with pytest.raises(Unreachable):
        pair.source.changes(cursor, 30)
    assert time.monotonic() - begun < NOTICED_S / 2
    pair.lab.heal("h1")
    assert wait_until(lambda: answered(pair.source, cursor), "h1 answers").resync


def test_a_moment_without_an_answer_costs_nothing(pair: Pair) -> None:
    cursor = felt(pair.source)
    daemon = pair.daemon("h1")
    os.kill(daemon, signal.SIGSTOP)
    try:
        assert pair.source.changes(cursor, 30).quiet
    finally:
        os.kill(daemon, signal.SIGCONT)
    again = pair.source.changes(cursor, 1)
    assert not again.resync
    assert not again.quiet


def felt(driver: Driver) -> str:
    """Return where changes are at, once a silence of the host would be noticed early.

    Opened by a thread of its own, that connection may not be there yet when a daemon is frozen;
    then nobody is told, and the next call waits in libvirt for ever.
    """
    assert isinstance(driver, Events)

    def look() -> str:
        cursor = driver.changes("", 0).cursor
        return cursor if driver._pulse.felt else ""

    return wait_until(look, "the pulse is felt")


def answered(driver: Driver, cursor: str) -> Changes | None:
    try:
        return driver.changes(cursor, 0)
    except Unreachable:
        return None


def test_a_killed_libvirtd_asks_for_everything_and_events_come_again(pair: Pair) -> None:
    pair.start()
    cursor = pair.source.changes("", 0).cursor
    os.kill(pair.daemon("h1"), signal.SIGKILL)
    pair.lab.wait_for_libvirt("h1")
    seen = pair.source.changes(cursor, 5)
    assert seen.resync
    pair.source.pause_vm(VM, pair.here.id)
    assert VM in pair.source.changes(seen.cursor, 5).vms


def test_what_the_guest_does_is_heard(pair: Pair) -> None:
    pair.start()
    cursor = pair.source.changes("", 0).cursor
    pair.lab.virsh("h1", "destroy", "moving")
    assert pair.source.changes(cursor, 5).vms == {VM}


def test_a_running_vm_grows_as_far_as_it_was_made_to(pair: Pair) -> None:
    pair.start()
    here = pair.here.id
    pair.source.power_off_vm(VM, here)
    pair.source.reconfigure_vm(VM, here, VmChange(vcpus=2))
    pair.source.reconfigure_vm(VM, here, VmChange(vcpus=1))
    pair.source.start_vm(VM, here)
    pair.ticks_on()
    pair.source.reconfigure_vm(VM, here, VmChange(vcpus=2, memory_mib=96))
    (vm,) = pair.source.observe_vms((VM,)).vms
    assert (vm.vcpus, vm.memory_mib) == (2, 96)
    for change in (VmChange(vcpus=3), VmChange(memory_mib=4096), VmChange(vcpus=1)):
        with pytest.raises(Rejected) as caught:
            pair.source.reconfigure_vm(VM, here, change)
        assert caught.value.hint == "stop it first"
    pair.ticks_on()


def test_shares_are_refused_where_the_host_cannot_keep_them(pair: Pair) -> None:
    pair.start()
    change = VmChange(resources=Resources(cpu_shares=100))
    with pytest.raises(NotSupported, match="control groups"):
        pair.source.reconfigure_vm(VM, pair.here.id, change)


def test_the_screen_is_where_the_driver_says(pair: Pair) -> None:
    pair.start()
    vnc = pair.source.console(VM, "vnc")
    assert vnc.port >= 5900
    hello = f"exec 3<>/dev/tcp/{vnc.address}/{vnc.port}; head -c 3 <&3"
    assert pair.lab.run_on("h1", ["bash", "-c", hello]).out == "RFB"
    with pytest.raises(Invalid):
        pair.source.console(VM, "telnet")


def test_counters_count(pair: Pair) -> None:
    pair.start()
    before = {load.vm or load.host: load for load in pair.source.measure()}
    pair.ticks_on()
    after = {load.vm or load.host: load for load in pair.source.measure()}
    assert after[VM].cpu_ns > before[VM].cpu_ns
    assert after[pair.here.id].cpu_ns > before[pair.here.id].cpu_ns
    assert after[VM].memory_used_mib > 0


@pytest.fixture
def full(pair: Pair) -> Iterator[DatastoreId]:
    """A datastore on h1 with hardly any room."""
    folder = f"{Path(pair.lab.status().datastore_dir).parent}/servers/h1/{TINY}"
    on = pair.lab.run_on
    for argv in (["mkdir", "-p", folder], ["mount", "-t", "tmpfs", "-o", "size=64k", TINY, folder]):
        assert on("h1", argv).code == 0
    pair.lab.virsh("h1", "pool-create-as", TINY, "dir", "--target", folder)
    yield next(d.id for d in pair.source.observe().datastores if d.name == TINY)
    pair.lab.virsh("h1", "pool-destroy", TINY)
    on("h1", ["umount", folder])


def test_a_full_datastore_is_refused_with_nothing_left(pair: Pair, full: DatastoreId) -> None:
    driver: Driver = pair.source
    disk = DiskWish(target="vda", datastore=full, size_bytes=1 << 30, volume="large.qcow2")
    wish = VmWish(id=VM, name="moving", memory_mib=64, disks=(disk,))
    with pytest.raises(Rejected) as caught:
        driver.create_vm(wish, pair.here.id, "test/1")
    assert "full" in caught.value.hint
    frame = driver.observe()
    assert not [volume for volume in frame.volumes if volume.datastore == full]
    assert frame.vms == ()


def test_a_missing_network_is_refused_before_anything_is_made(pair: Pair) -> None:
    nic = Nic(mac="52:54:00:00:02:02", network=NetworkId("nowhere"))
    wish = VmWish(id=VM, name="moving", memory_mib=64, nics=(nic,))
    with pytest.raises(Rejected, match="no network nowhere"):
        pair.source.create_vm(wish, pair.here.id, "test/1")


def test_a_vm_that_died_is_crashed_and_starts_again(pair: Pair) -> None:
    pair.start()
    os.kill(pair.emulator("h1"), signal.SIGKILL)

    def state() -> VmState:
        return pair.source.observe_vms((VmId(VM),)).vms[0].state

    wait_until(lambda: state() is VmState.CRASHED, "it is seen to be dead")
    pair.source.start_vm(VM, pair.here.id)
    assert state() is VmState.RUNNING
