"""How a simulated hypervisor makes and deletes VMs, their volumes, adapters and snapshots."""

from msgspec.structs import replace

from anypool.drivers.names import check_mac, check_name, check_target, check_vm_id
from anypool.drivers.protocol import Spared
from anypool.drivers.sim.operate import Place, need_free_name
from anypool.drivers.sim.records import SimGuest, SimVolume
from anypool.drivers.sim.state import State, volume_key
from anypool.errors import Conflict, Rejected
from anypool.model import (
    VM_ALIVE,
    VM_DOWN,
    DatastoreId,
    Disk,
    DiskWish,
    HostId,
    Nic,
    Snapshot,
    Vm,
    VmState,
    VmWish,
    Volume,
)


def create(place: Place, wish: VmWish, tag: str) -> None:
    """Define a stopped VM; `make_volumes` was called before. Quiet if this step made it."""
    if other := place.elsewhere():
        raise Conflict(f"VM {wish.id} exists on {other[0]} already")
    if (old := place.find()) is not None:
        if old.made_by == tag:
            return
        raise Conflict(f"VM {wish.id} exists already", hint="it was made by somebody else")
    place.state.guests.put(
        wish.id, SimGuest(max_vcpus=wish.max_vcpus, max_memory_mib=wish.max_memory_mib)
    )
    place.put(
        Vm(
            id=wish.id,
            name=wish.name,
            host=place.host,
            vcpus=wish.vcpus,
            memory_mib=wish.memory_mib,
            cpu_model=wish.cpu_model,
            disks=tuple(disk_of(place.state, disk) for disk in wish.disks),
            nics=wish.nics,
            boot=wish.boot,
            resources=wish.resources,
            made_by=tag,
            origin=wish.origin,
        )
    )


def adopt(place: Place, wish: VmWish, tag: str) -> None:
    """Define a VM with the volumes that are there; quiet if the host knows it."""
    check_name("VM", wish.name)
    check_vm_id(wish.id)
    if place.find() is not None:
        return
    need_free_name(place, wish.name)
    there = place.state.host(place.host).host.datastores
    for disk in wish.disks:
        check_disk(disk)
        known = volume_key(disk.datastore, disk.volume) in place.state.volumes.rows
        if disk.datastore not in there or not known:
            raise Rejected(f"{place.host} has no volume {disk.volume}")
    for nic in wish.nics:
        check_nic(place.state, place.host, nic)
    guest = place.state.guests.get(wish.id)
    create(place, wish, tag)
    if guest is not None:
        place.state.guests.put(wish.id, guest)


def check_wish(place: Place, wish: VmWish) -> bool:
    """Judge a wish before anything is made; return False if the VM exists already."""
    check_name("VM", wish.name)
    check_vm_id(wish.id)
    for disk in wish.disks:
        check_disk(disk)
    for nic in wish.nics:
        check_nic(place.state, place.host, nic)
    if place.find() is not None or place.elsewhere():
        return False
    need_free_name(place, wish.name)
    return True


def check_disk(disk: DiskWish) -> None:
    """Raise `Invalid` for a disk whose names no platform should see."""
    check_target(disk.target)
    check_name("volume", disk.volume)
    if disk.base:
        check_name("volume", disk.base)


def check_nic(state: State, host: HostId, nic: Nic) -> None:
    """Raise `Invalid` for a bad address, `Rejected` for a network the host lacks."""
    check_mac(nic.mac)
    if nic.network is not None and nic.network not in state.host(host).host.networks:
        raise Rejected(f"{host} has no network {nic.network}")


def make_volumes(state: State, host: HostId, wishes: tuple[DiskWish, ...], tag: str) -> None:
    """Make all volumes or none; one that this step made before is taken as made."""
    made: list[DiskWish] = []
    try:
        for wish in wishes:
            if _make_volume(state, host, wish, tag):
                made.append(wish)
    except (Conflict, Rejected):
        for wish in made:
            remove_volume(state, wish.datastore, wish.volume)
        raise


def _make_volume(state: State, host: HostId, wish: DiskWish, tag: str) -> bool:
    key = volume_key(wish.datastore, wish.volume)
    if (old := state.volumes.get(key)) is not None:
        if old.made_by == tag:
            return False
        raise Conflict(f"volume {wish.volume} exists already", hint="choose another name")
    store = state.datastores.get(wish.datastore)
    if store is None or wish.datastore not in state.host(host).host.datastores:
        raise Rejected(f"{host} has no datastore {wish.datastore}")
    if wish.base and volume_key(wish.datastore, wish.base) not in state.volumes.rows:
        raise Rejected(f"there is no volume {wish.base} on {store.datastore.name}")
    linked = bool(wish.base) and wish.format != "raw"
    used = 0 if linked else wish.size_bytes
    if used > store.datastore.free_bytes:
        raise Rejected(f"datastore {store.datastore.name} is full", hint="free some space")
    _charge(state, wish.datastore, used)
    volume = Volume(
        datastore=wish.datastore,
        name=wish.volume,
        path=f"{store.datastore.path}/{wish.volume}",
        format=wish.format,
        size_bytes=wish.size_bytes,
        used_bytes=used,
        base=wish.base if linked else "",
    )
    state.volumes.put(key, SimVolume(volume=volume, made_by=tag))
    return True


def remove_volume(state: State, datastore: DatastoreId, name: str) -> None:
    """Remove a volume and give its space back."""
    key = volume_key(datastore, name)
    if (old := state.volumes.get(key)) is not None:
        state.volumes.put(key, None)
        _charge(state, datastore, -old.volume.used_bytes)


def _charge(state: State, datastore: DatastoreId, used_bytes: int) -> None:
    row = state.datastores.rows[datastore]
    free = row.datastore.free_bytes - used_bytes
    if used_bytes:
        changed = replace(row, datastore=replace(row.datastore, free_bytes=free))
        state.datastores.put(datastore, changed)


def delete_volume(
    state: State, hosts: frozenset[HostId], datastore: DatastoreId, name: str
) -> None:
    """Delete a volume that nothing on `hosts` uses; quiet if it is not there."""
    check_name("volume", name)
    if volume_key(datastore, name) not in state.volumes.rows:
        return
    if user := _user_of(state, hosts, datastore, name):
        raise Conflict(f"volume {name} is used by {user}")
    remove_volume(state, datastore, name)


def delete(place: Place, volumes: bool, spared: Spared) -> None:
    """Forget a stopped VM; with `volumes`, what is not `spared` and nothing else uses goes."""
    if place.find() is None and not place.elsewhere():
        return
    vm = place.free()
    if vm.state not in VM_DOWN:
        raise Conflict(f"{vm.name} is {vm.state}", hint="stop it before deleting it")
    place.state.put_copy(place.host, place.vm, None)
    if not place.state.hosts_of(place.vm):
        place.state.guests.put(place.vm, None)
    if not volumes:
        return
    for disk in vm.disks:
        store, hosts = disk.datastore, place.hosts
        if not store or (store, disk.volume) in spared:
            continue
        if not _user_of(place.state, hosts, store, disk.volume):
            remove_volume(place.state, store, disk.volume)


def _user_of(state: State, hosts: frozenset[HostId], datastore: DatastoreId, name: str) -> str:
    """Return who uses a volume as an endpoint of `hosts` sees it: no VM of others, as libvirtd."""
    for row in state.volumes.rows.values():
        if row.volume.datastore == datastore and row.volume.base == name:
            return f"volume {row.volume.name}"
    for copy in state.copies.rows.values():
        for disk in copy.vm.disks if copy.vm.host in hosts else ():
            if disk.datastore == datastore and disk.volume == name:
                return f"VM {copy.vm.name}"
    return ""


def disk_of(state: State, wish: DiskWish) -> Disk:
    """Return the disk that a wish becomes."""
    row = state.volumes.get(volume_key(wish.datastore, wish.volume))
    return Disk(
        target=wish.target,
        volume=wish.volume,
        datastore=wish.datastore,
        path=row.volume.path if row else "",
        format=wish.format,
        size_bytes=wish.size_bytes,
        shareable=wish.shareable,
    )


def attach_disk(place: Place, wish: DiskWish) -> None:
    """Give a VM a disk whose volume was made before; quiet if it has it."""
    vm = place.free()
    for disk in vm.disks:
        if disk.target == wish.target and disk.volume != wish.volume:
            raise Conflict(f"{vm.name} has another disk {wish.target} already")
        if disk.target == wish.target:
            return
    place.put(replace(vm, disks=(*vm.disks, disk_of(place.state, wish))))


def detach_disk(place: Place, target: str) -> None:
    """Take a disk away; quiet if the VM has none of that name."""
    vm = place.free()
    place.put(replace(vm, disks=tuple(disk for disk in vm.disks if disk.target != target)))


def move_disks(place: Place, datastore: DatastoreId) -> None:
    """Move all disks to a datastore of the host, or none; quiet for those that are there."""
    vm, state = place.free(), place.state
    store = state.datastores.get(datastore)
    if store is None or datastore not in state.host(place.host).host.datastores:
        raise Rejected(f"{place.host} has no datastore {datastore}")
    leaving = [d for d in vm.disks if d.datastore != datastore and not d.readonly and d.datastore]
    rows = [state.volumes.get(volume_key(d.datastore, d.volume)) for d in leaving if d.datastore]
    volumes = [row.volume for row in rows if row is not None]
    if sum(one.size_bytes for one in volumes) > store.datastore.free_bytes:
        raise Rejected(f"datastore {store.datastore.name} is full", hint="free some space")
    for row in rows:
        if row is not None:
            _rehouse(state, row, datastore, store.datastore.path)
    place.put(replace(vm, disks=tuple(_placed_at(state, disk, datastore) for disk in vm.disks)))


def _rehouse(state: State, row: SimVolume, datastore: DatastoreId, folder: str) -> None:
    """Move a volume whole: a linked clone has no base any more."""
    old = row.volume
    used = old.size_bytes if old.base else old.used_bytes
    remove_volume(state, old.datastore, old.name)
    _charge(state, datastore, used)
    path = f"{folder}/{old.name}"
    new = replace(old, datastore=datastore, path=path, used_bytes=used, base="")
    state.volumes.put(volume_key(datastore, old.name), replace(row, volume=new))


def _placed_at(state: State, disk: Disk, datastore: DatastoreId) -> Disk:
    row = state.volumes.get(volume_key(datastore, disk.volume))
    if disk.readonly or row is None:
        return disk
    return replace(disk, datastore=datastore, path=row.volume.path)


def attach_nic(place: Place, nic: Nic) -> None:
    """Give a VM an adapter; quiet if it has it."""
    vm = place.free()
    for old in vm.nics:
        if old.mac == nic.mac and old != nic:
            raise Conflict(f"{vm.name} has another adapter {nic.mac} already")
        if old.mac == nic.mac:
            return
    place.put(replace(vm, nics=(*vm.nics, nic)))


def detach_nic(place: Place, mac: str) -> None:
    """Take an adapter away; quiet if the VM has none of that address."""
    vm = place.free()
    place.put(replace(vm, nics=tuple(nic for nic in vm.nics if nic.mac != mac)))


def create_snapshot(place: Place, name: str, tag: str) -> None:
    """Take a snapshot; quiet if this step took it."""
    vm = place.free()
    for old in vm.snapshots:
        if old.name == name and old.tag != tag:
            raise Conflict(f"{vm.name} has a snapshot {name} already", hint="choose another name")
        if old.name == name:
            return
    taken = Snapshot(name=name, with_memory=vm.state in VM_ALIVE, tag=tag)
    place.put(replace(vm, snapshots=(*vm.snapshots, taken)))


def revert_snapshot(place: Place, name: str) -> None:
    """Return a VM to a snapshot: running if the snapshot has memory."""
    vm = place.free()
    for snapshot in vm.snapshots:
        if snapshot.name == name:
            if snapshot.with_memory:
                place.may_run()
            place.set_state(VmState.RUNNING if snapshot.with_memory else VmState.STOPPED)
            return
    raise Conflict(f"{vm.name} has no snapshot {name}")


def delete_snapshot(place: Place, name: str) -> None:
    """Forget a snapshot; quiet if there is none."""
    vm = place.free()
    left = tuple(snapshot for snapshot in vm.snapshots if snapshot.name != name)
    place.put(replace(vm, snapshots=left))


def mark_datastore(state: State, datastore: DatastoreId) -> None:
    """Mark a datastore as one that several hosts may recognise; quiet if it is marked."""
    row = state.datastores.get(datastore)
    if row is None:
        raise Rejected(f"there is no datastore {datastore}")
    if row.datastore.shared:
        return
    marked = replace(row.datastore, shared=True)
    state.datastores.put(datastore, replace(row, datastore=marked, marked=True))
