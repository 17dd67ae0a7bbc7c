"""New VMs as the hypervisor will know them: ids, addresses and volume names, chosen once."""

import secrets
import uuid
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from anypool.errors import Conflict, Invalid
from anypool.model import (
    Boot,
    CopyState,
    Datastore,
    DiskWish,
    Image,
    ImageCopy,
    ImageVersion,
    Inventory,
    Nic,
    VmId,
    VmWish,
)
from anypool.model.units import MIB
from anypool.plan import AttachNic, CreateVm, Plan, RenameVm
from anypool.service import find
from anypool.service.names import checked_name, checked_tags, checked_text

LEAST_MEMORY_MIB, MOST_MEMORY_MIB = 16, 16 << 20
MOST_VCPUS, MOST_VMS, MOST_DISK_BYTES = 1024, 1000, 1 << 50


class NewVm(Struct, frozen=True, kw_only=True):
    """What somebody asks for; None and 0 leave the choice to the image or to the pool.

    `booking` is the id of room that was kept for them, or the name it was kept under.
    """

    name: str
    image: str
    count: int = 1
    vcpus: int = 1
    max_vcpus: int = 0
    memory_mib: int | None = None
    max_memory_mib: int = 0
    disk_bytes: int | None = None
    networks: tuple[str, ...] | None = None
    host: str | None = None
    datastore: str | None = None
    start: bool = True
    tags: tuple[str, ...] = ()
    shareable: bool = False
    cmdline: str | None = None
    booking: str | None = None


class Taken(Struct, frozen=True, kw_only=True):
    """Names and MACs that exist, or that a plan on its way will make."""

    names: frozenset[str]
    macs: frozenset[str]


def taken(inventory: Inventory, coming: Iterable[Plan]) -> Taken:
    """Return what is in use in the pool and in plans that run now."""
    names = {vm.name for vm in inventory.vms.values()}
    macs = {nic.mac for vm in inventory.vms.values() for nic in vm.nics}
    for plan in coming:
        for step in plan:
            match step.action:
                case CreateVm(wish=wish):
                    names.add(wish.name)
                    macs |= {nic.mac for nic in wish.nics}
                case RenameVm(name=name):
                    names.add(name)
                case AttachNic(nic=nic):
                    macs.add(nic.mac)
                case _:
                    pass
    return Taken(names=frozenset(names), macs=frozenset(macs))


def new_mac(used: set[str]) -> str:
    """Return an address of the range 52:54:00 that is not in `used`, and add it there."""
    while True:
        low = secrets.randbits(24)
        mac = f"52:54:00:{low >> 16:02x}:{low >> 8 & 255:02x}:{low & 255:02x}"
        if mac not in used:
            used.add(mac)
            return mac


def wishes(asked: NewVm, inventory: Inventory, used: Taken) -> tuple[VmWish, ...]:
    """Return one wish per VM; raise `Invalid`, `NotFound`, or `Conflict` for a name in use."""
    names = _names(asked, used)
    image, version = find.version(inventory, asked.image)
    copy = _copy(asked, (image, version), inventory)
    model = _model(asked, image, version)
    networks = tuple(find.network(inventory, key).id for key in _networks(asked, inventory))
    macs = set(used.macs)
    found = []
    for name in names:
        vm_id = VmId(str(uuid.uuid4()))
        nics = tuple(Nic(mac=new_mac(macs), network=network) for network in networks)
        disk = _disk(asked, version, copy, f"{name}-{vm_id[:8]}-vda")
        found.append(replace(model, id=vm_id, name=name, disks=(disk,), nics=nics))
    return tuple(found)


def _names(asked: NewVm, used: Taken) -> tuple[str, ...]:
    if not 1 <= asked.count <= MOST_VMS:
        raise Invalid(f"{asked.count} VMs at once are not possible", hint=f"1 to {MOST_VMS}")
    names = [asked.name]
    if asked.count > 1:
        names = [f"{asked.name}-{number}" for number in range(1, asked.count + 1)]
    for name in names:
        checked_name(name, "a VM")
        if name in used.names:
            raise Conflict(f"there is a VM called {name} already", hint="choose another name")
    return tuple(names)


def _model(asked: NewVm, image: Image, version: ImageVersion) -> VmWish:
    memory = image.memory_mib if asked.memory_mib is None else asked.memory_mib
    checked_memory(memory)
    checked_vcpus(asked.vcpus)
    if asked.max_vcpus:
        _at_least("max_vcpus", checked_vcpus(asked.max_vcpus), asked.vcpus)
    if asked.max_memory_mib:
        _at_least("max_memory", checked_memory(asked.max_memory_mib), memory)
    return VmWish(
        id=VmId(""),
        name="",
        vcpus=asked.vcpus,
        max_vcpus=asked.max_vcpus,
        memory_mib=memory,
        max_memory_mib=asked.max_memory_mib,
        boot=_boot(asked, image, version),
        tags=checked_tags(asked.tags),
        origin=image.origin(version),
    )


def checked_memory(memory_mib: int) -> int:
    """Return a size a VM's memory can have; raise `Invalid`."""
    if not LEAST_MEMORY_MIB <= memory_mib <= MOST_MEMORY_MIB:
        hint = f"ask for {LEAST_MEMORY_MIB} MiB to {MOST_MEMORY_MIB >> 20} TiB"
        raise Invalid(f"{memory_mib} MiB are no memory for a VM", hint=hint)
    return memory_mib


def checked_vcpus(vcpus: int) -> int:
    """Return a number of CPUs a VM can have; raise `Invalid`."""
    if not 1 <= vcpus <= MOST_VCPUS:
        raise Invalid(f"a VM cannot have {vcpus} vCPUs", hint=f"ask for 1 to {MOST_VCPUS}")
    return vcpus


def checked_disk(size_bytes: int) -> int:
    """Return a size a disk can have; raise `Invalid`."""
    if not MIB <= size_bytes <= MOST_DISK_BYTES:
        raise Invalid(f"a disk cannot have {size_bytes} bytes", hint="ask for 1 MiB to 1 PiB")
    return size_bytes


def _at_least(what: str, most: int, least: int) -> None:
    if most < least:
        raise Invalid(f"{what} is {most}, less than the VM starts with", hint=f"at least {least}")


def _boot(asked: NewVm, image: Image, version: ImageVersion) -> Boot | None:
    if asked.cmdline is None:
        return version.boot
    if version.boot is None:
        raise Invalid(
            f"{image.name} boots from its disk and takes no kernel command line",
            hint="leave cmdline out",
        )
    text = checked_text(asked.cmdline, "cmdline", 1024)
    return Boot(kernel=version.boot.kernel, initrd=version.boot.initrd, cmdline=text)


def _copy(asked: NewVm, wanted: tuple[Image, ImageVersion], inventory: Inventory) -> ImageCopy:
    """Return the copy to make VMs from: where asked, or where most hosts and most space are."""
    image, version = wanted
    copies = version.usable
    if not copies:
        raise _no_copy(image, version)
    if asked.datastore is not None:
        place: Datastore = find.datastore(inventory, asked.datastore)
        copies = tuple(copy for copy in copies if copy.datastore == place.id)
        if not copies:
            raise Invalid(
                f"the image {image.called(version.number)} is not on the datastore {place.name}",
                hint="a new VM's disk is a linked clone and lies beside its image",
            )
    host = None if asked.host is None else find.host(inventory, asked.host)

    def rank(copy: ImageCopy) -> tuple[bool, int, int]:
        seers = sum(copy.datastore in one.datastores for one in inventory.hosts.values())
        store = inventory.datastores.get(copy.datastore)
        reached = host is not None and copy.datastore in host.datastores
        return (reached, seers, 0 if store is None else store.free_bytes)

    return max(copies, key=rank)


def _no_copy(image: Image, version: ImageVersion) -> Conflict:
    name = image.called(version.number)
    hint = f"`anypool image show {image.name}` says where its copies are"
    if any(copy.state is CopyState.UNREAD for copy in version.copies):
        return Conflict(f"{name} was written to and is being read again", hint=hint)
    return Conflict(f"no copy of {name} is left", hint=hint)


def _networks(asked: NewVm, inventory: Inventory) -> tuple[str, ...]:
    if asked.networks is not None:
        return asked.networks
    names = sorted(inventory.networks)
    if len(names) > 1:
        known = ", ".join(network.name for network in inventory.networks.values())
        raise Invalid("the pool has several networks", hint=f"say which network: {known}")
    return tuple(names)


def _disk(asked: NewVm, version: ImageVersion, copy: ImageCopy, volume: str) -> DiskWish:
    kind = "raw" if asked.shareable else "qcow2"
    size = version.size_bytes if asked.disk_bytes is None else checked_disk(asked.disk_bytes)
    if size < version.size_bytes:
        hint = f"ask for at least {version.size_bytes} bytes"
        raise Invalid(f"the disk is smaller than the image {copy.volume}", hint=hint)
    return DiskWish(
        target="vda",
        datastore=copy.datastore,
        size_bytes=size,
        volume=f"{volume}.{kind}",
        base=copy.volume,
        base_format=version.format,
        format=kind,
        shareable=asked.shareable,
    )
