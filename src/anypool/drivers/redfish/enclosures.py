"""Chassis with their slots, fans and power supplies, and who manages them.

The chassis of a system, those it stands in, and those that stand in it. A blade's enclosure
is found by `ContainedBy`; where a service lists one chassis only, that one is the system's.
"""

from anypool.drivers.redfish import fields
from anypool.drivers.redfish.fields import Resource, part, text
from anypool.drivers.redfish.service import link
from anypool.drivers.redfish.walk import Walk, links
from anypool.model import Bay, Chassis, Controller, Fan, PowerSupply

WHAT = "chassis"
DEEPEST = 4


def of_system(walk: Walk, root: Resource, system: Resource) -> list[tuple[str, Resource]]:
    """Return the chassis of a system with their paths: its own first, then what they stand in."""
    paths = links(part(system, "Links"), "Chassis")
    if not paths:
        every = walk.paths(link(root, "Chassis"), WHAT)
        paths = every if len(every) == 1 else ()
    found = dict(walk.each(paths, WHAT))
    edge = list(found.values())
    for _ in range(DEEPEST):
        outside = {link(part(one, "Links"), "ContainedBy") for one in edge} - {"", *found}
        if not outside:
            break
        more = dict(walk.each(sorted(outside), WHAT))
        found |= more
        edge = list(more.values())
    return list(found.items())


def chassis(walk: Walk, path: str, body: Resource) -> Chassis:
    """Return one chassis, with what is in its slots."""
    inner = part(body, "Links")
    return Chassis(
        path=path,
        name=text(body, "Name", "Id") or path.rpartition("/")[2],
        kind=text(body, "ChassisType"),
        maker=text(body, "Manufacturer"),
        model=text(body, "Model"),
        serial=text(body, "SerialNumber"),
        slot=fields.slot(body),
        inside=link(inner, "ContainedBy"),
        health=fields.health(body),
        bays=_bays(walk, inner),
        fans=_fans(walk, body),
        supplies=_supplies(walk, body),
        managers=links(inner, "ManagedBy"),
    )


def controllers(
    walk: Walk, root: Resource, system: Resource, around: list[tuple[str, Resource]]
) -> tuple[Controller, ...]:
    """Return who manages the system, then who manages what it stands in, also in reserve."""
    paths = links(part(system, "Links"), "ManagedBy")
    paths = paths or walk.paths(link(root, "Managers"), "managers")
    above = (one for _, body in around for one in links(part(body, "Links"), "ManagedBy"))
    found = dict(walk.each((*paths, *above), "managers"))
    inner = [part(body, "Links") for body in found.values()]
    beside = {one for each in inner for one in links(each, "ManagersBeside")}
    found |= dict(walk.each(sorted(beside - set(found)), "managers"))
    return tuple(_controller(path, body) for path, body in found.items())


def _controller(path: str, body: Resource) -> Controller:
    state = text(part(body, "Status"), "State")
    return Controller(
        path=path,
        name=text(body, "Name", "Id") or path.rpartition("/")[2],
        kind=text(body, "ManagerType"),
        model=text(body, "Model"),
        firmware=text(body, "FirmwareVersion"),
        active={"Enabled": True, "StandbySpare": False, "StandbyOffline": False}.get(state),
        health=fields.health(body),
    )


def _bays(walk: Walk, inner: Resource) -> tuple[Bay, ...]:
    found = list[Bay]()
    for path, one in walk.each(links(inner, "Contains"), WHAT):
        name = text(one, "Name", "Id") or path.rpartition("/")[2]
        kind = "server" if links(part(one, "Links"), "ComputerSystems") else "module"
        bay = Bay(slot=fields.slot(one), kind=kind, name=name, serial=text(one, "SerialNumber"))
        found.append(bay)
    return tuple(found)


def _fans(walk: Walk, body: Resource) -> tuple[Fan, ...]:
    thermal = walk.tried(link(body, "ThermalSubsystem"), "fans")
    newer = walk.all_of(link(thermal, "Fans"), "fans")
    if newer:
        return tuple(_newer_fan(one) for _, one in newer if not fields.absent(one))
    older = walk.tried(link(body, "Thermal"), "fans")
    return tuple(
        Fan(
            name=text(one, "Name", "FanName", "MemberId"),
            reading=fields.number(one, "Reading", 1e6),
            unit=text(one, "ReadingUnits"),
            health=fields.health(one),
        )
        for one in fields.parts(older, "Fans")
        if not fields.absent(one)
    )


def _newer_fan(one: Resource) -> Fan:
    speed = part(one, "SpeedPercent")
    rpm = fields.number(speed, "SpeedRPM", 1e6)
    percent = fields.number(speed, "Reading", 1e6)
    return Fan(
        name=text(one, "Name", "Id"),
        reading=percent if rpm is None else rpm,
        unit="Percent" if rpm is None and percent is not None else "RPM" if rpm is not None else "",
        health=fields.health(one),
    )


def _supplies(walk: Walk, body: Resource) -> tuple[PowerSupply, ...]:
    subsystem = walk.tried(link(body, "PowerSubsystem"), "power supplies")
    every = [one for _, one in walk.all_of(link(subsystem, "PowerSupplies"), "power supplies")]
    if not every:
        older = walk.tried(link(body, "Power"), "power supplies")
        every = fields.parts(older, "PowerSupplies")
    return tuple(
        PowerSupply(
            name=text(one, "Name", "Id", "MemberId"),
            model=text(one, "Model"),
            serial=text(one, "SerialNumber"),
            watts=fields.number(one, "PowerCapacityWatts", 1e6),
            health=fields.health(one),
        )
        for one in every
        if not fields.absent(one)
    )
