"""Moving the disks of a VM to another datastore: which go, and where they are afterwards."""

from anypool.errors import Conflict
from anypool.model import Capability, Datastore, Disk, Inventory, Vm
from anypool.plan.action import MoveDisks
from anypool.plan.reason import reason
from anypool.plan.refuse import refuse


def going(vm: Vm, action: MoveDisks) -> tuple[Disk, ...]:
    """Return the disks that are elsewhere now; those that are only read stay."""
    return tuple(
        disk for disk in vm.disks if disk.datastore != action.datastore and not disk.readonly
    )


def moved(vm: Vm, action: MoveDisks, inventory: Inventory) -> tuple[Disk, ...]:
    """Return the disks of a VM afterwards; raise `Conflict` if they cannot be moved there."""
    host = inventory.host(action.host)
    target = inventory.datastores.get(action.datastore)
    if Capability.DISK_MIGRATION not in host.abilities:
        raise refuse(Conflict, reason("move.cannot", host=host.name))
    if target is None or action.datastore not in host.datastores:
        name = action.datastore if target is None else target.name
        raise refuse(Conflict, reason("move.no-datastore", host=host.name, datastore=name))
    if not vm.disks:
        raise refuse(Conflict, reason("move.no-disks", vm=vm.name))
    _check_room(vm, action, target)
    return tuple(_at(disk, action) for disk in vm.disks)


def _check_room(vm: Vm, action: MoveDisks, target: Datastore) -> None:
    leaving = going(vm, action)
    if not leaving:
        raise refuse(Conflict, reason("move.there", vm=vm.name, datastore=target.name))
    need = sum(disk.size_bytes for disk in leaving)
    if need > target.free_bytes:
        room = reason("move.no-room", datastore=target.name, need=need, free=target.free_bytes)
        raise refuse(Conflict, room)


def _at(disk: Disk, action: MoveDisks) -> Disk:
    if disk.readonly:
        return disk
    return Disk(
        target=disk.target,
        volume=disk.volume,
        datastore=action.datastore,
        format=disk.format,
        size_bytes=disk.size_bytes,
        bus=disk.bus,
        shareable=disk.shareable,
    )
