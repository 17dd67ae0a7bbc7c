"""What is remembered of an action before it is done: what a look after it cannot show any more."""

from collections.abc import Iterable

from msgspec.structs import replace

from anypool.engine.runs.decision import Memory
from anypool.engine.runs.sight import Copy, Sight
from anypool.model import DatastoreId, Disk, HostId, Inventory, Locking, Place, VmId
from anypool.plan import DeleteVm, HandOver, MigrateVm, Step


def intended(wish: Step, sight: Sight, memory: Memory, now: float) -> Memory:
    """Return what must be remembered of an action before it is done."""
    memory = replace(memory, sent=True, never_ran=False, stale=False, called_back=False)
    memory = replace(memory, sent_at=now, handle="")
    match wish.action:
        case MigrateVm(source=source):
            here = sight.at(source)
            paused = here.copy is Copy.PAUSED
            disks = () if here.vm is None else here.vm.disks
            return replace(memory, paused=paused, held=paused or unlocked(disks, sight.inventory))
        case HandOver() if memory.away_at:
            return replace(memory, away_at=now)
        case DeleteVm(volumes=True, vm=vm, host=host):
            found = sight.at(host).vm
            disks = () if found is None else found.disks
            alone = unused((vm, host), _places(disks), sight.inventory)
            writes = _places(disk for disk in disks if not disk.readonly)
            own = tuple(place for place in writes if place in alone)
            spared = tuple(place for place in _places(disks) if place not in alone)
            return replace(memory, volumes=own, spared=spared)
        case _:
            return memory


def unlocked(disks: tuple[Disk, ...], inventory: Inventory) -> bool:
    """Return whether some disk would let a second copy of its VM write."""
    for disk in disks:
        if disk.readonly:
            continue
        datastore = inventory.datastores.get(disk.datastore or DatastoreId(""))
        if disk.shareable or datastore is None or datastore.locking is not Locking.EFFECTIVE:
            return True
    return False


def unused(
    copy: tuple[VmId, HostId], places: tuple[Place, ...], inventory: Inventory
) -> tuple[Place, ...]:
    """Return those of some volumes that nothing but a copy of a VM uses.

    They are no image and no other VM's disk on any host, and the VM has no other copy, which
    may come back with a host that is silent now.
    """
    vm, host = copy
    known = inventory.vms.get(vm)
    if known is not None and {known.host, *(one.host for one in known.copies)} - {host, None}:
        return ()
    images = inventory.images.values()
    taken = {kept.place for one in images for v in one.versions for kept in v.copies}
    for other in inventory.vms.values():
        if other.id != vm:
            taken |= set(_places(other.disks))
    return tuple(place for place in places if place not in taken)


def _places(disks: Iterable[Disk]) -> tuple[Place, ...]:
    return tuple((disk.datastore, disk.volume) for disk in disks if disk.datastore)
