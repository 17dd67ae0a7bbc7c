"""The XML of a disk and of a network adapter."""

import xml.etree.ElementTree as ET

from anypool.drivers.libvirt.xml_write import child
from anypool.drivers.names import check_mac, check_name, check_target
from anypool.model import DiskWish, Nic

_BUSES = {"vd": "virtio", "sd": "sata", "hd": "ide", "xv": "xen"}


def disk(wish: DiskWish, path: str, *, cache: str) -> ET.Element:
    """A disk on the volume at `path`; `cache` "none" is what live migration wants."""
    check_target(wish.target)
    element = ET.Element("disk", type="file", device="disk")
    child(element, "driver", name="qemu", type=wish.format, cache=cache, discard="unmap")
    child(element, "source", file=path)
    child(element, "target", dev=wish.target, bus=_BUSES[wish.target[:2]])
    if wish.shareable:
        child(element, "shareable")
    return element


def nic(wish: Nic) -> ET.Element:
    """A network adapter; without a network it is on none, but there."""
    check_mac(wish.mac)
    element = ET.Element("interface", type="network" if wish.network else "user")
    child(element, "mac", address=wish.mac)
    if wish.network:
        check_name("network", wish.network)
        child(element, "source", network=wish.network)
    child(element, "model", type=wish.model)
    return element
