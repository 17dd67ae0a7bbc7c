"""The driver of one server's BMC: what the server is made of, its power, its next start.

Its endpoint's address is the service, its options are the user, the path of the system and the
fingerprint of the one certificate that is trusted. Without a fingerprint it says which
certificate is shown, and sends nothing.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from msgspec.structs import replace

from anypool.drivers import mandate
from anypool.drivers.base import BaseDriver
from anypool.drivers.protocol import Driver
from anypool.drivers.redfish import boot, enclosures, hardware, proving, pushing, sensing, watts
from anypool.drivers.redfish import identity as identities
from anypool.drivers.redfish.channel import Channel
from anypool.drivers.redfish.service import Service, link, members, words
from anypool.drivers.redfish.stream import IDLE_S, Stream
from anypool.drivers.redfish.walk import Kept, Walk
from anypool.drivers.servers import server_of
from anypool.errors import Busy, Denied, Invalid, NotFound, Rejected, Unreachable
from anypool.model import (
    BootOrder,
    Capability,
    Changes,
    Endpoint,
    EndpointId,
    EndpointInfo,
    Frame,
    Hardware,
    HostId,
    LogEntry,
    MediumOrder,
    PortFunction,
    Power,
    PowerReading,
    ProfileId,
    Sensor,
    ServerId,
    VmId,
    checked_fingerprint,
    split_uri,
)
from anypool.model.profile import Identity
from anypool.model.push import PushOrder, PushReading

OPERATION_S = 25.0
"""What one operation may take, all its requests together; the worker's deadline is above it."""
SILENCE_S = 10.0
TURN_S = 8.0
"""How long one waits for another; with the longest of each it is below the worker's deadlines."""
LISTEN_S = 10.0
WHOLE_EVERY_S = 600.0
"""How old what a server is made of may be when it is observed; its power is read each time."""
OBSERVE_S = 50.0
WALK_S = 110.0
"""What reading a server whole may take: some hundred requests, at a second each."""
MEDIUM_S = 50.0
"""What inserting an image may take: the BMC looks whether it can load it."""
_FOLLOWED = "stream"
_STATES = {"On": Power.ON, "Off": Power.OFF}
_RESET = "#ComputerSystem.Reset"
_ON = ("On", "ForceOn")
_GRACEFUL = ("GracefulShutdown",)
_FORCED = ("ForceOff",)


class RedfishDriver(BaseDriver):
    """One system of one Redfish service; calls take turns."""

    name = "redfish"
    capabilities = frozenset(
        {
            Capability.EVENTS,
            *(Capability.HOST_POWER, Capability.HARDWARE, Capability.BOOT_OVERRIDE),
            *(Capability.VIRTUAL_MEDIA, Capability.PORT_ADDRESSES, Capability.IDENTITY),
            Capability.PUSH,
        }
    )

    def __init__(
        self,
        channel: Channel,
        options: dict[str, str],
        password: str,
        endpoint: str = "bmc",
    ) -> None:
        self._channel = channel
        self._pinned = bool(options.get("fingerprint"))
        self._wanted = options.get("system", "")
        self._service = Service(channel, options.get("user", ""), password)
        self._turn = threading.Lock()
        self._path = ""
        self._kept = Kept()
        self._endpoint = EndpointId(endpoint)
        self._proved = frozenset(options.get("proved", "").split(",")) - {""}
        self._whole: Hardware | None = None
        self._whole_at = 0.0
        self._stale = False
        self._listening = threading.Lock()
        self._stream: Stream | None = None
        self._deaf_until = 0.0
        self._meter = watts.Meter(self._service)

    def info(self) -> EndpointInfo:
        """Return what the system is, its UUID as a host's id; or which certificate is shown."""
        if not self._pinned:
            return EndpointInfo(product="", version="", certificate=self._channel.shown())
        with self._begun() as service:
            system = self._system()
            names = (words(system.get("Manufacturer")), words(system.get("Model")))
            return EndpointInfo(
                product=" ".join(name for name in names if name) or "a server",
                version=words(service.root.get("RedfishVersion")),
                hosts=(HostId(words(system.get("UUID")).lower()),),
                system=self._path,
            )

    def observe(self) -> Frame:
        """Return the server; what it is made of is read every so often, its power each time."""
        with self._walking(OBSERVE_S) as (walk, system):
            whole, now = self._whole, time.monotonic()
            power = _power(system)
            if whole is None or now - self._whole_at > WHOLE_EVERY_S:
                whole = hardware.read(walk, self._service, system, power)
                self._whole, self._whole_at = whole, now
            elif self._stale or whole.power is not power:
                cards = hardware.cards(walk, self._service, system, power)
                whole = replace(hardware.refreshed(whole, system, power), cards=cards)
                self._whole, self._stale = whole, bool(walk.unread)
            else:
                whole = hardware.refreshed(whole, system, power)
            return Frame(full=True, servers=(server_of(whole, self._endpoint, self._proved),))

    def changes(self, since: str, wait_s: float) -> Changes:
        """Wait until the BMC tells something; what it was is read, not believed.

        `NotSupported` where it has no stream of events: then it is asked every so often.
        """
        with self._listening:
            stream = self._stream
            if stream is None or not stream.alive:
                self._stream = self._listen()
                return Changes(cursor=_FOLLOWED, resync=bool(since))
            if since and stream.heard(wait_s):
                return Changes(cursor=_FOLLOWED, host=True)
            return Changes(cursor=_FOLLOWED)

    def observe_vms(self, vms: tuple[VmId, ...]) -> Frame:
        """Return that none of these VMs is here: a BMC knows none."""
        return Frame(full=False, missing=vms)

    def power(self, host: HostId) -> PowerReading:
        """Return whether the system is on, and what it draws where the service says so."""
        with self._begun():
            system = self._system()
            return PowerReading(power=_power(system), watts=self._meter.read(system))

    def power_on_host(self, host: HostId) -> None:
        """Switch the system on; nothing is sent if it is on."""
        self._reset(Power.ON, _ON)

    def power_off_host(self, host: HostId) -> None:
        """Ask the system to shut down, or switch it off where it cannot be asked."""
        self._reset(Power.OFF, (*_GRACEFUL, *_FORCED))

    def force_off_host(self, host: HostId) -> None:
        """Switch the system off at once."""
        self._reset(Power.OFF, _FORCED)

    def hardware(self, host: HostId) -> Hardware:
        """Return what the system is made of; what could not be read is in `unread`."""
        with self._walking() as (walk, system):
            return hardware.read(walk, self._service, system, _power(system))

    def sensors(self, host: HostId) -> tuple[Sensor, ...]:
        """Return what the sensors of the system and of its enclosures read now."""
        self._kept.clear()
        with self._walking() as (walk, system):
            around = enclosures.of_system(walk, self._service.root, system)
            return sensing.sensors(walk, around)

    def hardware_log(self, host: HostId) -> tuple[LogEntry, ...]:
        """Return the newest entries of the logs of the system and its managers."""
        with self._walking() as (walk, system):
            return sensing.log(walk, sensing.owners(walk, system))

    def set_boot(self, host: HostId, order: BootOrder) -> None:
        """Have the system boot from elsewhere, and read that back."""
        with self._begun() as service:
            boot.write(service, self._place(), self._system(), order)

    def set_medium(self, host: HostId, order: MediumOrder) -> None:
        """Insert an image into a virtual drive, or take it out, and read that back."""
        with self._begun(MEDIUM_S) as service:
            boot.change(service, self._system(), order)

    def prove_writes(self, host: HostId) -> tuple[PortFunction, ...]:
        """Write to each port the addresses it has, and return what was proved."""
        with self._walking() as (walk, system):
            found = hardware.read(walk, self._service, system, _power(system))
            every = tuple(one for card in found.cards for one in card.functions)
            return proving.all_of(self._service, every)

    def apply_identity(self, server: ServerId, identity: Identity) -> None:
        """Write an identity into the system, which is off, and read that back."""
        with self._writing() as place:
            identities.apply(place, identity)

    def withdraw_identity(self, server: ServerId, profile: ProfileId) -> None:
        """Give the system, which is off, its own addresses back, and read that back."""
        with self._writing() as place:
            identities.withdraw(place)

    def subscribe(self, order: PushOrder) -> PushReading:
        """Have the service push its events as ordered; `NotSupported` where it has a stream."""
        with self._begun(OBSERVE_S) as service:
            return pushing.settle(service, order)

    @contextmanager
    def _writing(self) -> Iterator[identities.Place]:
        """Read the adapters anew, whatever ETags say, and do so again after what is done."""
        self._kept.clear()
        with self._walking() as (walk, system):
            power = _power(system)
            cards = hardware.cards(walk, self._service, system, power)
            if walk.unread:
                why = "; ".join(f"{what}: {said}" for what, said in sorted(walk.unread.items()))
                raise Unreachable(f"{self._service.name} was not read whole: {why}")
            read = Hardware(uuid="", power=power, cards=cards, boot=boot.read(system))
            self._stale = True
            try:
                yield identities.Place(self._service, self._place(), system, read)
            finally:
                self._kept.clear()

    def close(self) -> None:
        """End the stream of events and give the session back."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
        with self._turn:
            self._service.leave()

    def _listen(self) -> Stream:
        """Begin to be told; remember for a while where that is not possible."""
        if time.monotonic() < self._deaf_until:
            self._refuse("changes")
        with self._begun(LISTEN_S) as service:
            place = link(service.root, "EventService")
            said = service.get(place).get("ServerSentEventUri") if place else None
            path = link({"it": {"@odata.id": said}}, "it")
            listening = service.beside().listen(path, IDLE_S) if path else None
        if listening is None:
            self._deaf_until = time.monotonic() + WHOLE_EVERY_S
            self._refuse("changes")
        return Stream(listening)

    @contextmanager
    def _walking(self, longest_s: float = 0.0) -> Iterator[tuple[Walk, dict[str, Any]]]:
        with self._begun(longest_s or WALK_S) as service:
            self._kept.refresh()
            walk = Walk(service, self._kept)
            try:
                yield walk, self._system()
            finally:
                walk.close()

    @contextmanager
    def _begun(self, operation_s: float | None = None) -> Iterator[Service]:
        if not self._pinned:
            hint = "confirm it with `anypool host set-bmc`"
            raise Denied(f"the certificate of {self._service.name} is not confirmed", hint=hint)
        if not self._turn.acquire(timeout=TURN_S):
            raise Busy(f"{self._service.name} has not answered what it was asked before")
        try:
            self._service.begin(operation_s)
            yield self._service
        finally:
            self._service.end()
            self._turn.release()

    def _place(self) -> str:
        if not self._path:
            self._path = self._find()
        return self._path

    def _system(self) -> dict[str, Any]:
        """Read the system anew."""
        return self._service.get(self._place())

    def _find(self) -> str:
        """Return the path of the system; raise `NotFound` or `Invalid` and name those there are."""
        if self._wanted.startswith("/"):
            return self._wanted
        systems = link(self._service.root, "Systems")
        if not systems:
            raise NotFound(f"{self._service.name} has no systems", hint="its Redfish is too old")
        paths = members(self._service.get(systems))
        ids = {path.rstrip("/").rpartition("/")[2]: path for path in paths}
        there = ", ".join(sorted(ids)[:8]) or "none"
        if self._wanted:
            if self._wanted in ids:
                return ids[self._wanted]
            why = f"{self._service.name} has no system {self._wanted[:80]}"
            raise NotFound(why, hint=f"there are: {there}")
        if len(paths) != 1:
            why = f"{self._service.name} has {len(paths)} systems"
            raise Invalid(why, hint=f"say which one with --system: {there}")
        return paths[0]

    def _reset(self, wanted: Power, kinds: tuple[str, ...]) -> None:
        """Have the system brought to a power state, by the first of these kinds it knows.

        A service that says 409 may mean that it is so already: that is read, not guessed.
        """
        with self._begun() as service:
            system = self._system()
            if _power(system) is wanted:
                return
            target, kind = self._action(system, kinds)
            mandate.check(f"{kind} of {service.name}")
            if service.post(target, {"ResetType": kind}) != 409:
                return
            if _power(self._system()) is not wanted:
                hint = "look at the BMC's own page: is something else under way there?"
                raise Busy(f"{service.name} refused {kind} for now", hint=hint)

    def _action(self, system: dict[str, Any], kinds: tuple[str, ...]) -> tuple[str, str]:
        actions = system.get("Actions")
        reset = actions.get(_RESET) if isinstance(actions, dict) else None
        reset = reset if isinstance(reset, dict) else {}
        target = link({"target": {"@odata.id": reset.get("target")}}, "target")
        known = reset.get("ResetType@Redfish.AllowableValues")
        kind = next((one for one in kinds if not isinstance(known, list) or one in known), "")
        if not target or not kind:
            hint = "the user may lack the right to switch power, or the BMC cannot do it"
            raise Rejected(f"{self._service.name} offers no {kinds[0]} of this system", hint=hint)
        return target, kind


def _power(system: dict[str, Any]) -> Power:
    """Return the power of a system; anything but a plain On or Off is unknown."""
    state = system.get("PowerState")
    return _STATES.get(state, Power.UNKNOWN) if isinstance(state, str) else Power.UNKNOWN


def connect(endpoint: Endpoint, secret: str) -> Driver:
    """Return the driver of a BMC; raise `Invalid` for a bad address. Nothing is sent yet."""
    options = dict(endpoint.options)
    fingerprint = checked_fingerprint(options.get("fingerprint", ""))
    url, system = split_uri(endpoint.uri)
    channel = Channel(url, fingerprint, operation_s=OPERATION_S, silence_s=SILENCE_S)
    options = {"system": system} | options if system else options
    return RedfishDriver(channel, options, secret, endpoint.id)
