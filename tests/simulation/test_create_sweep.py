"""Crashes and faults while VMs are made, started, stopped and deleted with their volumes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.drivers.sim import Fault, FaultKind
from anypool.model import DatastoreId, DiskWish, HostId, RunId, VmId, VmState, VmWish
from anypool.plan import DeleteVm, Plan, StartVm, Step, StopHow, StopVm, reason
from anypool.planner.operate import plan_create
from anypool.store.records import RunState
from tests.simulation.yard import Yard

NEW = VmId("0b9d4fd2-46a1-4c39-8d57-7c8f3b3e2a11")


def wish(yard: Yard) -> VmWish:
    shared = next(d.id for d in yard.engine.inventory.datastores.values() if d.shared)
    disk = DiskWish(
        target="vda", datastore=shared, size_bytes=1 << 30, volume="new-vda.qcow2", base=""
    )
    return VmWish(id=NEW, name="new", disks=(disk,), tags=frozenset({"prod"}))


def creation(yard: Yard) -> Plan:
    return plan_create(yard.engine.inventory, (wish(yard),), host=None, start=True)


def life(yard: Yard) -> Plan:
    """A whole life: made, started, stopped, deleted with its volume."""
    create, start = creation(yard).steps
    host = create.action.host  # type: ignore[union-attr]
    why = reason("asked", who="test")
    stop = StopVm(vm=NEW, host=host, how=StopHow.POWER_OFF)
    delete = DeleteVm(vm=NEW, host=host, volumes=True)
    assert isinstance(start.action, StartVm)
    return Plan(
        goal="a short life",
        steps=(
            create,
            start,
            Step(number=3, action=stop, why=why, after=frozenset({2})),
            Step(number=4, action=delete, why=why, after=frozenset({3})),
        ),
    )


def volumes(yard: Yard) -> set[tuple[DatastoreId, str]]:
    with yard.world.turn() as state:
        rows = state.volumes.rows.values()
        return {(row.volume.datastore, row.volume.name) for row in rows}


def check_made(yard: Yard) -> None:
    assert [state for _, state in yard.copies()[NEW]] == [VmState.RUNNING]
    assert yard.engine.inventory.vms[NEW].tags == {"prod"}
    assert yard.engine.inventory.vms[NEW].made_by.endswith("/1")


def check_gone(yard: Yard) -> None:
    assert NEW not in yard.copies()
    assert NEW not in yard.engine.inventory.vms
    assert not any(name.startswith("new-") for _, name in volumes(yard))


def carried_out(
    folder: Path,
    plan: Callable[[Yard], Plan],
    check: Callable[[Yard], None],
    crash_at: tuple[int, str],
    *faults: Fault,
) -> Yard:
    folder.mkdir()
    yard = Yard(folder)
    before = volumes(yard)
    for fault in faults:
        yard.world.inject(fault)
    run = yard.begin(plan(yard))
    yard.store.writes, yard.store.crash_at = 0, crash_at
    assert yard.finish(run).state is RunState.DONE, yard.steps(run)
    yard.check_safe()
    yard.check_known()
    check(yard)
    assert before <= volumes(yard)
    yard.close()
    return yard


CASES = [
    (creation, check_made, ()),
    (life, check_gone, ()),
    (creation, check_made, (Fault(kind=FaultKind.LOST_ANSWER, operation="create_vm"),)),
    (creation, check_made, (Fault(kind=FaultKind.HALF_WAY, operation="create_vm"),)),
    (creation, check_made, (Fault(kind=FaultKind.LOST_ANSWER, operation="start_vm"),)),
    (life, check_gone, (Fault(kind=FaultKind.LOST_ANSWER, operation="delete_vm"),)),
    (life, check_gone, (Fault(kind=FaultKind.UNREACHABLE, operation="delete_vm"),)),
]
NAMES = ["made", "life", "create-lost", "create-half", "start-lost", "delete-lost", "delete-late"]


@pytest.mark.parametrize(("plan", "check", "faults"), CASES, ids=NAMES)
def test_every_write(
    tmp_path: Path,
    plan: Callable[[Yard], Plan],
    check: Callable[[Yard], None],
    faults: tuple[Fault, ...],
) -> None:
    writes = carried_out(tmp_path / "whole", plan, check, (0, ""), *faults).store.writes
    for number in range(1, writes + 1):
        for side in ("before", "after"):
            folder = tmp_path / f"{number}-{side}"
            assert carried_out(folder, plan, check, (number, side), *faults).crashes == 1


def test_a_deletion_cut_off_in_the_middle_leaves_no_volume(tmp_path: Path) -> None:
    """The endpoint dies after it forgot the VM and before it deleted the volume."""
    yard = Yard(tmp_path)
    made = yard.begin(creation(yard))
    yard.finish(made)
    place = yard.engine.inventory.vms[NEW].host
    assert place is not None
    why = reason("asked", who="test")
    steps = (
        Step(number=1, action=StopVm(vm=NEW, host=place, how=StopHow.POWER_OFF), why=why),
        Step(
            number=2,
            action=DeleteVm(vm=NEW, host=place, volumes=True),
            why=why,
            after=frozenset({1}),
        ),
    )
    run = yard.begin(Plan(goal="delete", steps=steps))
    yard.world.inject(Fault(kind=FaultKind.UNREACHABLE, operation="delete_vm"))
    while yard.steps(run)[1].attempts == 0:
        yard.step()
    with yard.world.turn() as state:
        state.put_copy(place, NEW, None)
    assert any(name.startswith("new-") for _, name in volumes(yard))
    yard.restart()
    assert yard.finish(run).state is RunState.DONE
    check_gone(yard)
    yard.close()


def shared_with_another(yard: Yard) -> HostId:
    """A VM with a volume of its own and one that a VM on another host uses, too; its host."""
    first = wish(yard)
    second = replace(first.disks[0], target="vdb", volume="shared-vdb.qcow2")
    both = replace(first, disks=(first.disks[0], second))
    yard.finish(yard.begin(plan_create(yard.engine.inventory, (both,), host=None, start=False)))
    place = yard.engine.inventory.vms[NEW].host
    assert place is not None
    use_elsewhere(yard, place, "shared-vdb.qcow2")
    return place


def use_elsewhere(yard: Yard, place: HostId, volume: str) -> None:
    """Give a disk of the new VM's to a VM on another host, beside the manager."""
    disk = next(one for one in yard.engine.inventory.vms[NEW].disks if one.volume == volume)
    vm, host = next((vm, host) for vm, host in sorted(yard.where().items()) if host != place)
    with yard.world.turn() as state:
        copy = state.copy(host, vm)
        assert copy is not None
        more = (*copy.vm.disks, replace(disk, target="vdz"))
        state.put_copy(host, vm, replace(copy, vm=replace(copy.vm, disks=more)))
    yard.look()


def deletion(yard: Yard, place: HostId) -> RunId:
    delete = DeleteVm(vm=NEW, host=place, volumes=True)
    step = Step(number=1, action=delete, why=reason("asked", who="test"))
    return yard.begin(Plan(goal="delete", steps=(step,)))


FAULTS: list[tuple[Fault, ...]] = [
    (),
    (Fault(kind=FaultKind.LOST_ANSWER, operation="delete_vm"),),
    (Fault(kind=FaultKind.UNREACHABLE, operation="delete_vm"),),
]


@pytest.mark.parametrize("faults", FAULTS, ids=["whole", "lost", "late"])
def test_deleting_keeps_a_volume_that_a_vm_on_another_host_uses(
    tmp_path: Path, faults: tuple[Fault, ...]
) -> None:
    """A driver of one host does not see that VM: the manager does."""
    yard = Yard(tmp_path)
    place = shared_with_another(yard)
    for fault in faults:
        yard.world.inject(fault)
    assert yard.finish(deletion(yard, place)).state is RunState.DONE
    check_gone(yard)
    assert "shared-vdb.qcow2" in {name for _, name in volumes(yard)}
    yard.close()


@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_what_is_left_of_a_deletion_stays_if_a_vm_uses_it_meanwhile(
    tmp_path: Path, where: str
) -> None:
    yard = Yard(tmp_path)
    place = shared_with_another(yard)
    run = deletion(yard, place)
    yard.world.inject(Fault(kind=FaultKind.UNREACHABLE, operation="delete_vm"))
    while yard.steps(run)[0].attempts == 0:
        yard.step()
    use_elsewhere(yard, place if where == "elsewhere" else HostId(""), "new-vda.qcow2")
    with yard.world.turn() as state:
        state.put_copy(place, NEW, None)
    yard.restart()
    assert yard.finish(run).state is RunState.DONE
    assert {"new-vda.qcow2", "shared-vdb.qcow2"} <= {name for _, name in volumes(yard)}
    yard.close()
