"""Disks and network adapters, given and taken while the VM runs or not."""

import contextlib
import xml.etree.ElementTree as ET

import libvirt

from anypool.drivers.libvirt import making, xml_device, xml_read, xml_vm
from anypool.drivers.libvirt.part import Part, long
from anypool.drivers.libvirt.xml_domain import Taste
from anypool.drivers.libvirt.xml_write import document
from anypool.drivers.names import check_mac, check_target
from anypool.drivers.waiting import wait_until
from anypool.errors import Conflict, Rejected
from anypool.model import DiskWish, HostId, Nic, VmId

UNPLUG_TRIES = 10
UNPLUG_TRY_S = 2.0


class Devices(Part):
    """The operations on devices."""

    @long
    def attach_disk(self, vm: VmId, host: HostId, disk: DiskWish, tag: str) -> None:
        """Make a volume and attach it; quiet if the VM has that volume there already."""
        domain = self.find(vm, host)
        check_target(disk.target)
        for old in xml_vm.disks(self._described(domain), lambda _: None):
            if old.target == disk.target and old.volume == disk.volume:
                making.forget_mark(self.volumes, (disk,), tag)
                return
            if old.target == disk.target:
                raise Conflict(
                    f"VM {domain.name()} has a disk {disk.target}", hint="choose another"
                )
        cache = Taste.of(self.session.options).disk_cache
        with making.made(self.volumes, (disk,), tag) as (placed,):
            element = xml_device.disk(disk, placed.path, cache=cache)
            with self.session.doing(f"attach disk {disk.target} to VM {domain.name()}"):
                domain.attachDeviceFlags(document(element), _scope(domain))

    @long
    def detach_disk(self, vm: VmId, host: HostId, target: str) -> None:
        """Take a disk away; quiet if it is not there."""
        check_target(target)
        self._detach(self.find(vm, host), f"devices/disk/target[@dev='{target}']/..", target)

    def attach_nic(self, vm: VmId, host: HostId, nic: Nic) -> None:
        """Attach an adapter; quiet if the VM has one with that address."""
        domain = self.find(vm, host)
        element = xml_device.nic(nic)
        for old in xml_vm.nics(self._described(domain)):
            if old.mac == nic.mac and old.network == nic.network:
                return
            if old.mac == nic.mac:
                raise Conflict(
                    f"VM {domain.name()} has {nic.mac} on {old.network}", hint="detach it"
                )
        self.check_networks((nic,))
        with self.session.doing(f"attach {nic.mac} to VM {domain.name()}"):
            domain.attachDeviceFlags(document(element), _scope(domain))

    def detach_nic(self, vm: VmId, host: HostId, mac: str) -> None:
        """Take an adapter away; quiet if it is not there."""
        check_mac(mac)
        self._detach(self.find(vm, host), f"devices/interface/mac[@address='{mac}']/..", mac)

    def _detach(self, domain: libvirt.virDomain, path: str, what: str) -> None:
        element = self._described(domain).find(path)
        if element is None:
            return
        with self.session.doing(f"detach {what} from VM {domain.name()}"):
            domain.detachDeviceFlags(document(element), _scope(domain))
        for _ in range(UNPLUG_TRIES):
            if wait_until(lambda: self._described(domain).find(path) is None, UNPLUG_TRY_S):
                return
            with contextlib.suppress(libvirt.libvirtError):  # a guest that boots misses a request
                domain.detachDeviceFlags(document(element), libvirt.VIR_DOMAIN_AFFECT_LIVE)
        raise Rejected(
            f"the guest of VM {domain.name()} does not give {what} back",
            hint="is the guest up? otherwise stop the VM and detach it then",
        )

    def _described(self, domain: libvirt.virDomain) -> ET.Element:
        with self.session.reading(f"read VM {domain.name()}"):
            return xml_read.parse(domain.XMLDesc(0))


def _scope(domain: libvirt.virDomain) -> int:
    """Change what runs and what is kept, as far as each is there."""
    flags = 0
    if domain.isActive():
        flags |= libvirt.VIR_DOMAIN_AFFECT_LIVE
    if domain.isPersistent():
        flags |= libvirt.VIR_DOMAIN_AFFECT_CONFIG
    return flags
