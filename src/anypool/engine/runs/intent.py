"""What is remembered of an action before it is done: what a look after it cannot show any more."""

from msgspec.structs import replace

from anypool.engine.runs.decision import Memory
from anypool.engine.runs.sight import Copy, Sight
from anypool.model import DatastoreId, Disk, Inventory, Locking, VmId
from anypool.plan import DeleteVm, HandOver, MigrateVm, Step, vm_of


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
        case DeleteVm(volumes=True, host=host):
            vm = sight.at(host).vm
            disks = () if vm is None else vm.disks
            return replace(memory, volumes=own_volumes(vm_of(wish.action), disks, sight.inventory))
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


def own_volumes(
    vm: VmId | None, disks: tuple[Disk, ...], inventory: Inventory
) -> tuple[tuple[str, str], ...]:
    """Return the volumes that belong to one VM alone: no image, and no other VM's disk."""
    images = inventory.images.values()
    taken = {copy.place for one in images for v in one.versions for copy in v.copies}
    for other in inventory.vms.values():
        if other.id != vm:
            taken |= {(d.datastore, d.volume) for d in other.disks if d.datastore is not None}
    return tuple(
        (disk.datastore, disk.volume)
        for disk in disks
        if disk.datastore and not disk.readonly and (disk.datastore, disk.volume) not in taken
    )
