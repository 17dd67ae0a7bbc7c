"""Disks and network adapters of a VM, as changes of its configuration."""

import re
from collections.abc import Iterable
from typing import Any

from pyVmomi import vim

from anypool.drivers.names import check_mac
from anypool.drivers.vsphere import properties, vms
from anypool.drivers.vsphere.acting import Acting, Found
from anypool.drivers.vsphere.inventory import plain
from anypool.errors import Conflict, Invalid, Rejected
from anypool.model import DiskWish, HostId, Nic, VmId

KIB = 1024
_TARGET = re.compile(r"(scsi|sata|nvme)(\d):(\d{1,2})")
_VOLUME = re.compile(r"([A-Za-z0-9][A-Za-z0-9._ -]{0,79}/)?[A-Za-z0-9][A-Za-z0-9._ -]{0,79}\.vmdk")
_SCSI_OWN_PLACE = 7
_CONTROLLERS: dict[str, Any] = {
    "scsi": vim.vm.device.ParaVirtualSCSIController,
    "sata": vim.vm.device.VirtualAHCIController,
    "nvme": vim.vm.device.VirtualNVMEController,
}
_CARDS: dict[str, Any] = {
    "vmxnet3": vim.vm.device.VirtualVmxnet3,
    "e1000": vim.vm.device.VirtualE1000,
    "e1000e": vim.vm.device.VirtualE1000e,
}
_ADD = vim.vm.device.VirtualDeviceSpec.Operation.add
_REMOVE = vim.vm.device.VirtualDeviceSpec.Operation.remove
_CREATE = vim.vm.device.VirtualDeviceSpec.FileOperation.create


class Devices(Acting):
    """The operations on devices."""

    def attach_disk(self, vm: VmId, host: HostId, disk: DiskWish, tag: str) -> None:
        """Make a volume and attach it; quiet if the VM has that volume there already.

        vCenter does both in one task, so that what fails leaves nothing.
        """
        here = self.live(vm, host)
        check_disk(disk)
        named = vms.buses(here.entry)
        for old in vms.devices(here.entry, vim.vm.device.VirtualDisk):
            if vms.disk_name(old, named) != disk.target:
                continue
            if vms.volume_name(str(old.backing.fileName)) == disk.volume:
                return
            raise Conflict(f"VM {here.name} has a disk {disk.target}", hint="choose another place")
        if disk.base:
            raise Rejected(
                f"disk {disk.target} cannot be made from {disk.base} alone",
                hint="vSphere copies disks with their VM: make a VM from a template",
            )
        self.check_room(disk.datastore, disk.size_bytes)
        controllers = {name: key for key, name in named.items()}
        changes = self.disk_changes((disk,), controllers)
        wish = vim.vm.ConfigSpec(deviceChange=changes)
        what = f"attach disk {disk.target} to VM {here.name}"
        self.begin(what, lambda _: here.thing.ReconfigVM_Task(wish))

    def detach_disk(self, vm: VmId, host: HostId, target: str) -> None:
        """Take a disk away, and keep its volume; quiet if it is not there."""
        here = self.live(vm, host)
        named = vms.buses(here.entry)
        self._take(
            here,
            [
                old
                for old in vms.devices(here.entry, vim.vm.device.VirtualDisk)
                if vms.disk_name(old, named) == target
            ],
            target,
        )

    def attach_nic(self, vm: VmId, host: HostId, nic: Nic) -> None:
        """Attach an adapter; quiet if the VM has one with that address on that network."""
        here = self.live(vm, host)
        check_mac(nic.mac)
        for old in vms.nics(here.seen, here.entry):
            if old.mac == nic.mac and old.network == nic.network:
                return
            if old.mac == nic.mac:
                raise Conflict(
                    f"VM {here.name} has {nic.mac} on {old.network}", hint="detach it first"
                )
        wish = vim.vm.ConfigSpec(deviceChange=self.nic_changes((nic,), host))
        what = f"attach {nic.mac} to VM {here.name}"
        self.begin(what, lambda _: here.thing.ReconfigVM_Task(wish))

    def detach_nic(self, vm: VmId, host: HostId, mac: str) -> None:
        """Take an adapter away; quiet if it is not there."""
        check_mac(mac)
        here = self.live(vm, host)
        cards = vms.devices(here.entry, vim.vm.device.VirtualEthernetCard)
        self._take(here, [one for one in cards if str(one.macAddress).lower() == mac], mac)

    def disk_changes(self, disks: Iterable[DiskWish], controllers: dict[str, int]) -> list[Any]:
        """Return what adds new, empty disks, and the controllers that are missing for them."""
        changes: list[Any] = []
        known = dict(controllers)
        for number, disk in enumerate(disks):
            kind, bus, unit = place_of(disk.target)
            controller = f"{kind}{bus}"
            if controller not in known:
                known[controller] = -(100 + len(known))
                changes.append(_controller(kind, bus, known[controller]))
            changes.append(self._disk(disk, known[controller], unit, -(200 + number)))
        return changes

    def nic_changes(self, nics: Iterable[Nic], host: HostId) -> list[Any]:
        """Return what adds adapters; raise `Rejected` if the host lacks a network of theirs."""
        return [
            vim.vm.device.VirtualDeviceSpec(operation=_ADD, device=self._card(nic, host, number))
            for number, nic in enumerate(nics)
        ]

    def _take(self, here: Found, devices: list[Any], what: str) -> None:
        if not devices:
            return
        changes = [
            vim.vm.device.VirtualDeviceSpec(operation=_REMOVE, device=one) for one in devices
        ]
        wish = vim.vm.ConfigSpec(deviceChange=changes)
        said = f"detach {what} from VM {here.name}"
        self.begin(said, lambda _: here.thing.ReconfigVM_Task(wish))

    def _disk(self, disk: DiskWish, controller: int, unit: int, key: int) -> Any:
        backing = vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
            fileName=self.path(disk.datastore, disk.volume),
            diskMode="persistent",
            thinProvisioned=not disk.shareable,
        )
        if disk.shareable:
            backing.sharing = "sharingMultiWriter"
            backing.eagerlyScrub = True
        device = vim.vm.device.VirtualDisk(
            key=key,
            controllerKey=controller,
            unitNumber=unit,
            capacityInKB=-(-disk.size_bytes // KIB),
            backing=backing,
        )
        return vim.vm.device.VirtualDeviceSpec(operation=_ADD, fileOperation=_CREATE, device=device)

    def _card(self, nic: Nic, host: HostId, number: int) -> Any:
        made = _CARDS.get(nic.model, vim.vm.device.VirtualVmxnet3)
        return made(
            key=-(300 + number),
            backing=self._backing(nic, host),
            addressType="manual",
            macAddress=nic.mac,
            connectable=vim.vm.device.VirtualDevice.ConnectInfo(
                startConnected=True, allowGuestControl=True, connected=True
            ),
        )

    def _backing(self, nic: Nic, host: HostId) -> Any:
        check_mac(nic.mac)
        seen = self.inventory()
        there = {one._moId for one in self.host_entry(host).get("network") or ()}
        for moid, known in seen.network_ids.items():
            if known != nic.network or moid not in there:
                continue
            entry = seen.objects[moid]
            if entry.kind != properties.PORTGROUP:
                network = self.session.object(properties.KINDS[entry.kind], moid)
                return vim.vm.device.VirtualEthernetCard.NetworkBackingInfo(
                    deviceName=plain(entry.get("name")), network=network
                )
            port = vim.dvs.PortConnection(
                portgroupKey=str(entry.get("key")), switchUuid=self.switch_of(entry)
            )
            return vim.vm.device.VirtualEthernetCard.DistributedVirtualPortBackingInfo(port=port)
        raise Rejected(
            f"host {self.host_name(host)} has no network {nic.network}",
            hint="make a port group of that name there, or choose another network",
        )


def place_of(target: str) -> tuple[str, int, int]:
    """Return kind and number of the controller, and the place there; raise `Invalid`."""
    match = _TARGET.fullmatch(target)
    if match is None or (match[1] == "scsi" and int(match[3]) == _SCSI_OWN_PLACE):
        raise Invalid(
            f"{target!r} is no place for a disk in vSphere", hint="such as scsi0:1 or nvme0:0"
        )
    return match[1], int(match[2]), int(match[3])


def check_disk(disk: DiskWish) -> None:
    """Raise `Invalid` for a disk that cannot be as it is wished."""
    place_of(disk.target)
    if not _VOLUME.fullmatch(disk.volume) or ".." in disk.volume:
        raise Invalid(
            f"{disk.volume!r} cannot be the name of a volume in vSphere",
            hint="such as web-1/web-1.vmdk",
        )


def _controller(kind: str, bus: int, key: int) -> Any:
    device = _CONTROLLERS[kind](key=key, busNumber=bus)
    if kind == "scsi":
        device.sharedBus = "noSharing"
    return vim.vm.device.VirtualDeviceSpec(operation=_ADD, device=device)
