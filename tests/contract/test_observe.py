"""Reading: full and partial frames, changes with a cursor, counters."""

import pytest

from anypool.errors import Conflict, Invalid
from anypool.model import Capability, HostState, VmId, VmState
from tests.contract.harness import Harness

NOBODY = VmId("ffffffff-ffff-4fff-8fff-ffffffffffff")


def test_info_names_the_hosts_that_observe_shows(harness: Harness) -> None:
    info = harness.driver.info()
    assert info.product
    assert info.version
    assert set(info.hosts) == {host.id for host in harness.driver.observe().hosts}
    assert harness.host.id in info.hosts


def test_a_full_frame_hangs_together(harness: Harness) -> None:
    frame = harness.driver.observe()
    assert frame.full
    assert not frame.missing
    stores = {store.id for store in frame.datastores}
    networks = {network.id for network in frame.networks}
    for host in frame.hosts:
        assert host.state is HostState.UP
        assert host.memory_mib > 0
        assert host.cpus > 0
        assert host.datastores <= stores
        assert host.networks <= networks
    hosts = {host.id for host in frame.hosts}
    assert len({vm.id for vm in frame.vms}) == len(frame.vms)
    assert {vm.host for vm in frame.vms} <= hosts
    assert all(vm.id == vm.id.lower() and len(vm.id) == 36 for vm in frame.vms)
    assert {volume.datastore for volume in frame.volumes} <= stores


@pytest.mark.needs(Capability.VM_CREATE)
def test_a_partial_frame_has_what_was_asked_and_names_what_is_missing(harness: Harness) -> None:
    vm = harness.create()
    frame = harness.driver.observe_vms((vm.id, NOBODY))
    assert not frame.full
    assert frame.vms == (vm,)
    assert frame.missing == (NOBODY,)
    assert vm in harness.driver.observe().vms
    assert harness.driver.observe_vms(()).vms == ()


@pytest.mark.needs(Capability.VM_CREATE)
def test_a_new_vm_is_seen_as_it_was_wished(harness: Harness) -> None:
    wish = harness.wish(disks=2)
    harness.driver.create_vm(wish, harness.host.id, "run-1/1")
    vm = harness.look(wish.id)
    assert (vm.id, vm.name, vm.host, vm.state) == (
        wish.id,
        wish.name,
        harness.host.id,
        VmState.STOPPED,
    )
    assert (vm.vcpus, vm.memory_mib, vm.boot) == (wish.vcpus, wish.memory_mib, wish.boot)
    assert [(d.target, d.datastore, d.volume) for d in vm.disks] == [
        (d.target, d.datastore, d.volume) for d in wish.disks
    ]
    assert vm.nics == wish.nics
    assert vm.made_by == "run-1/1"
    assert {disk.volume for disk in wish.disks} <= harness.volumes()


@pytest.mark.needs(Capability.EVENTS, Capability.VM_CREATE, Capability.VM_POWER)
def test_changes_follow_a_cursor(harness: Harness) -> None:
    cursor = harness.driver.changes("", 0).cursor
    vm = harness.create()
    first = harness.driver.changes(cursor, 5)
    assert vm.id in first.vms
    assert not first.resync
    harness.driver.start_vm(vm.id, harness.host.id)
    second = harness.driver.changes(first.cursor, 5)
    assert vm.id in second.vms
    assert harness.driver.changes(second.cursor, 0).vms <= {vm.id}
    repeated = harness.driver.changes(cursor, 0)
    assert vm.id in repeated.vms or repeated.resync


@pytest.mark.needs(Capability.EVENTS)
@pytest.mark.parametrize("cursor", ["another-life:7", "nonsense", "-1", "99999999999"])
def test_a_cursor_from_elsewhere_asks_for_a_resync(harness: Harness, cursor: str) -> None:
    changes = harness.driver.changes(cursor, 0)
    assert changes.resync
    assert not harness.driver.changes(changes.cursor, 0).resync


@pytest.mark.needs(Capability.STATISTICS, Capability.VM_CREATE, Capability.VM_POWER)
def test_counters_of_hosts_and_running_vms_never_fall(harness: Harness) -> None:
    vm = harness.create(started=True)
    first = harness.driver.measure()
    second = harness.driver.measure()
    assert any(load.host == harness.host.id for load in first)
    assert any(load.vm == vm.id for load in first)
    before = {(load.host, load.vm): load for load in first}
    for load in second:
        old = before.get((load.host, load.vm))
        assert old is None or load.cpu_ns >= old.cpu_ns
        assert (load.host is None) != (load.vm is None)
    harness.driver.power_off_vm(vm.id, harness.host.id)
    assert all(load.vm != vm.id for load in harness.driver.measure())


@pytest.mark.needs(Capability.CONSOLE, Capability.VM_CREATE, Capability.VM_POWER)
def test_consoles_of_a_running_vm(harness: Harness) -> None:
    vm = harness.create(started=True)
    screen = harness.driver.console(vm.id, "vnc")
    assert screen.kind == "vnc"
    assert screen.port or screen.path
    with pytest.raises(Invalid):
        harness.driver.console(vm.id, "telnet")
    with harness.visit(vm) as visitor:
        visitor.settimeout(60)
        said = b""
        while harness.says not in said:
            said += (more := visitor.recv(4096))
            assert more, said
        harness.driver.power_off_vm(vm.id, harness.host.id)
        while visitor.recv(65536):
            pass
    with pytest.raises(Conflict):
        harness.driver.console(vm.id, "serial")
