"""Network adapters and host bus adapters, their functions, and what may be written there.

Newer services tell them as `NetworkAdapters` of a chassis, older ones as `EthernetInterfaces`
of the system; an interface that a function's MAC names is not told twice.
"""

from anypool.drivers.redfish import fields
from anypool.drivers.redfish.fields import Resource, part, text
from anypool.drivers.redfish.service import link
from anypool.drivers.redfish.walk import Walk, links
from anypool.model import Card, IscsiBoot, PortFunction, Writable

WHAT = "network adapters"
_KINDS = {"mac": "Ethernet", "wwn": "FibreChannel", "iscsi": "iSCSIBoot"}


def read(
    walk: Walk, system: Resource, chassis: list[tuple[str, Resource]], *, off: bool = False
) -> tuple[Card, ...]:
    """Return the adapters of a system, those of its chassis first.

    Of one that is `off` the addresses are those that it starts with next.
    """
    found = list[Card]()
    for _, one in chassis:
        each = walk.all_of(link(one, "NetworkAdapters"), WHAT)
        found += [_adapter(walk, path, body, off) for path, body in each if not fields.absent(body)]
    known = {function.mac for card in found for function in card.functions}
    known |= {function.burnt_in for card in found for function in card.functions}
    for path, body in walk.all_of(link(system, "EthernetInterfaces"), "ethernet interfaces"):
        made = _interface(path, body)
        if made.mac not in known:
            name = made.name or path.rpartition("/")[2]
            found.append(Card(name=name, health=fields.health(body), functions=(made,)))
    return tuple(found)


def _adapter(walk: Walk, path: str, body: Resource, off: bool) -> Card:
    controllers = fields.parts(body, "Controllers")
    firmware = next((text(one, "FirmwarePackageVersion") for one in controllers), "")
    functions = walk.all_of(link(body, "NetworkDeviceFunctions"), WHAT)
    return Card(
        name=text(body, "Name", "Id") or path.rpartition("/")[2],
        model=text(body, "Model"),
        maker=text(body, "Manufacturer"),
        serial=text(body, "SerialNumber"),
        firmware=firmware,
        slot=fields.slot(body) or fields.slot(controllers[0] if controllers else {}),
        health=fields.health(body),
        functions=tuple(_function(walk, where, one, off) for where, one in functions),
    )


def _function(walk: Walk, path: str, body: Resource, off: bool) -> PortFunction:
    if off and (place := settings_of(body)):
        body = laid_over(body, walk.tried(place, WHAT))
    ethernet, fibre = part(body, "Ethernet"), part(body, "FibreChannel")
    port = walk.tried(_port(body), WHAT)
    speed = fields.number(port, "CurrentSpeedGbps", 1e6)
    mbit_s = fields.count(port, "CurrentLinkSpeedMbps")
    return PortFunction(
        path=path,
        name=text(body, "Name", "Id") or path.rpartition("/")[2],
        kind=text(body, "NetDevFuncType"),
        mac=fields.mac(ethernet.get("MACAddress")),
        burnt_in=fields.mac(ethernet.get("PermanentMACAddress")),
        wwpn=fields.wwn(fibre.get("WWPN")),
        wwnn=fields.wwn(fibre.get("WWNN")),
        burnt_wwpn=fields.wwn(fibre.get("PermanentWWPN")),
        burnt_wwnn=fields.wwn(fibre.get("PermanentWWNN")),
        iscsi=iscsi(body),
        link_up=_up(text(port, "LinkStatus")),
        mbit_s=round(speed * 1000) if mbit_s is None and speed is not None else mbit_s,
        writes=told(body),
    )


def settings_of(body: Resource) -> str:
    """Return where values are written that count from the next start, "" where there is none."""
    return link(part(body, "@Redfish.Settings"), "SettingsObject")


def laid_over(body: Resource, settings: Resource) -> Resource:
    """Return a function as it is at its next start: with what is set for that."""
    parts = {name: {**part(body, name), **part(settings, name)} for name in _KINDS.values()}
    over = {name: value for name, value in parts.items() if value}
    mode = {"BootMode": settings["BootMode"]} if "BootMode" in settings else {}
    return body | over | mode


def iscsi(body: Resource) -> IscsiBoot | None:
    """Return from where a function boots over iSCSI, None where it says nothing of it."""
    said = part(body, "iSCSIBoot")
    made = IscsiBoot(
        initiator=text(said, "InitiatorName"),
        target=text(said, "PrimaryTargetName"),
        address=text(said, "PrimaryTargetIPAddress"),
        port=fields.count(said, "PrimaryTargetTCPPort"),
        lun=fields.count(said, "PrimaryLUN"),
    )
    return made if made != IscsiBoot() else None


def told(body: Resource) -> tuple[tuple[str, Writable], ...]:
    """Return what a function's own annotations say of writing to it.

    A settings object that is linked means that values are written there and count from the
    next start; `@Redfish.WriteableProperties` lists them by name. Neither proves it.
    """
    settings = bool(settings_of(body))
    listed = body.get("@Redfish.WriteableProperties")
    result = list[tuple[str, Writable]]()
    for what, name in _KINDS.items():
        if not isinstance(body.get(name), dict):
            continue
        names = fields.texts(body, "@Redfish.WriteableProperties")
        if isinstance(listed, list):
            hit = any(one == name or one.startswith(f"{name}/") for one in names)
            result.append((what, Writable.TOLD if hit else Writable.NO))
        else:
            result.append((what, Writable.TOLD if settings else Writable.UNKNOWN))
    return tuple(result)


def _port(body: Resource) -> str:
    both = part(body, "Links")
    for name in ("PhysicalNetworkPortAssignment", "PhysicalPortAssignment"):
        if found := link(both, name) or link(body, name):
            return found
    several = links(body, "AssignablePhysicalNetworkPorts") or links(
        body, "AssignablePhysicalPorts"
    )
    return several[0] if len(several) == 1 else ""


def _interface(path: str, body: Resource) -> PortFunction:
    return PortFunction(
        path=path,
        name=text(body, "Name", "Id"),
        kind="Ethernet",
        mac=fields.mac(body.get("MACAddress")),
        burnt_in=fields.mac(body.get("PermanentMACAddress")),
        link_up=_up(text(body, "LinkStatus")),
        mbit_s=fields.count(body, "SpeedMbps"),
        writes=(("mac", Writable.UNKNOWN),),
    )


def _up(said: str) -> bool | None:
    if said in ("Up", "LinkUp"):
        return True
    return False if said in ("Down", "NoLink", "LinkDown") else None
