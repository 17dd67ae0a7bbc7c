"""Writing the identity of a profile into the adapters of a server that is off, and taking it away.

The first port of a kind gets the first address of that kind, as the pool counts the ports. How
it starts is written before its addresses and taken away before them: so a server that shows the
addresses of a profile starts as it, and one that shows its own is rid of it. Each value is read
back from where it was written; there are BMCs that say yes and change nothing.
"""

from typing import Any

from msgspec import Struct

from anypool.drivers import mandate
from anypool.drivers.redfish import adapters, bios, boot, fields
from anypool.drivers.redfish.fields import Resource, part
from anypool.drivers.redfish.service import Service
from anypool.drivers.servers import functions_of
from anypool.errors import NotSupported, OutcomeUnknown, Rejected
from anypool.model import AdapterKind, BootOrder, Hardware, PortFunction, Power
from anypool.model.profile import BootWay, Identity, Means

_TARGETS: dict[BootWay, tuple[str, ...]] = {
    BootWay.DISK: ("None",),
    BootWay.NETWORK: ("Pxe",),
    BootWay.ISCSI: ("RemoteDrive", "Pxe"),
}
_MODES = {BootWay.NETWORK: "PXE", BootWay.ISCSI: "iSCSI"}
_SECOND = ("Primary", "Secondary")


class Place(Struct, frozen=True):
    """A system whose adapters are written: its service, its path, and what was read of it."""

    service: Service
    path: str
    system: Resource
    hardware: Hardware


def apply(place: Place, identity: Identity) -> None:
    """Write an identity; nothing is sent where it is there already.

    Raises `Rejected` where the server is on, bears something else, or lacks a port or a way to
    boot; `OutcomeUnknown` if the BMC says yes and tells something else.
    """
    if identity.means is not Means.ADDRESSES:
        raise NotSupported(
            f"{place.service.name} writes addresses; it is no boot service",
            hint="adopt the server with its ports proved, or bring a boot service to the pool",
        )
    _check_off(place, "takes no identity")
    ports = _matched(place, identity)
    for function, wanted in ports:
        _check_own(place, function, wanted)
    if identity.bios:
        bios.write(place.service, place.system, identity.bios)
    _set_start(place, identity)
    for function, wanted in ports:
        _write(place.service, function, wanted)


def withdraw(place: Place) -> None:
    """Give each port what it was built with; nothing is sent where it has that already.

    Raises `Rejected` where the server is on, `OutcomeUnknown` as `apply` does.
    """
    _check_off(place, "keeps its addresses")
    _clear_start(place)
    for kind in AdapterKind:
        for function in functions_of(place.hardware.cards, kind):
            _write(place.service, function, _built_with(function, kind))


def _check_off(place: Place, what: str) -> None:
    if place.hardware.power is not Power.OFF:
        raise Rejected(f"{place.service.name} {what}: it is {place.hardware.power}")


def _matched(place: Place, identity: Identity) -> list[tuple[PortFunction, Resource]]:
    """Return each function that gets an address, with what is written there."""
    found = list[tuple[PortFunction, Resource]]()
    for kind in AdapterKind:
        there = functions_of(place.hardware.cards, kind)
        wanted = [port for port in identity.ports if port.kind is kind]
        if len(there) < len(wanted):
            missing = f"has {len(there)} ports of {kind}, {len(wanted)} are needed"
            raise Rejected(f"{place.service.name} {missing}", hint="`anypool server hardware`")
        for function, port in zip(there, wanted, strict=False):
            if kind is AdapterKind.FC:
                names = {"WWPN": port.address, "WWNN": port.node}
                values = {name: text for name, text in names.items() if text}
                found.append((function, {"FibreChannel": values}))
            else:
                found.append((function, {"Ethernet": {"MACAddress": port.address}}))
    return found


def _check_own(place: Place, function: PortFunction, wanted: Resource) -> None:
    """Raise `Rejected` where a port could not be given back, or uses what is not its own."""
    fibre = "FibreChannel" in wanted
    now, own = (function.wwpn, function.burnt_wwpn) if fibre else (function.mac, function.burnt_in)
    new = _address(wanted)
    if not own:
        why = f"{function.name} does not say what it was built with, so it could not be given back"
        raise Rejected(f"{place.service.name} takes no identity: {why}")
    if now not in (own, new):
        hint = "see whose that is: `anypool address-range show`; give it its own back, then try"
        raise Rejected(
            f"{place.service.name} takes no identity: {function.name} uses {now}", hint=hint
        )


def _address(wanted: Resource) -> str:
    inside = wanted.get("FibreChannel") or wanted["Ethernet"]
    return str(inside.get("WWPN") or inside.get("MACAddress") or "")


def _built_with(function: PortFunction, kind: AdapterKind) -> Resource:
    if kind is AdapterKind.ETHERNET:
        return {"Ethernet": {"MACAddress": function.burnt_in}} if function.burnt_in else {}
    names = {"WWPN": function.burnt_wwpn, "WWNN": function.burnt_wwnn}
    values = {name: text for name, text in names.items() if text}
    return {"FibreChannel": values} if values else {}


def _set_start(place: Place, identity: Identity) -> None:
    """Write from where it boots: the target into a port, then the boot target of the system."""
    way = identity.boot[0] if identity.boot else BootWay.DISK
    if way not in _TARGETS:
        raise NotSupported(f"{place.service.name} is not told to boot by {way}")
    if way is BootWay.ISCSI:
        _write(place.service, _bootable(place), _iscsi(identity))
    elif way is BootWay.NETWORK:
        for function in functions_of(place.hardware.cards, AdapterKind.ETHERNET)[:1]:
            _write(place.service, function, {"BootMode": _MODES[way]})
    known = place.hardware.boot.targets
    target = next((one for one in _TARGETS[way] if one in known), "")
    if target or way is not BootWay.DISK:
        order = BootOrder(target=target or _TARGETS[way][-1], once=False)
        boot.write(place.service, place.path, place.system, order)


def _clear_start(place: Place) -> None:
    """Take away the target of iSCSI and what the boot target was set to."""
    if (function := _has_iscsi(place)) is not None and function.iscsi is not None:
        _write(place.service, function, _iscsi(None))
    if place.hardware.boot.targets:
        boot.write(place.service, place.path, place.system, BootOrder(target="None", once=False))


def _bootable(place: Place) -> PortFunction:
    found = _has_iscsi(place)
    if found is None:
        hint = "choose a server with the ability iscsi-boot"
        raise Rejected(f"{place.service.name} has no port that boots by iSCSI", hint=hint)
    return found


def _has_iscsi(place: Place) -> PortFunction | None:
    """Return the function that holds the target of iSCSI: the first port's, else the first."""
    nics = functions_of(place.hardware.cards, AdapterKind.ETHERNET)
    every = (one for card in place.hardware.cards for one in card.functions)
    return next((one for one in (*nics[:1], *every) if "iscsi" in dict(one.writes)), None)


def _iscsi(identity: Identity | None) -> Resource:
    """Return what makes a function boot from the targets of an identity, of None from none."""
    said: Resource = {"InitiatorName": identity.initiator if identity else None}
    for number, name in enumerate(_SECOND):
        one = identity.iscsi[number] if identity and number < len(identity.iscsi) else None
        said[f"{name}TargetName"] = None if one is None else one.iqn
        said[f"{name}TargetIPAddress"] = None if one is None else one.address
        said[f"{name}TargetTCPPort"] = None if one is None else one.port
        said[f"{name}LUN"] = None if one is None else one.lun
    mode = _MODES[BootWay.ISCSI if identity else BootWay.NETWORK]
    return {"iSCSIBoot": said, "BootMode": mode}


def _write(service: Service, function: PortFunction, wanted: Resource) -> None:
    """Have a function changed where it differs, and read that back from the same place."""
    where, now, etag = _now(service, function.path)
    missing = _differing(now, wanted)
    if not missing:
        return
    mandate.check(f"a write to {function.name} of {service.name}")
    service.patch(where, missing, etag)
    _, after, _ = _now(service, function.path)
    if left := _differing(after, wanted):
        hint = "look at the BMC's own page: it said yes and has something else there"
        raise OutcomeUnknown(f"{service.name} did not change {', '.join(left)}", hint=hint)


def _now(service: Service, path: str) -> tuple[str, Resource, str]:
    """Return where a function is written, what it starts with next, and the ETag for that."""
    body, _, etag = service.allowed(path)
    if not (settings := adapters.settings_of(body)):
        return path, body, etag
    there, _, etag = service.allowed(settings)
    return settings, adapters.laid_over(body, there), etag


def _differing(now: Resource, wanted: Resource) -> Resource:
    """Return what of `wanted` is not so now, as it would be sent.

    An older service has a port's MAC at its top. What it does not know and is to be nothing is
    so already.
    """
    left: dict[str, Any] = {}
    for name, value in wanted.items():
        if not isinstance(value, dict):
            if name in now and now[name] != value:
                left[name] = value
            continue
        if name == "Ethernet" and name not in now and "MACAddress" in now:
            if _plain(now["MACAddress"]) != _plain(value["MACAddress"]):
                left["MACAddress"] = value["MACAddress"]
            continue
        inside = part(now, name)
        other = {key: one for key, one in value.items() if _plain(inside.get(key)) != _plain(one)}
        if other:
            left[name] = other
    return left


def _plain(value: object) -> object:
    """Return a value so that the ways of writing an address compare, nothing as None."""
    if not isinstance(value, str):
        return value
    return fields.mac(value) or fields.wwn(value) or value.strip() or None
