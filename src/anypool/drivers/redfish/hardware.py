"""One server read whole: its parts put together from what several modules read."""

from msgspec.structs import replace

from anypool.drivers.redfish import adapters, boot, enclosures, fields, parts
from anypool.drivers.redfish.fields import Resource, part, text
from anypool.drivers.redfish.service import Service, link
from anypool.drivers.redfish.walk import Walk, links
from anypool.model import Card, Condition, Hardware, Medium, Power

_GIB = 1024


def read(walk: Walk, service: Service, system: Resource, power: Power) -> Hardware:
    """Return the hardware of a system that was read already."""
    root = service.root
    around = enclosures.of_system(walk, root, system)
    own = [(path, body) for path, body in around if path in _own(system, around)]
    media = _media(walk, system)
    summary = part(system, "ProcessorSummary")
    made = Hardware(
        uuid=text(system, "UUID").lower(),
        maker=text(system, "Manufacturer"),
        model=text(system, "Model"),
        serial=text(system, "SerialNumber", "SKU"),
        name=text(system, "HostName", "Name"),
        asset_tag=text(system, "AssetTag"),
        bios=text(system, "BiosVersion"),
        power=power,
        health=_health(system),
        memory_mib=_memory_mib(system),
        threads=fields.count(summary, "LogicalProcessorCount"),
        boot=boot.read(system),
        processors=parts.processors(walk, system),
        memory=parts.memory(walk, system),
        cards=adapters.read(walk, system, own, off=power is Power.OFF),
        storage=parts.storage(walk, system),
        firmware=parts.firmware(walk, root),
        chassis=tuple(enclosures.chassis(walk, path, body) for path, body in around),
        controllers=enclosures.controllers(walk, root, system, around),
        media=media,
        abilities=_abilities(walk, root, system, media),
    )
    said = tuple(f"{what}: {why}" for what, why in sorted(walk.unread.items()))
    return replace(made, unread=said)


def cards(walk: Walk, service: Service, system: Resource, power: Power) -> tuple[Card, ...]:
    """Return the adapters of a system alone."""
    around = enclosures.of_system(walk, service.root, system)
    own = [(path, body) for path, body in around if path in _own(system, around)]
    return adapters.read(walk, system, own, off=power is Power.OFF)


def refreshed(known: Hardware, system: Resource, power: Power) -> Hardware:
    """Return a server that was read before, with what its system alone says by now."""
    return replace(
        known,
        power=power,
        health=_health(system),
        boot=boot.read(system),
        bios=text(system, "BiosVersion") or known.bios,
    )


def _own(system: Resource, around: list[tuple[str, Resource]]) -> tuple[str, ...]:
    return links(part(system, "Links"), "Chassis") or tuple(path for path, _ in around[:1])


def _health(system: Resource) -> Condition:
    """Return the worst of what the system says of itself and of all its parts."""
    status = part(system, "Status")
    rolled = {"Status": {"Health": status.get("HealthRollup")}}
    both = (fields.health(system), fields.health(rolled))
    order = (Condition.CRITICAL, Condition.WARNING, Condition.OK)
    return next((one for one in order if one in both), Condition.UNKNOWN)


def _memory_mib(system: Resource) -> int | None:
    said = fields.number(part(system, "MemorySummary"), "TotalSystemMemoryGiB", 1e7)
    return round(said * _GIB) if said is not None and said > 0 else None


def _media(walk: Walk, system: Resource) -> tuple[Medium, ...]:
    place = link(system, "VirtualMedia")
    places = [place] if place else []
    if not place:
        managers = walk.each(links(part(system, "Links"), "ManagedBy"), "managers")
        places = [found for _, one in managers if (found := link(one, "VirtualMedia"))]
    every = [pair for one in places for pair in walk.all_of(one, "virtual media")]
    return tuple(boot.medium(path, body) for path, body in every)


def _abilities(
    walk: Walk, root: Resource, system: Resource, media: tuple[Medium, ...]
) -> frozenset[str]:
    """Return what a BMC can do, by what it links to."""
    events = walk.tried(link(root, "EventService"), "event service")
    found = {
        "event-service": bool(link(events, "Subscriptions"))
        and events.get("ServiceEnabled") is not False,
        "virtual-media": bool(media),
        "boot-override": bool(part(system, "Boot")),
        "update-service": bool(link(root, "UpdateService")),
        "telemetry": bool(link(root, "TelemetryService")),
        "log": bool(link(system, "LogServices")),
        "sessions": bool(link(part(root, "Links"), "Sessions")),
        "bios-settings": bool(link(system, "Bios")),
        "secure-boot": bool(link(system, "SecureBoot")),
    }
    return frozenset(name for name, there in found.items() if there)
