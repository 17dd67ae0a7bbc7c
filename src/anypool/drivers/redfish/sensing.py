"""What sensors read, and what the logs of a BMC hold."""

from collections.abc import Iterator
from datetime import datetime

from anypool.drivers.redfish import fields
from anypool.drivers.redfish.fields import Resource, part, text
from anypool.drivers.redfish.service import link, words
from anypool.drivers.redfish.walk import MOST_MEMBERS, Walk, links
from anypool.errors import Unreachable
from anypool.model import Condition, LogEntry, Sensor

LAST_ENTRIES = 200
"""How many entries are kept of all logs together, the newest."""
_SEVERITY = {"OK": Condition.OK, "Warning": Condition.WARNING, "Critical": Condition.CRITICAL}


def sensors(walk: Walk, chassis: list[tuple[str, Resource]]) -> tuple[Sensor, ...]:
    """Return the sensors of some chassis; of older services, temperatures and voltages."""
    found = list[Sensor]()
    for _, body in chassis:
        newer = walk.all_of(link(body, "Sensors"), "sensors")
        if newer:
            found += [_newer(one) for _, one in newer if not fields.absent(one)]
        else:
            found += _older(walk, body)
    return tuple(found)


def _newer(one: Resource) -> Sensor:
    return Sensor(
        name=text(one, "Name", "Id"),
        kind=text(one, "ReadingType"),
        reading=fields.number(one, "Reading", 1e9),
        unit=text(one, "ReadingUnits"),
        health=fields.health(one),
    )


_OLDER = (
    ("Thermal", "Temperatures", "Temperature", "ReadingCelsius", "Cel"),
    ("Thermal", "Fans", "Rotational", "Reading", "RPM"),
    ("Power", "Voltages", "Voltage", "ReadingVolts", "V"),
)


def _older(walk: Walk, body: Resource) -> Iterator[Sensor]:
    for place, where, kind, name, unit in _OLDER:
        for one in fields.parts(walk.tried(link(body, place), "sensors"), where):
            if not fields.absent(one):
                percent = text(one, "ReadingUnits") == "Percent"
                yield Sensor(
                    name=text(one, "Name", "FanName", "MemberId"),
                    kind=kind,
                    reading=fields.number(one, name, 1e9),
                    unit="%" if percent else unit,
                    health=fields.health(one),
                )


def log(walk: Walk, owners: list[Resource]) -> tuple[LogEntry, ...]:
    """Return the newest entries of every log of some resources, oldest first."""
    found = dict[str, LogEntry]()
    for owner in owners:
        for _, service in walk.all_of(link(owner, "LogServices"), "logs"):
            name = text(service, "Name", "Id")
            for path, one in _entries(walk, link(service, "Entries")):
                found[path] = _entry(name, one)
    newest = sorted(found.values(), key=lambda one: (one.at, one.log, _order(one.id)))
    return tuple(newest[-LAST_ENTRIES:])


def _entries(walk: Walk, path: str) -> Iterator[tuple[str, Resource]]:
    """Yield entries: most services write them out within the list, others link to them."""
    page, pages = path, 0
    plain = list[str]()
    while page and pages < MOST_MEMBERS:
        body = walk.tried(page, "logs")
        for one in fields.parts(body, "Members"):
            where = link({"it": one}, "it")
            if "Message" in one or "Created" in one:
                yield where or f"{page}#{text(one, 'Id')}", one
            elif where:
                plain.append(where)
        page, pages = words(body.get("Members@odata.nextLink"), 400), pages + 1
        page = link({"it": {"@odata.id": page}}, "it")
    if len(plain) > LAST_ENTRIES:
        walk.note("logs", Unreachable(f"of {len(plain)} entries the last {LAST_ENTRIES} were read"))
    yield from walk.each(plain[-LAST_ENTRIES:], "logs")


def _entry(log_name: str, one: Resource) -> LogEntry:
    return LogEntry(
        id=text(one, "Id"),
        at=moment(text(one, "Created", "EventTimestamp")),
        severity=_SEVERITY.get(text(one, "Severity"), Condition.UNKNOWN),
        message=words(one.get("Message"), 400),
        code=text(one, "MessageId", "SensorType"),
        log=log_name,
    )


def _order(name: str) -> tuple[int, str]:
    return (int(name), "") if name.isascii() and name.isdigit() else (0, name)


def moment(said: str) -> float:
    """Return a time of Redfish in seconds since 1970, 0 where it is none or has no zone."""
    try:
        when = datetime.fromisoformat(said)
        return max(when.timestamp(), 0.0) if when.tzinfo is not None else 0.0
    except (ValueError, OverflowError, OSError):
        return 0.0


def owners(walk: Walk, system: Resource) -> list[Resource]:
    """Return who keeps logs of a system: itself, and those that manage it."""
    managers = links(part(system, "Links"), "ManagedBy")
    return [system, *(body for _, body in walk.each(managers, "managers"))]
