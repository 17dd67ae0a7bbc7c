"""What a server's own controller is asked: what it is made of, and to switch it.

A server that was not adopted is looked at only. One that is a host of the pool is switched
as a host, by a plan that empties it first, and never from here.
"""

import threading
from collections.abc import Callable
from enum import StrEnum

from anypool.clock import Clock
from anypool.drivers import Driver
from anypool.engine import Engine
from anypool.errors import AnypoolError, Conflict
from anypool.model import (
    Adoption,
    BootOrder,
    Hardware,
    HostId,
    Level,
    LogEntry,
    MediumOrder,
    Power,
    ProfileId,
    Sensor,
    Server,
)
from anypool.plan.servereffect import bearing
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.names import checked_text
from anypool.service.reach import Reach

SETTLE_S = 10.0
AGAIN_S = 0.25


class PowerWish(StrEnum):
    """What to do to the power of a server; OFF asks its system first where that is possible."""

    ON = "on"
    OFF = "off"
    FORCE_OFF = "force-off"


_DEEDS: dict[PowerWish, Callable[[Driver, HostId], None]] = {
    PowerWish.ON: lambda driver, host: driver.power_on_host(host),
    PowerWish.OFF: lambda driver, host: driver.power_off_host(host),
    PowerWish.FORCE_OFF: lambda driver, host: driver.force_off_host(host),
}


class Controllers:
    """The use cases of a server that go to its BMC."""

    def __init__(self, engine: Engine, reach: Reach, clock: Clock) -> None:
        self._engine = engine
        self._reach = reach
        self._clock = clock

    def hardware(self, by: Principal, key: str) -> Hardware:
        """Read what a server is made of; raise `NotFound`, `NotSupported`, `Unreachable`."""
        server, driver = self._looked_at(by, key)
        return driver.hardware(server.host)

    def sensors(self, by: Principal, key: str) -> tuple[Sensor, ...]:
        """Read the sensors of a server."""
        server, driver = self._looked_at(by, key)
        return driver.sensors(server.host)

    def log(self, by: Principal, key: str) -> tuple[LogEntry, ...]:
        """Read the newest entries of a server's own log, the oldest first."""
        server, driver = self._looked_at(by, key)
        return driver.hardware_log(server.host)

    def switch(self, by: Principal, key: str, wish: PowerWish, *, dry_run: bool = False) -> Server:
        """Switch a server, and return it as it is some seconds later; or as it is now.

        Raises `Conflict` for one that was not adopted, or that is a host of the pool; with
        `dry_run` that is all it does.
        """
        server = self._adopted(by, key)
        host = self._engine.inventory.hosts.get(server.host)
        if host is not None and wish is not PowerWish.ON:
            hint = f"`anypool host evacuate {host.name}`, then `anypool pool save-power`"
            raise Conflict(f"{server.name} is the host {host.name} and may run VMs", hint=hint)
        if wish is not PowerWish.ON:
            self._check_unwatched(server)
        if dry_run:
            return server
        driver = self._reach.driver(server.endpoint)
        self._ordered(by, server, f"power {wish}", lambda: _DEEDS[wish](driver, server.host))
        wanted = Power.ON if wish is PowerWish.ON else Power.OFF
        return self._settled(server, wanted)

    def _check_unwatched(self, server: Server) -> None:
        """Raise `Conflict` where switching a server off would have its profile fail over."""
        for profile in self._engine.inventory.profiles.values():
            if profile.server == server.id and profile.failover is Level.AUTOMATIC:
                hint = f"`anypool profile edit {profile.name} --failover manual` first"
                why = f"{profile.name} would go to a spare if {server.name} went off"
                raise Conflict(why, hint=hint)

    def restore_addresses(self, by: Principal, key: str) -> Server:
        """Give a server that bears no profile, and is off, the addresses that it was built with.

        For one that came back after it was said to be dead. Raises `Conflict` while a profile is
        its own, or it is not read as off.
        """
        server = self._adopted(by, key)
        borne = bearing(self._engine.inventory, server)
        if borne is not None:
            hint = f"`anypool profile unassign {borne.name}` does it"
            raise Conflict(f"{server.name} bears {borne.name}", hint=hint)
        for action in self._engine.servers.profiles.pending():
            if getattr(action, "server", None) == server.id:
                raise Conflict(f"a plan works with {server.name}", hint="wait for it or cancel it")
        if self._engine.vitals.read_power(server.id) is not Power.OFF:
            hint = f"`anypool server power {server.name} off`"
            raise Conflict(f"{server.name} was not read as off", hint=hint)
        driver = self._reach.driver(server.endpoint)
        mark = ProfileId((server.bears or server.entered).partition("@")[0])
        self._ordered(
            by, server, "own addresses", lambda: driver.withdraw_identity(server.id, mark)
        )
        self._engine.servers.look(server.endpoint)
        return self._engine.inventory.servers.get(server.id, server)

    def boot(self, by: Principal, key: str, order: BootOrder) -> Server:
        """Have a server boot from elsewhere the next time."""
        server = self._adopted(by, key)
        checked_text(order.target, "the target", 40)
        driver = self._reach.driver(server.endpoint)
        said = f"boot from {order.target}{' once' if order.once else ''}"
        self._ordered(by, server, said, lambda: driver.set_boot(server.host, order))
        return server

    def medium(self, by: Principal, key: str, order: MediumOrder) -> Server:
        """Insert an image into a virtual drive of a server, or take it out."""
        server = self._adopted(by, key)
        driver = self._reach.driver(server.endpoint)
        said = f"{'insert an image' if order.image else 'take out the image'} ({order.kind})"
        self._ordered(by, server, said, lambda: driver.set_medium(server.host, order))
        return server

    def _looked_at(self, by: Principal, key: str) -> tuple[Server, Driver]:
        require(by, Deed.READ)
        server = find.server(self._engine.inventory, key)
        return server, self._reach.driver(server.endpoint)

    def _adopted(self, by: Principal, key: str) -> Server:
        require(by, Deed.OPERATE_HOST)
        self._engine.must_lead()
        server = find.server(self._engine.inventory, key)
        if server.adoption is not Adoption.ADOPTED:
            hint = "an administrator adopts it: `anypool server adopt ADDRESS --user NAME`"
            raise Conflict(f"{server.name} was not adopted and is only looked at", hint=hint)
        return server

    def _ordered(self, by: Principal, server: Server, what: str, do: Callable[[], None]) -> None:
        """Do a deed between two events: one that it is ordered, one of what came of it."""
        note = self._engine.servers.note
        note(server, "server.ordered", f"{server.name}: {what}", by.name)
        try:
            do()
        except AnypoolError as error:
            note(server, "server.order-failed", f"{server.name}: {error.message}", by.name)
            raise
        note(server, "server.order-done", f"{server.name}: {what}", by.name)

    def _settled(self, server: Server, wanted: Power) -> Server:
        """Return the server once its power is as wanted, or as it is after some seconds."""
        until, never = self._clock.monotonic() + SETTLE_S, threading.Event()
        while True:
            self._engine.servers.look(server.endpoint)
            now = self._engine.inventory.servers.get(server.id, server)
            if now.power is wanted or self._clock.monotonic() >= until:
                return now
            self._clock.wait(never, AGAIN_S)
