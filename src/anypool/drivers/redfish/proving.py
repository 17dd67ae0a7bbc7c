"""Whether addresses of ports can be written: proved by writing what is there already.

A BMC says so by its `Allow` header and its annotations, and not every one that says so does
it. So the same value is written once, to the settings object where there is one, and only on
a server that was adopted. A value that reads differently afterwards is told, never ignored.
"""

from typing import Any

from msgspec.structs import replace

from anypool.drivers import mandate
from anypool.drivers.redfish.fields import Resource, part
from anypool.drivers.redfish.service import Service, link
from anypool.errors import AnypoolError, NotFound, NotSupported, OutcomeUnknown, Rejected
from anypool.model import PortFunction, Writable

_WHERE = {
    "mac": ("Ethernet", ("MACAddress",)),
    "wwn": ("FibreChannel", ("WWPN", "WWNN")),
    "iscsi": ("iSCSIBoot", ("InitiatorName", "PrimaryTargetName", "PrimaryTargetIPAddress")),
}


def prove(service: Service, function: PortFunction) -> PortFunction:
    """Return a function with what was proved of it; raise `OutcomeUnknown` where it changed.

    Nothing is written where the BMC says itself that it cannot be.
    """
    results = list[tuple[str, Writable]]()
    for what, told in function.writes:
        results.append((what, _one(service, function.path, what, told)))
    return replace(function, writes=tuple(results))


def _one(service: Service, path: str, what: str, told: Writable) -> Writable:
    if told is Writable.NO:
        return told
    body, methods, etag = service.allowed(path)
    settings = link(part(body, "@Redfish.Settings"), "SettingsObject")
    place = path
    if settings:
        try:
            there, methods, etag = service.allowed(settings)
        except NotFound:
            return Writable.NO
        place, body = settings, {**body, **there}
    if methods and "PATCH" not in methods:
        return Writable.NO
    same = _same(body, what)
    if not same:
        return told
    mandate.check(f"a write of {what} to {service.name}")
    try:
        service.patch(place, same, etag)
    except (Rejected, NotSupported):
        return Writable.NO
    after = _same(service.get(place), what)
    if after and after != same:
        hint = "look at the BMC's own page: what it has there now is not what was there"
        raise OutcomeUnknown(f"{service.name} changed {what} of {path}", hint=hint)
    return Writable.PROVED


def _same(body: Resource, what: str) -> Resource:
    """Return what would be written for nothing to change, {} where there is no value."""
    name, keys = _WHERE[what]
    inside: Any = body.get(name)
    if name == "Ethernet" and not isinstance(inside, dict) and "MACAddress" in body:
        value = body["MACAddress"]
        return {"MACAddress": value} if isinstance(value, str) and value else {}
    if not isinstance(inside, dict):
        return {}
    kept = {key: inside[key] for key in keys if isinstance(inside.get(key), str) and inside[key]}
    if not kept and what == "iscsi":  # nothing is set: to set it to nothing changes nothing
        kept = {key: None for key in keys if key in inside and inside[key] in (None, "")}
    return {name: kept} if kept else {}


def all_of(service: Service, functions: tuple[PortFunction, ...]) -> tuple[PortFunction, ...]:
    """Return every function with what was proved; one that could not be tried as it was."""
    done = list[PortFunction]()
    for one in functions:
        try:
            done.append(prove(service, one))
        except OutcomeUnknown:
            raise
        except AnypoolError:
            done.append(one)
    return tuple(done)
