"""Disks, adapters, sizes and snapshots: twice is once, and nothing foreign is touched."""

import pytest
from msgspec.structs import replace

from anypool.errors import AnypoolError, Conflict, Invalid
from anypool.model import Capability, DatastoreId, Resources, Vm, VmChange, VmState
from tests.contract.harness import MIB, Harness

CREATE, POWER = Capability.VM_CREATE, Capability.VM_POWER
DEVICES = Capability.VM_DEVICES
SNAPSHOT = Capability.SNAPSHOT
RECONFIGURE = Capability.VM_RECONFIGURE


@pytest.mark.needs(CREATE, POWER, DEVICES)
@pytest.mark.parametrize("started", [False, True])
def test_attaching_and_detaching_a_disk_twice(harness: Harness, started: bool) -> None:
    vm = harness.create(booted=started)
    disk = harness.disk(int(vm.name.removeprefix("contract")), 1)
    both = [harness.place(0), harness.place(1)]
    for _ in range(2):
        harness.driver.attach_disk(vm.id, harness.host.id, disk, "run-1/2")
        harness.settle(lambda: _targets(harness, vm) == both, "it has two disks")
        assert disk.volume in harness.volumes()
    for _ in range(2):
        harness.driver.detach_disk(vm.id, harness.host.id, both[1])
        assert _targets(harness, vm) == both[:1]
    assert disk.volume in harness.volumes()
    harness.driver.delete_volume(harness.datastore, disk.volume)


def _targets(harness: Harness, vm: Vm) -> list[str]:
    return sorted(disk.target for disk in harness.look(vm.id).disks)


@pytest.mark.needs(CREATE, POWER, Capability.DISK_MIGRATION)
@pytest.mark.parametrize("started", [False, True])
def test_moving_disks_twice(harness: Harness, started: bool) -> None:
    vm = harness.create(started=started, disks=2)
    for _ in range(2):
        harness.driver.move_disks(vm.id, harness.host.id, harness.elsewhere)
        seen = harness.look(vm.id)
        assert {disk.datastore for disk in seen.disks} == {harness.elsewhere}
        assert [disk.volume for disk in seen.disks] == [disk.volume for disk in vm.disks]
        assert seen.state is vm.state
    harness.driver.move_disks(vm.id, harness.host.id, harness.datastore)
    assert harness.look(vm.id).disks == vm.disks


@pytest.mark.needs(CREATE, Capability.DISK_MIGRATION)
def test_disks_that_cannot_be_moved_stay(harness: Harness) -> None:
    vm = harness.create()
    with pytest.raises(AnypoolError):
        harness.driver.move_disks(vm.id, harness.host.id, DatastoreId("nowhere"))
    assert harness.look(vm.id) == vm


@pytest.mark.needs(CREATE, DEVICES)
def test_attaching_that_cannot_be_leaves_no_volume(harness: Harness) -> None:
    vm = harness.create()
    number = int(vm.name.removeprefix("contract"))
    volumes = harness.volumes()
    for wrong in (
        replace(harness.disk(number, 0), volume="another.qcow2"),
        harness.disk(number, 2, base="there-is-no-such-base.qcow2"),
        replace(harness.disk(number, 2), size_bytes=1 << 62),
    ):
        with pytest.raises(AnypoolError):
            harness.driver.attach_disk(vm.id, harness.host.id, wrong, "run-1/2")
        assert harness.volumes() == volumes
        assert harness.look(vm.id) == vm
    for name in ("../x", "a b", ""):
        wrong = replace(harness.disk(number, 2), volume=name)
        with pytest.raises(Invalid):
            harness.driver.attach_disk(vm.id, harness.host.id, wrong, "run-1/2")


@pytest.mark.needs(CREATE, POWER, DEVICES)
@pytest.mark.parametrize("started", [False, True])
def test_attaching_and_detaching_an_adapter_twice(harness: Harness, started: bool) -> None:
    vm = harness.create(booted=started)
    nic = harness.nic(int(vm.name.removeprefix("contract")), 1)
    for _ in range(2):
        harness.driver.attach_nic(vm.id, harness.host.id, nic)
        assert set(harness.look(vm.id).nics) == {*vm.nics, nic}
    for _ in range(2):
        harness.driver.detach_nic(vm.id, harness.host.id, nic.mac)
        assert harness.look(vm.id).nics == vm.nics


@pytest.mark.needs(CREATE, DEVICES)
@pytest.mark.parametrize("mac", ["", "52:54:00:00:00", "53:54:00:00:00:01", "52:54:00:00:00:0G"])
def test_wrong_addresses_are_refused(harness: Harness, mac: str) -> None:
    vm = harness.create()
    with pytest.raises(Invalid):
        harness.driver.attach_nic(vm.id, harness.host.id, replace(harness.nic(1, 1), mac=mac))
    assert harness.look(vm.id) == vm


@pytest.mark.needs(CREATE, RECONFIGURE)
def test_a_stopped_vm_takes_any_size(harness: Harness) -> None:
    vm = harness.create()
    change = VmChange(
        vcpus=2, memory_mib=128, resources=Resources(cpu_shares=512, cpu_limit_percent=150)
    )
    for _ in range(2):
        harness.driver.reconfigure_vm(vm.id, harness.host.id, change)
        seen = harness.look(vm.id)
        assert (seen.vcpus, seen.memory_mib) == (2, 128)
        assert seen.resources.cpu_shares == 512
        assert seen.resources.cpu_limit_percent == 150
    seen = harness.look(vm.id)
    harness.driver.reconfigure_vm(vm.id, harness.host.id, VmChange())
    assert harness.look(vm.id) == seen


@pytest.mark.needs(CREATE, POWER, RECONFIGURE)
def test_a_running_vm_grows_as_far_as_it_was_made_to(harness: Harness) -> None:
    wish = harness.wish()
    grown = wish.memory_mib * 2
    wish = replace(wish, max_vcpus=2, max_memory_mib=grown)
    harness.driver.create_vm(wish, harness.host.id, "run-1/1")
    harness.driver.start_vm(wish.id, harness.host.id)
    harness.driver.reconfigure_vm(wish.id, harness.host.id, VmChange(vcpus=2))
    seen = harness.look(wish.id)
    assert (seen.vcpus, seen.state) == (2, VmState.RUNNING)
    with pytest.raises(AnypoolError):
        harness.driver.reconfigure_vm(wish.id, harness.host.id, VmChange(vcpus=64))
    assert harness.look(wish.id).vcpus == 2


@pytest.mark.needs(CREATE, SNAPSHOT)
def test_snapshots_of_a_stopped_vm(harness: Harness) -> None:
    vm = harness.create()
    for _ in range(2):
        harness.driver.create_snapshot(vm.id, harness.host.id, "s1", "run-1/3")
        (snapshot,) = harness.look(vm.id).snapshots
        assert (snapshot.name, snapshot.with_memory, snapshot.tag) == ("s1", False, "run-1/3")
    with pytest.raises(Conflict):
        harness.driver.create_snapshot(vm.id, harness.host.id, "s1", "run-2/3")
    harness.driver.revert_snapshot(vm.id, harness.host.id, "s1")
    assert harness.look(vm.id).state is VmState.STOPPED
    for _ in range(2):
        harness.driver.delete_snapshot(vm.id, harness.host.id, "s1")
        assert harness.look(vm.id).snapshots == ()
    with pytest.raises(AnypoolError):
        harness.driver.revert_snapshot(vm.id, harness.host.id, "s1")


@pytest.mark.needs(CREATE, POWER, SNAPSHOT)
def test_a_snapshot_of_a_running_vm_returns_to_running(harness: Harness) -> None:
    vm = harness.create(started=True)
    harness.driver.create_snapshot(vm.id, harness.host.id, "s1", "run-1/3")
    (snapshot,) = harness.look(vm.id).snapshots
    assert snapshot.with_memory
    harness.driver.power_off_vm(vm.id, harness.host.id)
    harness.driver.revert_snapshot(vm.id, harness.host.id, "s1")
    assert harness.look(vm.id).state is VmState.RUNNING
    harness.driver.delete_snapshot(vm.id, harness.host.id, "s1")


@pytest.mark.needs(CREATE, SNAPSHOT)
def test_wrong_snapshot_names_are_refused(harness: Harness) -> None:
    vm = harness.create()
    for name in ("", "-s", "a/b", "<s/>"):
        with pytest.raises(Invalid):
            harness.driver.create_snapshot(vm.id, harness.host.id, name, "run-1/3")
    assert harness.look(vm.id) == vm


@pytest.mark.needs(CREATE)
def test_marking_a_datastore_twice(harness: Harness) -> None:
    store = harness.datastore
    for _ in range(2):
        harness.driver.mark_datastore(store)
    marked = [d for d in harness.driver.observe().datastores if d.shared]
    assert marked
    assert all(d.capacity_bytes >= MIB for d in marked)
