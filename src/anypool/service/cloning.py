"""A VM like another one, or like a template: what is taken over, and what is its own."""

import uuid

from msgspec import Struct

from anypool.errors import Conflict, NotSupported
from anypool.model import Disk, DiskWish, Inventory, Nic, Vm, VmId, VmWish
from anypool.service import find
from anypool.service.names import checked_name, checked_tags
from anypool.service.wishes import Taken, checked_memory, checked_vcpus, new_mac


class NewClone(Struct, frozen=True, kw_only=True):
    """What somebody asks for; None leaves a thing as the source has it."""

    name: str
    vcpus: int | None = None
    memory_mib: int | None = None
    networks: tuple[str, ...] | None = None
    host: str | None = None
    start: bool = True
    tags: tuple[str, ...] = ()


def clone_of(source: Vm, asked: NewClone, inventory: Inventory, used: Taken) -> VmWish:
    """Return the wish for a clone, whose disks are full copies on the source's datastores.

    Its addresses are new, and so is its id. Raises `Conflict` for a name in use and
    `NotSupported` where the platform copies no whole VMs.
    """
    checked_name(asked.name, "a VM")
    if asked.name in used.names:
        raise Conflict(f"there is a VM called {asked.name} already", hint="choose another name")
    _check_source(source)
    vcpus = source.vcpus if asked.vcpus is None else asked.vcpus
    memory_mib = source.memory_mib if asked.memory_mib is None else asked.memory_mib
    macs = set(used.macs)
    return VmWish(
        id=VmId(str(uuid.uuid4())),
        name=asked.name,
        vcpus=checked_vcpus(vcpus),
        memory_mib=checked_memory(memory_mib),
        cpu_model=source.cpu_model,
        disks=tuple(_copy(disk, asked.name, number) for number, disk in enumerate(source.disks)),
        nics=_nics(source, asked, inventory, macs),
        resources=source.resources,
        tags=checked_tags(asked.tags),
        origin=source.origin,
    )


def _check_source(source: Vm) -> None:
    if source.twins:
        raise Conflict(
            f"{source.name} bears the id of another VM", hint="give the copy an id of its own"
        )
    foreign = any(disk.format != "vmdk" or disk.datastore is None for disk in source.disks)
    if foreign or not source.disks:
        raise NotSupported(
            f"{source.name} cannot be cloned: only vSphere copies a VM with all of its disks",
            hint="add its volume as an image, and make VMs from that",
        )


def _copy(disk: Disk, name: str, number: int) -> DiskWish:
    assert disk.datastore is not None
    suffix = f"_{number}" if number else ""
    return DiskWish(
        target=disk.target,
        datastore=disk.datastore,
        size_bytes=disk.size_bytes,
        volume=f"{name}/{name}{suffix}.vmdk",
        base=disk.volume,
        base_format=disk.format,
        format=disk.format,
    )


def _nics(source: Vm, asked: NewClone, inventory: Inventory, macs: set[str]) -> tuple[Nic, ...]:
    if asked.networks is None:
        return tuple(
            Nic(mac=new_mac(macs), network=nic.network, model=nic.model) for nic in source.nics
        )
    model = source.nics[0].model if source.nics else "vmxnet3"
    wanted = (find.network(inventory, key).id for key in asked.networks)
    return tuple(Nic(mac=new_mac(macs), network=network, model=model) for network in wanted)
