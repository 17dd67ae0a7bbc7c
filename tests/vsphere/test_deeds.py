"""Deeds on a vCenter: what is begun, how its task is found again, and what is refused."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from pyVmomi import vim

from anypool.drivers import Driver, Migration
from anypool.drivers.registry import connect
from anypool.errors import Conflict, Denied, NotFound, Rejected, UnderWay
from anypool.lab import vcsim
from anypool.model import (
    DiskWish,
    Host,
    HostState,
    Job,
    JobOrder,
    JobState,
    NetworkId,
    Nic,
    Vm,
    VmId,
    VmState,
    VmWish,
)
from tests.contract.centre import Patient
from tests.vsphere.conftest import endpoint_of, found, session

SLOW_S = 1.5
NEW = VmId("0b9d4fd2-46a1-4c39-8d57-7c8f3b3e2a11")


@pytest.fixture(scope="module")
def slow() -> Iterator[vcsim.Vcsim]:
    """A vCenter whose vMotions and clones take their time, and that forbids suspending."""
    kinds = (("migrate", SLOW_S), ("relocateVm", SLOW_S), ("cloneVm", SLOW_S))
    spec = vcsim.VcsimSpec(clusters=2, hosts=2, vms=8, slow=kinds, forbid=("SuspendVM_Task",))
    running = vcsim.start(spec)
    yield running
    running.stop()


@pytest.fixture
def driver(slow: vcsim.Vcsim) -> Iterator[Driver]:
    made = connect(endpoint_of(slow), slow.password)
    yield made
    made.close()


@pytest.fixture
def content(slow: vcsim.Vcsim) -> Iterator[Any]:
    with session(slow) as made:
        yield made


@pytest.fixture
def patient(driver: Driver) -> Any:
    """The same driver, whose deeds return when they are done."""
    return Patient(driver, "test")


def running(driver: Driver, cluster: str = "DC0_C0") -> tuple[Vm, Host, list[Host]]:
    """A VM that runs, its host, and the other hosts of its cluster."""
    frame = driver.observe()
    hosts = [host for host in frame.hosts if host.cluster == cluster]
    vm = next(
        one
        for one in frame.vms
        if one.state is VmState.RUNNING and one.host in {host.id for host in hosts}
    )
    here = next(host for host in hosts if host.id == vm.host)
    return vm, here, [host for host in hosts if host.id != vm.host]


def order(vm: Vm, source: Host, target: Host) -> Migration:
    return Migration(
        vm=vm.id, source=source.id, target=target.id, peer_uri="", peer_address="",
        start_paused=False,
    )  # fmt: skip


def ended(driver: Driver, asked: JobOrder) -> Job:
    deadline = time.monotonic() + 20
    while (job := driver.job(asked)).state is JobState.RUNNING:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return job


def moves(content: Any, name: str) -> int:
    """How many vMotions of a VM this vCenter was ever asked for."""
    infos = [task.info for task in content.taskManager.recentTask]
    vms = {vm._moId: vm.name for vm in found(content, vim.VirtualMachine)}
    about = [(str(one.descriptionId), one.entity) for one in infos]
    return sum(
        1
        for kind, entity in about
        if kind in ("VirtualMachine.migrate", "VirtualMachine.relocateVm")
        and entity is not None
        and vms.get(entity._moId) == name
    )


def begun(driver: Driver, asked: Migration) -> str:
    with pytest.raises(UnderWay) as under_way:
        driver.begin_migration(asked)
    return under_way.value.handle


def test_a_migration_is_a_task_that_anybody_can_ask_and_find(
    slow: vcsim.Vcsim, driver: Driver, content: Any
) -> None:
    vm, here, others = running(driver)
    handle = begun(driver, order(vm, here, others[0]))
    assert begun(driver, order(vm, here, others[0])) == handle, "it is taken for the same"
    asked = JobOrder(operation="begin_migration", host=here.id, vm=vm.id)
    again = connect(endpoint_of(slow, "again"), slow.password)
    assert again.job(asked).handle == handle, "it is found without its handle"
    known = replace(asked, handle=handle)
    assert again.job(known).state is JobState.RUNNING
    assert driver.observe_vms((vm.id,)).vms[0].host == here.id
    assert ended(again, known).state is JobState.DONE
    assert again.observe_vms((vm.id,)).vms[0].host == others[0].id
    assert again.job(asked).state is JobState.GONE, "what is over is told by the VM"
    assert again.job(replace(asked, handle="task-99999")).state is JobState.GONE
    assert moves(content, vm.name) == 1
    again.close()


def test_another_cluster_is_reached_by_relocating(driver: Driver) -> None:
    vm, here, _ = running(driver, "DC0_C1")
    target = next(host for host in driver.observe().hosts if host.cluster == "DC0_C0")
    handle = begun(driver, order(vm, here, target))
    asked = JobOrder(operation="begin_migration", host=here.id, vm=vm.id, handle=handle)
    assert ended(driver, asked).state is JobState.DONE
    assert driver.observe_vms((vm.id,)).vms[0].host == target.id


def test_a_cancelled_migration_leaves_the_vm(driver: Driver) -> None:
    vm, here, others = running(driver)
    wanted = order(vm, here, others[0])
    handle = begun(driver, wanted)
    assert driver.migration(wanted).state is JobState.RUNNING
    driver.cancel_migration(wanted)
    asked = JobOrder(operation="begin_migration", host=here.id, vm=vm.id, handle=handle)
    assert driver.job(asked).state is JobState.FAILED
    assert driver.observe_vms((vm.id,)).vms[0].host == here.id
    driver.cancel_migration(wanted)


def test_a_host_in_maintenance_takes_no_vm(driver: Driver, patient: Any) -> None:
    vm, here, others = running(driver)
    patient.enter_maintenance(others[0].id)
    patient.enter_maintenance(others[0].id)
    closed = {host.id: host for host in driver.observe().hosts}[others[0].id]
    assert closed.set_aside
    with pytest.raises(Rejected, match="maintenance mode"):
        driver.begin_migration(order(vm, here, others[0]))
    patient.leave_maintenance(others[0].id)
    assert not {host.id: host for host in driver.observe().hosts}[others[0].id].set_aside


def test_standby_is_for_empty_hosts_and_ends_by_waking(driver: Driver, patient: Any) -> None:
    _, here, others = running(driver)
    with pytest.raises(Rejected, match="InvalidState"):
        patient.power_off_host(here.id)
    frame = driver.observe()
    empty = next(
        (
            host
            for host in frame.hosts
            if not any(vm.host == host.id and vm.state is VmState.RUNNING for vm in frame.vms)
        ),
        None,
    )
    if empty is None:
        empty = others[0]
        for vm in frame.vms:
            if vm.host == empty.id and vm.state is VmState.RUNNING:
                patient.power_off_vm(vm.id, empty.id)
    for _ in range(2):
        patient.power_off_host(empty.id)
        assert _state(driver, empty) is HostState.OFF
    for _ in range(2):
        patient.power_on_host(empty.id)
        assert _state(driver, empty) is HostState.UP


def _state(driver: Driver, host: Host) -> HostState:
    return {one.id: one for one in driver.observe().hosts}[host.id].state


def test_a_vm_is_made_from_a_template_with_its_own_size_and_address(
    driver: Driver, patient: Any, content: Any
) -> None:
    vm, here, _ = running(driver)
    patient.power_off_vm(vm.id, here.id)
    real = next(one for one in found(content, vim.VirtualMachine) if one.name == vm.name)
    real.MarkAsTemplate()
    template = driver.observe_vms((vm.id,)).vms[0]
    assert template.template
    with pytest.raises(Conflict, match="template"):
        driver.start_vm(vm.id, here.id)
    wish = VmWish(
        id=NEW,
        name="web-1",
        vcpus=2,
        memory_mib=128,
        disks=tuple(_from(disk) for disk in template.disks),
        nics=(Nic(mac="52:54:00:00:00:77", network=NetworkId("VM Network"), model="vmxnet3"),),
    )
    for _ in range(2):
        patient.create_vm(wish, here.id, "run-1/1")
    made = driver.observe_vms((NEW,)).vms[0]
    assert (made.name, made.vcpus, made.memory_mib) == ("web-1", 2, 128)
    assert (made.host, made.made_by, made.nics) == (here.id, "run-1/1", wish.nics)
    assert len(made.disks) == len(template.disks)
    assert {disk.path for disk in made.disks}.isdisjoint({disk.path for disk in template.disks})
    assert driver.observe_vms((vm.id,)).vms[0].disks == template.disks
    with pytest.raises(Conflict, match="named web-1"):
        driver.create_vm(
            replace(wish, id=VmId("0b9d4fd2-46a1-4c39-8d57-7c8f3b3e2a12")), here.id, "run-1/2"
        )
    patient.delete_vm(NEW, here.id, True)
    assert driver.observe_vms((NEW,)).missing == (NEW,)


def _from(disk: Any) -> DiskWish:
    return DiskWish(
        target=disk.target, datastore=disk.datastore, size_bytes=disk.size_bytes,
        volume="web-1/web-1.vmdk", base=disk.volume, format="vmdk",
    )  # fmt: skip


def test_while_a_vm_is_made_nobody_makes_it_again(
    slow: vcsim.Vcsim, driver: Driver, patient: Any
) -> None:
    """The handle is lost: whoever asks hears that something is being made, and waits."""
    vm = next(one for one in driver.observe().vms if one.disks and not one.template)
    assert vm.host is not None
    wish = VmWish(id=NEW, name="web-2", disks=tuple(_from(disk) for disk in vm.disks))
    since = time.time()
    with pytest.raises(UnderWay):
        driver.create_vm(wish, vm.host, "run-2/1")
    again = connect(endpoint_of(slow, "again"), slow.password)
    asked = JobOrder(operation="create_vm", host=vm.host, vm=NEW, since=since)
    job = again.job(asked)
    assert (job.state, job.handle) == (JobState.RUNNING, "")
    assert again.job(replace(asked, since=since - 3600)).state is JobState.GONE
    assert ended(again, asked).state is JobState.GONE
    assert again.observe_vms((NEW,)).vms[0].made_by == "run-2/1"
    patient.delete_vm(NEW, vm.host, True)
    again.close()


def test_what_a_role_lacks_is_said(driver: Driver) -> None:
    vm, here, _ = running(driver)
    with pytest.raises(Denied, match="NoPermission") as refused:
        driver.pause_vm(vm.id, here.id)
    assert "administrator" in refused.value.hint
    assert driver.observe_vms((vm.id,)).vms[0].state is VmState.RUNNING


def test_a_vm_that_is_gone_or_elsewhere_is_told_so(driver: Driver) -> None:
    vm, here, others = running(driver)
    gone = VmId("c0de0000-0000-4000-8000-ffffffffffff")
    with pytest.raises(NotFound):
        driver.start_vm(gone, here.id)
    with pytest.raises(Conflict, match="is not on host"):
        driver.power_off_vm(vm.id, others[0].id)
    with pytest.raises(Conflict):
        driver.resume_vm(next(_stopped(driver)).id, here.id)


def _stopped(driver: Driver) -> Iterator[Vm]:
    vm, here, _ = running(driver)
    with pytest.raises(UnderWay):
        driver.power_off_vm(vm.id, here.id)
    yield driver.observe_vms((vm.id,)).vms[0]


def test_a_vcenter_keeps_the_one_copy_it_has(driver: Driver) -> None:
    vm, here, others = running(driver)
    with pytest.raises(Rejected, match="one copy"):
        driver.discard_copy(vm.id, here.id)
    driver.discard_copy(vm.id, others[0].id)
    assert driver.observe_vms((vm.id,)).vms[0].state is VmState.RUNNING
