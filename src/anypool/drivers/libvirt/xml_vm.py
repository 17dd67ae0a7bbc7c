"""A VM's XML as a `Vm`."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import PurePosixPath

from anypool.drivers.libvirt import metadata, xml_read
from anypool.drivers.libvirt.xml_read import attribute, text
from anypool.model import Boot, DatastoreId, Disk, HostId, NetworkId, Nic, Resources, Vm, VmId

DatastoreAt = Callable[[str], DatastoreId | None]
"""Gives the datastore a path lies on, None if no pool holds it."""

CPU_PERIOD_US = 100_000


def read(described: ET.Element, host: HostId, datastore_at: DatastoreAt) -> Vm:
    """Everything about a VM but its state and its snapshots."""
    memory_mib = xml_read.size_mib(described, "currentMemory")
    vcpu = described.find("vcpu")
    most = int(vcpu.text or 1) if vcpu is not None else 1
    return Vm(
        id=VmId(text(described, "uuid").lower()),
        name=text(described, "name"),
        host=host,
        vcpus=int(vcpu.get("current", most)) if vcpu is not None else most,
        memory_mib=memory_mib or xml_read.size_mib(described, "memory"),
        cpu_model=text(described, "cpu/model"),
        disks=disks(described, datastore_at),
        nics=nics(described),
        boot=_boot(described),
        resources=resources(described),
        made_by=metadata.made_by(described),
        origin=metadata.origin(described),
    )


def disks(described: ET.Element, datastore_at: DatastoreAt) -> tuple[Disk, ...]:
    """The disks of a VM; empty CD drives are none."""
    found = []
    for element in described.findall("devices/disk"):
        path = disk_path(element)
        if not path or element.get("device", "disk") != "disk":
            continue
        found.append(
            Disk(
                target=attribute(element, "target", "dev"),
                volume=PurePosixPath(path).name,
                datastore=datastore_at(path),
                path=path,
                format=attribute(element, "driver", "type", "raw"),
                bus=attribute(element, "target", "bus", "virtio"),
                shareable=element.find("shareable") is not None,
                readonly=element.find("readonly") is not None,
            )
        )
    return tuple(found)


def disk_path(disk: ET.Element) -> str:
    """Where a disk's volume is, "" for an empty drive or a disk on the network."""
    source = disk.find("source")
    return "" if source is None else source.get("file") or source.get("dev") or ""


def nics(described: ET.Element) -> tuple[Nic, ...]:
    """The network adapters of a VM."""
    found = []
    for element in described.findall("devices/interface"):
        network = attribute(element, "source", "network")
        found.append(
            Nic(
                mac=attribute(element, "mac", "address").lower(),
                network=NetworkId(network) if network else None,
                model=attribute(element, "model", "type", "virtio"),
            )
        )
    return tuple(found)


def resources(described: ET.Element) -> Resources:
    """Shares, limits and reservations as they are configured."""
    period = _number(described, "cputune/global_period") or CPU_PERIOD_US
    quota = _number(described, "cputune/global_quota")
    return Resources(
        cpu_shares=_number(described, "cputune/shares"),
        cpu_limit_percent=quota * 100 // period,
        io_weight=_number(described, "blkiotune/weight"),
        memory_limit_mib=xml_read.size_mib(described, "memtune/hard_limit"),
        memory_reserved_mib=metadata.memory_reserved_mib(described),
    )


def _boot(described: ET.Element) -> Boot | None:
    kernel = text(described, "os/kernel")
    if not kernel:
        return None
    return Boot(
        kernel=kernel, initrd=text(described, "os/initrd"), cmdline=text(described, "os/cmdline")
    )


def _number(described: ET.Element, path: str) -> int:
    written = text(described, path)
    return int(written) if written.isdigit() else 0
