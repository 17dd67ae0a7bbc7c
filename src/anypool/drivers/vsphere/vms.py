"""Records of VMs and of the volumes they use."""

from collections.abc import Iterator
from typing import Any

from pyVmomi import vim

from anypool.drivers.vsphere import clusters, notes, properties
from anypool.drivers.vsphere.hosts import state_of as host_state
from anypool.drivers.vsphere.inventory import Inventory, plain
from anypool.drivers.vsphere.mirror import Entry
from anypool.model import (
    DatastoreId,
    Disk,
    HostState,
    NetworkId,
    Nic,
    Resources,
    Snapshot,
    StateReason,
    Vm,
    VmState,
    Volume,
)

_STATES = {
    "poweredOn": VmState.RUNNING,
    "poweredOff": VmState.STOPPED,
    "suspended": VmState.PAUSED,
}
_CONTROLLERS: tuple[tuple[Any, str], ...] = (
    (vim.vm.device.VirtualSCSIController, "scsi"),
    (vim.vm.device.VirtualAHCIController, "sata"),
    (vim.vm.device.VirtualNVMEController, "nvme"),
    (vim.vm.device.VirtualIDEController, "ide"),
)
_CARDS = {
    "VirtualVmxnet3": "vmxnet3",
    "VirtualE1000": "e1000",
    "VirtualE1000e": "e1000e",
    "VirtualVmxnet2": "vmxnet2",
    "VirtualPCNet32": "pcnet32",
    "VirtualSriovEthernetCard": "sriov",
}
_NONE = -1
"""What vSphere writes for no limit."""


def vm(seen: Inventory, moid: str, entry: Entry) -> Vm:
    """Return the record of one VM."""
    host = entry.get("runtime.host")
    annotation = entry.get("config.annotation")
    state = state_of(seen, entry)
    key = seen.who.ids[moid]
    return Vm(
        id=key,
        name=plain(entry.get("name")),
        host=None if host is None else seen.host_ids.get(host._moId),
        state=state,
        reason=StateReason.BY_USER if state is VmState.PAUSED else StateReason.NONE,
        vcpus=int(entry.get("config.hardware.numCPU") or 1),
        memory_mib=int(entry.get("config.hardware.memoryMB") or 0),
        disks=tuple(disks(seen, entry)),
        nics=tuple(nics(seen, entry)),
        resources=_resources(entry, mhz(seen.entry(host))),
        snapshots=tuple(_snapshots(entry)),
        made_by=notes.made_by(annotation),
        origin=notes.origin(annotation),
        resource_pool="/".join(_pools(seen, entry)),
        place="/".join(seen.above(entry)),
        labels=seen.labels(moid, entry),
        platform_moves=clusters.moves(seen, moid, entry),
        twins=seen.who.twins.get(key, ()),
        template=bool(entry.get("config.template")),
    )


def state_of(seen: Inventory, entry: Entry) -> VmState:
    """Return a VM's state; UNKNOWN where vCenter does not see its host."""
    host = seen.entry(entry.get("runtime.host"))
    if host is not None and host_state(host) is HostState.UNKNOWN:
        return VmState.UNKNOWN
    if entry.get("runtime.connectionState") in ("disconnected", "inaccessible"):
        return VmState.UNKNOWN
    return _STATES.get(str(entry.get("runtime.powerState")), VmState.UNKNOWN)


def volumes(seen: Inventory) -> Iterator[Volume]:
    """Yield the volumes that VMs use, each once."""
    known: set[tuple[DatastoreId, str]] = set()
    for _, entry in seen.of(properties.VM):
        for disk in disks(seen, entry):
            if disk.datastore is None or (disk.datastore, disk.volume) in known:
                continue
            known.add((disk.datastore, disk.volume))
            yield Volume(
                datastore=disk.datastore,
                name=disk.volume,
                path=disk.path,
                format=disk.format,
                size_bytes=disk.size_bytes,
            )


def devices(entry: Entry, kind: Any) -> Iterator[Any]:
    """Yield the devices of a VM that are of a kind, in vSphere's order."""
    for device in entry.get("config.hardware.device") or ():
        if isinstance(device, kind):
            yield device


def disk_name(device: Any, buses: dict[int, str]) -> str:
    """Return what a disk is called here: its bus, the controller's number and its place there."""
    return f"{buses.get(device.controllerKey, 'disk0')}:{device.unitNumber or 0}"


def buses(entry: Entry) -> dict[int, str]:
    """Return the controllers of a VM by key: `scsi0`, `nvme1`."""
    found: dict[int, str] = {}
    for device in devices(entry, vim.vm.device.VirtualController):
        for kind, name in _CONTROLLERS:
            if isinstance(device, kind):
                found[device.key] = f"{name}{device.busNumber}"
    return found


def disks(seen: Inventory, entry: Entry) -> Iterator[Disk]:
    """Yield the disks of a VM, in vSphere's order."""
    names = buses(entry)
    for device in devices(entry, vim.vm.device.VirtualDisk):
        backing = device.backing
        path = str(getattr(backing, "fileName", "") or "")
        store = getattr(backing, "datastore", None)
        sharing = str(getattr(backing, "sharing", "") or "")
        mode = str(getattr(backing, "diskMode", "") or "")
        target = disk_name(device, names)
        yield Disk(
            target=target,
            volume=volume_name(path) or target,
            datastore=None if store is None else seen.datastore_ids.get(store._moId),
            path=path,
            format="vmdk",
            size_bytes=int(device.capacityInBytes or (device.capacityInKB or 0) * 1024),
            bus=target.rstrip("0123456789:").rstrip("0123456789"),
            shareable=sharing == "sharingMultiWriter",
            readonly=mode == "independent_nonpersistent",
        )


def volume_name(path: str) -> str:
    """Return a volume's name on its datastore: `[store] folder/a.vmdk` is `folder/a.vmdk`."""
    return path.partition("] ")[2] if path.startswith("[") else path


def nics(seen: Inventory, entry: Entry) -> Iterator[Nic]:
    """Yield the network adapters of a VM."""
    for device in devices(entry, vim.vm.device.VirtualEthernetCard):
        kind = type(device)._wsdlName
        yield Nic(
            mac=str(device.macAddress or "").lower(),
            network=_network(seen, device.backing),
            model=_CARDS.get(kind, kind.removeprefix("Virtual").lower()),
        )


def _network(seen: Inventory, backing: Any) -> NetworkId | None:
    port = getattr(backing, "port", None)
    if port is not None:
        return seen.network_ids.get(str(port.portgroupKey or ""))
    network = getattr(backing, "network", None)
    return None if network is None else seen.network_ids.get(network._moId)


def mhz(host: Entry | None) -> int:
    """Return how fast a CPU of a host is; a limit in MHz is told in percent of that."""
    hardware = None if host is None else host.get("summary.hardware")
    return int(getattr(hardware, "cpuMhz", 0) or 1000)


def _resources(entry: Entry, cpu_mhz: int) -> Resources:
    """Return shares where they are not the usual ones, limits and reservations."""
    cpu, memory = entry.get("config.cpuAllocation"), entry.get("config.memoryAllocation")
    shares = getattr(cpu, "shares", None)
    custom = shares is not None and str(shares.level) != "normal"
    most_mhz, limit = getattr(cpu, "limit", None), getattr(memory, "limit", None)
    return Resources(
        cpu_shares=int(shares.shares) if custom and shares is not None else 0,
        cpu_limit_percent=0 if most_mhz in (None, _NONE) else round(100 * most_mhz / cpu_mhz),
        memory_limit_mib=0 if limit in (None, _NONE) else int(limit),
        memory_reserved_mib=int(getattr(memory, "reservation", 0) or 0),
    )


def _snapshots(entry: Entry) -> Iterator[Snapshot]:
    known = entry.get("snapshot")
    waiting = list(getattr(known, "rootSnapshotList", ()) or ())
    while waiting:
        one = waiting.pop(0)
        waiting += list(one.childSnapshotList or ())
        yield Snapshot(
            name=plain(one.name),
            with_memory=str(one.state) == "poweredOn",
            tag=notes.made_by(one.description),
        )


def _pools(seen: Inventory, entry: Entry) -> list[str]:
    names: list[str] = []
    reference = entry.get("resourcePool")
    for _ in range(64):
        above = seen.entry(reference)
        if above is None or above.kind not in (properties.POOL, properties.APP):
            break
        reference = above.get("parent")
        root = seen.entry(reference)
        if root is not None and root.kind in (properties.POOL, properties.APP):
            names.append(plain(above.get("name")))
    return names[::-1]
