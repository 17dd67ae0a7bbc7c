"""The driver of one server's BMC that speaks IPMI 2.0 and no Redfish.

Its endpoint's address is `ipmi://HOST[:PORT]`, its option the user. IPMI knows no certificate
and tells a hash of the password to whoever asks for a login: keep it in a network of its own.
"""

import importlib.util
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from anypool.drivers import mandate
from anypool.drivers.base import BaseDriver
from anypool.drivers.ipmi.child import Child
from anypool.drivers.presence import PORT
from anypool.drivers.protocol import Driver
from anypool.drivers.servers import server_of
from anypool.errors import Busy, Invalid, NotSupported, OutcomeUnknown, Rejected
from anypool.model import (
    BootOrder,
    BootOverride,
    Capability,
    Condition,
    Endpoint,
    EndpointId,
    EndpointInfo,
    Frame,
    Hardware,
    HostId,
    LogEntry,
    Power,
    PowerReading,
    Sensor,
    VmId,
)

SHORT_S = 20.0
LONG_S = 110.0
_STATES = {"on": Power.ON, "off": Power.OFF}
_TARGETS = {
    "None": "default",
    "Pxe": "network",
    "Hdd": "hd",
    "Cd": "optical",
    "Floppy": "floppy",
    "BiosSetup": "setup",
}
_NAMES = {ours: name for name, ours in _TARGETS.items()}
_SENSED = {0: Condition.OK, 1: Condition.WARNING, 2: Condition.CRITICAL, 3: Condition.CRITICAL}
_SILENT_ABOUT = "processors, memory, cards, storage, chassis: IPMI does not tell them"


class IpmiDriver(BaseDriver):
    """One server; calls take turns."""

    name = "ipmi"
    capabilities = frozenset({Capability.HOST_POWER, Capability.HARDWARE, Capability.BOOT_OVERRIDE})

    def __init__(self, child: Child, endpoint: EndpointId) -> None:
        self._child = child
        self._endpoint = endpoint
        self._turn = threading.Lock()
        self._label: dict[str, str] = {}

    def info(self) -> EndpointInfo:
        """Return what the label says, the UUID as a host's id."""
        label = self._labelled()
        product = f"{_first(label, 'manufacturer', 'board manufacturer')} {_model(label)}"
        return EndpointInfo(
            product=product.strip() or "a server",
            version="IPMI 2.0",
            hosts=(HostId(label.get("uuid", "").lower()),),
        )

    def observe(self) -> Frame:
        """Return the server with its power; its label is read once."""
        server = server_of(self._hardware(boot=False), self._endpoint, frozenset())
        return Frame(full=True, servers=(server,))

    def observe_vms(self, vms: tuple[VmId, ...]) -> Frame:
        """Return that none of these VMs is here: a BMC knows none."""
        return Frame(full=False, missing=vms)

    def power(self, host: HostId) -> PowerReading:
        """Return whether the server is on."""
        return PowerReading(power=self._power())

    def power_on_host(self, host: HostId) -> None:
        """Switch the server on; nothing is sent if it is on."""
        self._switch("on", Power.ON)

    def power_off_host(self, host: HostId) -> None:
        """Ask the system to shut down, or switch it off where the BMC cannot ask it."""
        try:
            self._switch("shutdown", Power.OFF)
        except Rejected:
            self._switch("off", Power.OFF)

    def force_off_host(self, host: HostId) -> None:
        """Switch the server off at once."""
        self._switch("off", Power.OFF)

    def hardware(self, host: HostId) -> Hardware:
        """Return what the label says, power and next start; IPMI tells no more of it."""
        return self._hardware(boot=True)

    def sensors(self, host: HostId) -> tuple[Sensor, ...]:
        """Return what the sensors read now; those without a reading have None."""
        with self._asking() as child:
            return tuple(_sensor(one) for one in child.ask("sensors", LONG_S))

    def hardware_log(self, host: HostId) -> tuple[LogEntry, ...]:
        """Return the newest entries of the system event log, the oldest first."""
        with self._asking() as child:
            return tuple(_entry(one) for one in child.ask("log", LONG_S))

    def set_boot(self, host: HostId, order: BootOrder) -> None:
        """Have the server boot from elsewhere, and read that back."""
        if order.target not in _TARGETS:
            hint = f"there are: {', '.join(_TARGETS)}"
            raise Rejected(f"IPMI cannot boot from {order.target[:40]}", hint=hint)
        target, uefi = _TARGETS[order.target], order.mode == "UEFI"
        with self._asking() as child:
            if _is_so(child.ask("boot", SHORT_S), target, order):
                return
            mandate.check(f"boot device of {child.name}")
            child.ask("set boot", SHORT_S, target=target, once=order.once, uefi=uefi)
            now = child.ask("boot", SHORT_S)
            if not _is_so(now, target, order):
                raise OutcomeUnknown(f"{child.name} said yes and tells {now['target']} as target")

    def close(self) -> None:
        """End the process that speaks."""
        with self._turn:
            self._child.end()

    @contextmanager
    def _asking(self) -> Iterator[Child]:
        if not self._turn.acquire(timeout=SHORT_S):
            raise Busy(f"{self._child.name} has not answered what it was asked before")
        try:
            yield self._child
        finally:
            self._turn.release()

    def _power(self) -> Power:
        with self._asking() as child:
            return _STATES.get(str(child.ask("power", SHORT_S)), Power.UNKNOWN)

    def _switch(self, to: str, wanted: Power) -> None:
        if self._power() is wanted:
            return
        with self._asking() as child:
            mandate.check(f"power {to} of {child.name}")
            child.ask("switch", SHORT_S, to=to)

    def _labelled(self) -> dict[str, str]:
        if not self._label:
            with self._asking() as child:
                found = child.ask("label", SHORT_S)
            self._label = {name: _plain(value) for name, value in found.items()}
        return self._label

    def _hardware(self, *, boot: bool) -> Hardware:
        label, power = self._labelled(), self._power()
        return Hardware(
            uuid=label.get("uuid", "").lower(),
            maker=_first(label, "manufacturer", "board manufacturer"),
            model=_model(label),
            serial=_first(label, "serial number", "chassis serial number"),
            asset_tag=_first(label, "asset number"),
            power=power,
            boot=self._boot() if boot else BootOverride(targets=tuple(_TARGETS)),
            abilities=frozenset({"boot-override", "log"}),
            unread=(_SILENT_ABOUT,),
        )

    def _boot(self) -> BootOverride:
        try:
            with self._asking() as child:
                found = child.ask("boot", SHORT_S)
        except Rejected:
            return BootOverride(targets=tuple(_TARGETS))
        mode = {True: "UEFI", False: "Legacy"}.get(found["uefi"], "")
        return BootOverride(
            target=_NAMES.get(found["target"], found["target"]),
            once=bool(found["once"]),
            mode=mode,
            targets=tuple(_TARGETS),
        )


def _is_so(now: dict[str, Any], target: str, order: BootOrder) -> bool:
    return now["target"] == target and (target == "default" or now["once"] == order.once)


def _first(label: dict[str, str], *names: str) -> str:
    return next((label[name] for name in names if label.get(name)), "")


def _model(label: dict[str, str]) -> str:
    return _first(label, "product name", "board product name", "board model", "model")


def _plain(value: object) -> str:
    return "".join(char for char in str(value) if char.isprintable())[:80].strip()


def _sensor(one: dict[str, Any]) -> Sensor:
    reading = one["reading"] if one["there"] else None
    health = _SENSED.get(one["health"], Condition.UNKNOWN) if one["there"] else Condition.UNKNOWN
    unit = _plain(one["unit"]).replace("°C", "Cel")
    return Sensor(
        name=_plain(one["name"]), kind=_plain(one["kind"]), reading=reading, unit=unit,
        health=health,
    )  # fmt: skip


def _entry(one: dict[str, Any]) -> LogEntry:
    try:
        at = datetime.fromisoformat(one["at"]).timestamp() if one["at"] else 0.0
    except (ValueError, OverflowError, OSError):
        at = 0.0
    return LogEntry(
        id=_plain(one["id"]),
        at=max(at, 0.0),
        severity=_SENSED.get(one["severity"], Condition.UNKNOWN),
        message=_plain(one["message"]),
        code=_plain(one["code"]),
        log="SEL",
    )


def connect(endpoint: Endpoint, secret: str) -> Driver:
    """Return the driver of a BMC; raise `Invalid` for a bad address. Nothing is sent yet."""
    if importlib.util.find_spec("pyghmi") is None:
        raise NotSupported("pyghmi is not installed", hint="`pip install anypool[ipmi]`")
    place = urlsplit(endpoint.uri)
    try:
        port = place.port or PORT
    except ValueError as error:
        raise Invalid(f"{error}", hint="write ipmi://HOST or ipmi://HOST:PORT") from error
    if not place.hostname or place.path.strip("/") or "@" in place.netloc:
        raise Invalid("that is no address of a BMC", hint="write ipmi://HOST or ipmi://HOST:PORT")
    user = dict(endpoint.options).get("user", "")
    order = {"host": place.hostname, "port": port, "user": user, "password": secret}
    return IpmiDriver(Child(endpoint.uri, order), endpoint.id)
