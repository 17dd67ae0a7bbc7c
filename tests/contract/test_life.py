"""The life of a VM: each operation twice is once, a failure leaves nothing, names are judged."""

import pytest
from msgspec.structs import replace

from anypool.errors import AnypoolError, Conflict, Invalid, NotFound
from anypool.model import Capability, Vm, VmId, VmState
from tests.contract.harness import Harness, tag_of
from tests.contract.test_observe import NOBODY

CREATE, POWER = Capability.VM_CREATE, Capability.VM_POWER


@pytest.mark.needs(CREATE)
def test_creating_twice_is_once(harness: Harness) -> None:
    wish = harness.wish()
    harness.driver.create_vm(wish, harness.host.id, tag_of(wish))
    made, volumes = harness.look(wish.id), harness.volumes()
    harness.driver.create_vm(wish, harness.host.id, tag_of(wish))
    assert harness.look(wish.id) == made
    assert harness.volumes() == volumes


@pytest.mark.needs(CREATE)
def test_a_vm_that_another_step_made_is_left_alone(harness: Harness) -> None:
    wish = harness.wish()
    harness.driver.create_vm(wish, harness.host.id, "run-1/1")
    before = harness.look(wish.id), harness.volumes()
    with pytest.raises(Conflict):
        harness.driver.create_vm(wish, harness.host.id, "run-2/1")
    assert (harness.look(wish.id), harness.volumes()) == before


@pytest.mark.needs(CREATE)
def test_a_name_that_is_taken_makes_nothing(harness: Harness) -> None:
    old = harness.create()
    wish = replace(harness.wish(), name=old.name)
    volumes = harness.volumes()
    with pytest.raises(Conflict):
        harness.driver.create_vm(wish, harness.host.id, "run-1/1")
    assert harness.gone(wish.id)
    assert harness.volumes() == volumes


@pytest.mark.needs(CREATE)
def test_creating_that_fails_half_way_leaves_nothing(harness: Harness) -> None:
    wish = harness.wish(disks=2)
    broken = replace(wish.disks[1], base="there-is-no-such-base.qcow2")
    volumes = harness.volumes()
    with pytest.raises(AnypoolError):
        harness.driver.create_vm(
            replace(wish, disks=(wish.disks[0], broken)), harness.host.id, "run-1/1"
        )
    assert harness.gone(wish.id)
    assert harness.volumes() == volumes
    harness.driver.create_vm(wish, harness.host.id, "run-1/1")
    assert not harness.gone(wish.id)


@pytest.mark.needs(CREATE)
def test_a_volume_that_was_there_before_is_not_taken(harness: Harness) -> None:
    old = harness.create()
    wish = harness.wish()
    taken = replace(wish.disks[0], volume=old.disks[0].volume)
    volumes = harness.volumes()
    with pytest.raises(AnypoolError):
        harness.driver.create_vm(replace(wish, disks=(taken,)), harness.host.id, tag_of(wish))
    assert harness.gone(wish.id)
    assert harness.volumes() == volumes


@pytest.mark.needs(CREATE)
@pytest.mark.parametrize(
    "name", ["", "-rf", "..", "a/b", "a b", "a\nb", "</name><disk/>", "é", "x" * 64, "a\x00"]
)
def test_wrong_names_are_refused(harness: Harness, name: str) -> None:
    wish = harness.wish()
    volumes = harness.volumes()
    for wrong in (
        replace(wish, name=name),
        replace(wish, disks=(replace(wish.disks[0], volume=name),)),
    ):
        with pytest.raises(Invalid):
            harness.driver.create_vm(wrong, harness.host.id, tag_of(wish))
    assert harness.gone(wish.id)
    assert harness.volumes() == volumes


@pytest.mark.needs(CREATE, POWER)
def test_starting_and_powering_off_twice(harness: Harness) -> None:
    vm = harness.create()
    for _ in range(2):
        harness.driver.start_vm(vm.id, harness.host.id)
        assert harness.look(vm.id).state is VmState.RUNNING
    for _ in range(2):
        harness.driver.power_off_vm(vm.id, harness.host.id)
        assert harness.look(vm.id).state is VmState.STOPPED
    assert harness.look(vm.id) == vm


@pytest.mark.needs(CREATE, POWER)
def test_shutting_down_twice(harness: Harness) -> None:
    vm = harness.create(booted=True)
    for _ in range(2):
        harness.driver.shut_down_vm(vm.id, harness.host.id, 30)
        assert harness.look(vm.id).state is VmState.STOPPED


@pytest.mark.needs(CREATE, POWER)
def test_restarting_leaves_it_running(harness: Harness) -> None:
    vm = harness.create(booted=True)
    harness.driver.reset_vm(vm.id, harness.host.id)
    assert harness.look(vm.id).state is VmState.RUNNING
    harness.wait_for_guest(vm)
    harness.driver.reboot_vm(vm.id, harness.host.id)
    harness.settle(lambda: harness.look(vm.id).state is VmState.RUNNING, "it runs again")


@pytest.mark.needs(CREATE, POWER, Capability.VM_PAUSE)
def test_pausing_and_resuming_twice(harness: Harness) -> None:
    vm = harness.create(started=True)
    for _ in range(2):
        harness.driver.pause_vm(vm.id, harness.host.id)
        assert harness.look(vm.id).state is VmState.PAUSED
    for _ in range(2):
        harness.driver.resume_vm(vm.id, harness.host.id)
        assert harness.look(vm.id).state is VmState.RUNNING


@pytest.mark.needs(CREATE, POWER, Capability.VM_PAUSE)
def test_a_stopped_vm_is_neither_paused_nor_resumed(harness: Harness) -> None:
    vm = harness.create()
    for operation in (harness.driver.pause_vm, harness.driver.resume_vm):
        with pytest.raises(Conflict):
            operation(vm.id, harness.host.id)
    assert harness.look(vm.id) == vm


@pytest.mark.needs(CREATE, Capability.VM_RENAME)
def test_renaming_twice(harness: Harness) -> None:
    vm, other = harness.create(), harness.create()
    for _ in range(2):
        harness.driver.rename_vm(vm.id, harness.host.id, f"{vm.name}-new")
        assert harness.look(vm.id) == replace(vm, name=f"{vm.name}-new")
    with pytest.raises(Conflict):
        harness.driver.rename_vm(vm.id, harness.host.id, other.name)
    with pytest.raises(Invalid):
        harness.driver.rename_vm(vm.id, harness.host.id, "<b>")


@pytest.mark.needs(CREATE, POWER, Capability.VM_RENAME)
def test_a_running_vm_is_not_renamed(harness: Harness) -> None:
    vm = harness.create(started=True)
    with pytest.raises(Conflict):
        harness.driver.rename_vm(vm.id, harness.host.id, "other")
    assert harness.look(vm.id).name == vm.name


@pytest.mark.needs(CREATE)
@pytest.mark.parametrize("volumes", [True, False])
def test_deleting_twice(harness: Harness, volumes: bool) -> None:
    vm = harness.create(disks=2)
    own = {disk.volume for disk in vm.disks}
    for _ in range(2):
        harness.driver.delete_vm(vm.id, harness.host.id, volumes)
        assert harness.gone(vm.id)
    assert own & harness.volumes() == (set() if volumes else own)
    for name in own:
        for _ in range(2):
            harness.driver.delete_volume(harness.datastore, name)
    assert not own & harness.volumes()


@pytest.mark.needs(CREATE)
def test_deleting_keeps_what_is_spared(harness: Harness) -> None:
    vm = harness.create(disks=2)
    mine, spared = vm.disks
    assert spared.datastore is not None
    harness.driver.delete_vm(vm.id, harness.host.id, True, ((spared.datastore, spared.volume),))
    assert harness.gone(vm.id)
    assert {mine.volume, spared.volume} & harness.volumes() == {spared.volume}
    harness.driver.delete_volume(harness.datastore, spared.volume)


@pytest.mark.needs(CREATE, POWER)
def test_a_running_vm_is_not_deleted(harness: Harness) -> None:
    vm = harness.create(started=True)
    with pytest.raises(Conflict):
        harness.driver.delete_vm(vm.id, harness.host.id, True)
    assert harness.look(vm.id) == vm
    assert vm.disks[0].volume in harness.volumes()


@pytest.mark.alone
@pytest.mark.needs(CREATE)
def test_deleting_keeps_a_volume_that_another_is_a_clone_of(harness: Harness) -> None:
    base = harness.create()
    wish = harness.wish()
    clone = replace(wish.disks[0], base=base.disks[0].volume)
    harness.driver.create_vm(replace(wish, disks=(clone,)), harness.host.id, tag_of(wish))
    harness.driver.delete_vm(base.id, harness.host.id, True)
    assert harness.gone(base.id)
    assert base.disks[0].volume in harness.volumes()
    with pytest.raises(Conflict):
        harness.driver.delete_volume(harness.datastore, base.disks[0].volume)
    with pytest.raises(Conflict):
        harness.driver.delete_volume(harness.datastore, clone.volume)
    harness.driver.delete_vm(wish.id, harness.host.id, True)
    harness.driver.delete_volume(harness.datastore, base.disks[0].volume)
    assert not {clone.volume, base.disks[0].volume} & harness.volumes()


@pytest.mark.alone
@pytest.mark.needs(CREATE, POWER)
def test_discarding_a_copy_keeps_its_volumes(harness: Harness) -> None:
    vm = harness.create(started=True)
    harness.discarded.add(vm.id)
    for _ in range(2):
        harness.driver.discard_copy(vm.id, harness.host.id)
        assert harness.gone(vm.id)
    assert vm.disks[0].volume in harness.volumes()
    harness.driver.delete_volume(harness.datastore, vm.disks[0].volume)


@pytest.mark.needs(CREATE, POWER)
def test_a_vm_that_is_nowhere_is_not_found(harness: Harness) -> None:
    with pytest.raises(NotFound):
        harness.driver.start_vm(NOBODY, harness.host.id)
    with pytest.raises(NotFound):
        harness.driver.power_off_vm(NOBODY, harness.host.id)
    harness.driver.delete_vm(NOBODY, harness.host.id, True)
    harness.driver.discard_copy(NOBODY, harness.host.id)


@pytest.mark.needs(CREATE)
def test_a_second_connection_sees_the_same(harness: Harness) -> None:
    vm: Vm = harness.create()
    other = harness.again()
    assert other.observe_vms((vm.id,)).vms == (vm,)
    assert other.info().hosts == harness.driver.info().hosts


def test_closing_twice_is_harmless(harness: Harness) -> None:
    other = harness.again()
    other.info()
    other.close()
    other.close()
    assert harness.driver.observe_vms((VmId(NOBODY),)).missing
