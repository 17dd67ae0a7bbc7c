"""Processors, memory, storage with RAID, firmware: the parts of a system."""

from anypool.drivers.redfish import fields
from anypool.drivers.redfish.fields import Resource, text
from anypool.drivers.redfish.service import link
from anypool.drivers.redfish.walk import Walk, links
from anypool.model import Drive, Firmware, MemoryModule, Processor, Raid, StorageUnit

_PROCESSORS = frozenset({"", "CPU", "Core", "Thread"})


def processors(walk: Walk, system: Resource) -> tuple[Processor, ...]:
    """Return the sockets that have a processor; accelerators are none."""
    every = walk.all_of(link(system, "Processors"), "processors")
    return tuple(
        Processor(
            slot=fields.slot(one) or text(one, "Id"),
            model=text(one, "Model"),
            architecture=text(one, "InstructionSet", "ProcessorArchitecture"),
            cores=fields.count(one, "TotalCores"),
            threads=fields.count(one, "TotalThreads"),
            mhz=fields.count(one, "MaxSpeedMHz"),
            health=fields.health(one),
        )
        for _, one in every
        if not fields.absent(one) and text(one, "ProcessorType") in _PROCESSORS
    )


def memory(walk: Walk, system: Resource) -> tuple[MemoryModule, ...]:
    """Return the memory modules that are plugged in."""
    return tuple(
        MemoryModule(
            slot=fields.slot(one) or text(one, "Id"),
            size_mib=fields.count(one, "CapacityMiB"),
            kind=text(one, "MemoryDeviceType"),
            mhz=fields.count(one, "OperatingSpeedMhz"),
            serial=text(one, "SerialNumber"),
            health=fields.health(one),
        )
        for _, one in walk.all_of(link(system, "Memory"), "memory")
        if not fields.absent(one)
    )


def storage(walk: Walk, system: Resource) -> tuple[StorageUnit, ...]:
    """Return the controllers with their drives and volumes, older services' `SimpleStorage` too."""
    units = walk.all_of(link(system, "Storage"), "storage")
    if units:
        return tuple(_unit(walk, body) for _, body in units)
    simple = walk.all_of(link(system, "SimpleStorage"), "storage")
    return tuple(
        StorageUnit(
            name=text(body, "Name", "Id"),
            health=fields.health(body),
            drives=tuple(
                _drive(one) for one in fields.parts(body, "Devices") if not fields.absent(one)
            ),
        )
        for _, body in simple
    )


def _unit(walk: Walk, body: Resource) -> StorageUnit:
    inner = fields.parts(body, "StorageControllers")
    if not inner:
        inner = [one for _, one in walk.all_of(link(body, "Controllers"), "storage controllers")]
    first: Resource = inner[0] if inner else {}
    drives = walk.each(links(body, "Drives"), "drives")
    volumes = walk.all_of(link(body, "Volumes"), "volumes")
    return StorageUnit(
        name=text(body, "Name", "Id"),
        model=text(first, "Model", "Name"),
        firmware=text(first, "FirmwareVersion"),
        health=fields.health(body),
        drives=tuple(_drive(one) for _, one in drives if not fields.absent(one)),
        volumes=tuple(_raid(one) for _, one in volumes),
    )


def _drive(one: Resource) -> Drive:
    left = fields.number(one, "PredictedMediaLifeLeftPercent", 100.0)
    return Drive(
        name=text(one, "Name", "Id"),
        model=text(one, "Model"),
        serial=text(one, "SerialNumber"),
        size_bytes=fields.count(one, "CapacityBytes"),
        media=text(one, "MediaType"),
        protocol=text(one, "Protocol"),
        slot=fields.slot(one),
        life_left_percent=round(left) if left is not None and left >= 0 else None,
        health=fields.health(one),
    )


def _raid(one: Resource) -> Raid:
    inside = fields.part(one, "Links").get("Drives")
    return Raid(
        name=text(one, "Name", "Id"),
        level=text(one, "RAIDType", "VolumeType"),
        size_bytes=fields.count(one, "CapacityBytes"),
        drives=len(inside) if isinstance(inside, list) else None,
        health=fields.health(one),
    )


def firmware(walk: Walk, root: Resource) -> tuple[Firmware, ...]:
    """Return every piece of firmware that the update service lists."""
    service = walk.tried(link(root, "UpdateService"), "firmware")
    every = walk.all_of(link(service, "FirmwareInventory"), "firmware")
    return tuple(
        Firmware(
            name=text(one, "Name", "Id"),
            version=text(one, "Version"),
            updateable=fields.flag(one, "Updateable"),
        )
        for _, one in every
    )
