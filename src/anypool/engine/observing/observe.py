"""Reading the pool: whole, in part, and on being told of changes; one loop per endpoint."""

import logging
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress

from msgspec.structs import replace

from anypool.clock import Clock
from anypool.drivers import Driver
from anypool.engine.observing.asked import Asked, unasked
from anypool.engine.observing.board import Board, Notice
from anypool.engine.observing.change import Delta
from anypool.engine.observing.picture import Picture
from anypool.engine.observing.vitals import Vitals
from anypool.errors import AnypoolError, NotFound
from anypool.model import (
    AgentReading,
    DatastoreId,
    Endpoint,
    EndpointHealth,
    EndpointId,
    EndpointState,
    Frame,
    HostId,
    Inventory,
    Power,
    Reach,
    Remark,
    ServerId,
    StorageLease,
    Vm,
    VmId,
    Volume,
)
from anypool.model.boothost import BootHost
from anypool.planner.ha.detect import Path, Word

log = logging.getLogger(__name__)


class Observer:
    """All readings go through here: they are ordered, merged and published.

    `moving` tells which VMs a migration of ours is about, `changed` is told of what is new,
    `whole` of endpoints that were read whole, once that is published; `vouched` tells of which
    somebody said that no VM runs behind them,
    `leaving` of those that are about to be forgotten,
    `remarked` of what a platform says of changes, with the pool as it was before. `bmc` gives
    the driver of a host's BMC, None for a host without one; `read_power` asks it, and publishes
    what it says.
    """

    def __init__(self, picture: Picture, board: Board, clock: Clock) -> None:
        self._picture = picture
        self._board = board
        self._clock = clock
        self._lock = threading.RLock()
        self._drivers: dict[EndpointId, tuple[Endpoint, Driver]] = {}
        self._health: dict[EndpointId, EndpointHealth] = {}
        self.vitals = Vitals(clock)
        self._asked = Asked()
        self.vitals.unasked, self.vitals.ask_about = self.unasked, self.ask_about
        self.vitals.ask_peer = self._ask_peer
        self.vitals.ask_agents = self._ask_agents
        self.vitals.leases.ask = self._ask_leases
        self.vitals.look_at_leases = self._look_at_leases
        self.moving: Callable[[], frozenset[VmId]] = frozenset
        self.changed: Callable[[Delta], None] = lambda _: None
        self.whole: Callable[[EndpointId], None] = lambda _: None
        self.vouched: Callable[[], frozenset[EndpointId]] = frozenset
        self.remarked: Callable[[EndpointId, tuple[Remark, ...], Inventory], None] = _unheard
        self.leaving: Callable[[EndpointId], None] = lambda _: None
        self.has_bmc: Callable[[HostId], bool] = lambda _: False
        self.bmc: Callable[[HostId], Driver | None] = lambda _: None
        self.read_power: Callable[[HostId], Power] = lambda _: Power.UNKNOWN

    @property
    def inventory(self) -> Inventory:
        """Return the pool as known now."""
        return self._board.inventory

    def add(self, endpoint: Endpoint, driver: Driver) -> None:
        """Begin to know an endpoint."""
        with self._lock:
            self._drivers[endpoint.id] = (endpoint, driver)
            self._health.setdefault(endpoint.id, EndpointHealth(id=endpoint.id))

    def remove(self, endpoint: EndpointId) -> None:
        """Forget an endpoint and what it said; quiet if it is not known."""
        with self._lock:
            self._drivers.pop(endpoint, None)
            self._health.pop(endpoint, None)
            self._asked.forget(endpoint)
        self.change(lambda picture: picture.forget(endpoint))

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Return all endpoints by id."""
        with self._lock:
            return tuple(self._drivers[key][0] for key in sorted(self._drivers))

    def health(self) -> tuple[EndpointHealth, ...]:
        """Return how the conversation with each endpoint goes, by id."""
        with self._lock:
            return tuple(self._health[key] for key in sorted(self._health))

    def driver(self, endpoint: EndpointId) -> Driver:
        """Return the driver of an endpoint; raise `NotFound`."""
        with self._lock:
            found = self._drivers.get(endpoint)
        if found is None:
            raise NotFound(f"there is no endpoint {endpoint}")
        return found[1]

    def driver_of(self, host: HostId) -> Driver:
        """Return the driver that speaks for a host or a server; raise `NotFound`."""
        server = self.inventory.servers.get(ServerId(host))
        if host not in self.inventory.hosts and server is not None:
            return self.driver(server.endpoint)
        return self.driver(self.inventory.host(host).endpoint)

    def server_driver(self, server: ServerId) -> Driver:
        """Return the driver of who answers for a physical server; raise `NotFound`."""
        return self.driver(self.inventory.server(server).endpoint)

    def boot_hosts(self) -> dict[EndpointId, tuple[str, BootHost]]:
        """Return each boot host by its endpoint, with its pool, as it was read last."""
        with self._lock:
            return dict(self._picture.racks.boot_hosts)

    def _ask_peer(self, host: HostId, address: str, port: int) -> Reach:
        """Ask a host whether it comes through to an address; never raises."""
        try:
            return self.driver_of(host).reaches(host, address, port)
        except AnypoolError:
            return Reach.UNKNOWN

    def _ask_agents(
        self, host: HostId, vms: tuple[VmId, ...], wait_s: float
    ) -> tuple[AgentReading, ...]:
        """Ask the agents of VMs on a host; never raises."""
        try:
            return self.driver_of(host).agents(vms, wait_s)
        except AnypoolError:
            return ()

    def _ask_leases(self, host: HostId, of: tuple[HostId, ...]) -> tuple[StorageLease, ...]:
        """Let a host read the leases of others; never raises."""
        try:
            return self.driver_of(host).leases(host, of)
        except AnypoolError:
            return ()

    def _look_at_leases(self, host: HostId) -> None:
        """Have the lease of one host read now; that it was renewed is a sign of life."""
        for one in self.vitals.leases.look((host,), self.inventory):
            self.vitals.note(one, Path.STORAGE, Word.ANSWERS)

    def switch_of(self, host: HostId) -> Driver:
        """Return what switches a host: its BMC, the endpoint of its server, or else its own."""
        found = self.bmc(host)
        if found is not None:
            return found
        server = self.inventory.servers.get(ServerId(host))
        return self.driver_of(host) if server is None else self.driver(server.endpoint)

    def current(self, endpoint: EndpointId) -> bool:
        """Return whether an endpoint was read whole since the start and still answers."""
        with self._lock:
            return self._picture.current(endpoint)

    def read(self, endpoint: EndpointId, vms: tuple[VmId, ...] | None = None) -> Frame:
        """Read an endpoint, or some VMs of it, and publish what it says.

        Raise what the driver raises; the endpoint's hosts and VMs are UNKNOWN then.
        """
        began = self.vitals.moments.now()
        with self._lock:
            known = self._drivers.get(endpoint)
            moment = self._picture.moment()
        if known is None:
            raise NotFound(f"there is no endpoint {endpoint}")
        try:
            frame = known[1].observe() if vms is None else known[1].observe_vms(vms)
        except AnypoolError as error:
            if self._drivers.get(endpoint) is known:  # another driver speaks for itself
                self.lost(endpoint, error, moment)
            raise
        if self._take(known[0], frame, moment):
            with self._lock:
                self._asked.note(endpoint, vms, began)
        if vms is None and self.current(endpoint):
            self.whole(endpoint)
        return frame

    def unasked(self, vm: Vm) -> tuple[EndpointId, ...]:
        """Return who answers and may have been given a VM after it was asked about it last."""
        return unasked(vm, self.vitals, self._able)

    def _able(self, vm: Vm) -> dict[EndpointId, float]:
        with self._lock:
            found = self._picture.unread(vm)
            return {key: -1.0 if new else self._asked.at(key, vm.id) for key, new in found.items()}

    def ask_about(self, endpoint: EndpointId, vms: tuple[VmId, ...]) -> None:
        """Ask an endpoint whether it has some VMs; one that does not answer is lost."""
        with suppress(AnypoolError):
            self.read(endpoint, vms)

    def take(self, endpoint: Endpoint, frame: Frame) -> None:
        """Publish a reading that was made before its endpoint was known here."""
        with self._lock:
            moment = self._picture.moment()
        self._take(endpoint, frame, moment)

    def begin(self, picture: Picture) -> None:
        """Replace all that is known, as after a restart."""
        with self._lock:
            self._picture = picture
            self._drivers.clear()
            self._health.clear()
            self.vitals.begin()
            self._board.publish(picture.inventory, (Notice("resync"),))

    def volumes(self) -> tuple[Volume, ...]:
        """Return every volume that some endpoint sees."""
        with self._lock:
            return self._picture.volumes()

    def volumes_on(self, places: Iterable[DatastoreId]) -> dict[DatastoreId, tuple[Volume, ...]]:
        """Return what is seen where some datastores are; see `Picture.volumes_on`."""
        with self._lock:
            return self._picture.volumes_on(places)

    def succeed(self, endpoint: Endpoint, frame: Frame) -> None:
        """Publish the first reading of an endpoint that stands for other hosts than before.

        Nobody sees the pool without both.
        """
        self.vitals.frame(endpoint.id, frame)
        moving = self.moving()

        def how(picture: Picture) -> Delta:
            gone = picture.forget(endpoint.id).notices
            return picture.apply(endpoint, frame, picture.moment(), moving).also(set(gone))

        self.change(how)
        with self._lock:
            self._asked.forget(endpoint.id)
        self._note(endpoint.id, EndpointState.CONNECTED, "")

    def _take(self, endpoint: Endpoint, frame: Frame, moment: int) -> bool:
        """Publish a reading, unless its endpoint was removed or changed meanwhile, or it is late.

        Return whether it was published.
        """
        with self._lock:
            if self._drivers.get(endpoint.id, (None,))[0] != endpoint:
                return False
            late = frame.full and self._picture.overtaken(endpoint.id, moment)
        self.vitals.frame(endpoint.id, frame)
        if late:
            return False
        self._note(endpoint.id, EndpointState.CONNECTED, "")
        moving = self.moving()
        self.change(lambda picture: picture.apply(endpoint, frame, moment, moving))
        return True

    def change(self, how: Callable[[Picture], Delta]) -> None:
        """Change the picture and publish the inventory that comes out."""
        with self._lock:
            delta = how(self._picture)
            if delta.notices:
                self._board.publish(self._picture.inventory, delta.notices)
                self.changed(delta)

    def answered(self, endpoint: EndpointId) -> None:
        """Take note that an endpoint answered, though with no news; that is a sign of life."""
        self.vitals.answered(endpoint)

    def lost(self, endpoint: EndpointId, error: AnypoolError, moment: int = 0) -> None:
        """Show the hosts and VMs of an endpoint that does not answer as UNKNOWN.

        `moment` is when it was asked, 0 for just now.
        """
        self._note(endpoint, EndpointState.UNREACHABLE, error.message)
        self.change(lambda picture: picture.lose(endpoint, moment))
        self.vitals.hush(endpoint)

    def _note(self, endpoint: EndpointId, state: EndpointState, message: str) -> None:
        now = self._clock.now()
        with self._lock:
            old = self._health.get(endpoint)
            if old is None:
                return
            new = replace(
                old,
                state=state,
                message=message,
                since=old.since if old.state is state else now,
                seen_at=now if state is EndpointState.CONNECTED else old.seen_at,
            )
            self._health[endpoint] = new
        if old.state is not state:
            self._board.tell((Notice("endpoint", endpoint),))


def _unheard(*_: object) -> None:
    """Let remarks of platforms be."""


def places(vm: Vm | None, hosts: Iterable[HostId]) -> tuple[HostId, ...]:
    """Return the hosts to look at for a VM: those named, then all that know it, each once."""
    known: list[HostId] = [] if vm is None or vm.host is None else [vm.host]
    known += [] if vm is None else [copy.host for copy in vm.copies]
    return tuple(dict.fromkeys([*hosts, *known]))
