"""Adding, keeping and removing endpoints: connect and read first, keep afterwards."""

import logging
import threading
from collections.abc import Iterable
from functools import partial
from typing import Protocol, cast

from msgspec.structs import replace

from anypool.clock import Clock
from anypool.drivers import Driver
from anypool.engine.observing.bmcs import Bmcs
from anypool.engine.observing.board import Board, Notice
from anypool.engine.observing.drift import Drift
from anypool.engine.observing.loop import Loop
from anypool.engine.observing.observe import Observer
from anypool.engine.observing.picture import Picture
from anypool.engine.observing.turnstile import Turnstile
from anypool.engine.observing.unopened import Unopened
from anypool.errors import Busy, Conflict, NotFound, StoreFailed
from anypool.model import Endpoint, EndpointHealth, EndpointId, Frame, Host, HostId, VmId
from anypool.plan import Action, hosts_of, reason, say
from anypool.settings import Settings
from anypool.store import Store, Tx, events, facts, ha, observed, restoration, secrets
from anypool.store.records import EventRecord, HostFacts

log = logging.getLogger(__name__)

PASSWORD = "password"
OURSELVES = "anypool"
READINGS_AT_ONCE = 32
PATIENCE_S = 5.0
"""A reading that takes longer no longer keeps others from beginning."""


class DriverPool(Protocol):
    """Who gives out drivers: the worker processes, or simulated ones in a test."""

    def driver(self, endpoint: Endpoint, secret: str = "") -> Driver:
        """Return the driver of an endpoint; the same one for the same endpoint."""
        ...

    def health(self, endpoint_id: EndpointId) -> EndpointHealth:
        """Return how the conversation with an endpoint goes."""
        ...

    def forget(self, endpoint_id: EndpointId) -> None:
        """Close the connection to an endpoint; quiet if there is none."""
        ...


class Endpoints:
    """The endpoints of the pool, each with a loop that reads it while `observing`."""

    def __init__(
        self, store: Store, pool: DriverPool, observer: Observer, board: Board, clock: Clock
    ) -> None:
        self._store = store
        self._pool = pool
        self._observer = observer
        self._board = board
        self._clock = clock
        self._lock = threading.Lock()
        self._loops: dict[EndpointId, Loop] = {}
        self._turnstile = Turnstile(READINGS_AT_ONCE, PATIENCE_S, clock)
        self._settings: Settings | None = None
        observer.remarked = Drift(store, board).note
        self.bmcs = Bmcs(store, pool, observer, clock)

    def load(self) -> None:
        """Know every endpoint that is kept."""
        with self._store.reading() as tx:
            known = [
                (facts.effective(tx, one), _secret(tx, one.id)) for one in facts.endpoints.all(tx)
            ]
        for endpoint, secret in known:
            self._observer.add(endpoint, self._driver(endpoint, secret))
        self.bmcs.load()

    def observe(self, settings: Settings) -> None:
        """Begin a loop for every endpoint, and for those added from now on."""
        with self._lock:
            self._settings = settings
        for endpoint in self._observer.endpoints():
            self._begin(endpoint.id)
        self.bmcs.observe(settings)

    def rest(self) -> None:
        """End all loops; what they are in the middle of is not waited for."""
        with self._lock:
            self._settings = None
            loops, self._loops = self._loops, {}
        for loop in loops.values():
            loop.stop()
        self.bmcs.rest()

    def add(self, endpoint: Endpoint, secret: str, by: str) -> tuple[Host, ...]:
        """Connect, read, check and only then keep an endpoint; return its hosts."""
        if any(one.id == endpoint.id or one.uri == endpoint.uri for one in self.all()):
            raise Conflict(f"{endpoint.uri} is managed already")
        own = endpoint
        with self._store.reading() as tx:
            endpoint = facts.effective(tx, own)
        driver = self._pool.driver(endpoint, secret)
        try:
            info = driver.info()
            frame = driver.observe()
            self._check_hosts(frame)
            self._keep(own, secret, f"{endpoint.uri} added: {info.product} {info.version}", by)
        except BaseException:
            self._pool.forget(endpoint.id)
            raise
        self._observer.add(endpoint, driver)
        self._observer.take(endpoint, frame)
        self._begin(endpoint.id)
        self.renew((endpoint.id,))  # its pool may have been switched while we connected
        self._board.tell((Notice("endpoint", endpoint.id), Notice("event")))
        ids = {host.id for host in frame.hosts}
        hosts = self._observer.inventory.hosts
        return tuple(hosts[key] for key in sorted(ids) if key in hosts)

    def succeed(
        self, own: Endpoint, secret: str, before: frozenset[HostId], by: str = OURSELVES
    ) -> tuple[VmId, ...]:
        """Let an endpoint that is known stand for one host on other hardware than `before`.

        What is ours of the old one goes with it; return the VMs that are to run there. Raise
        `Busy` as long as VMs that nobody else knows do not come along.
        """
        with self._store.reading() as tx:
            endpoint = facts.effective(tx, own)
        driver = self._pool.driver(endpoint, secret)
        driver.info()
        frame = driver.observe()
        self._check_hosts(frame, endpoint.id)
        self._check_vms(frame, before)
        new = frame.hosts[0].id
        with self._store.writing() as tx:
            facts.endpoints.put(tx, own)
            secrets.put(tx, own.id, PASSWORD, secret)
            ours = _inherited(tx, before, new)
            gone = [(Host, key) for key in sorted(before)]
            observed.put_many(tx, (*frame.hosts, *frame.vms), gone)
            vms = ha.succeed(tx, before, new)
            self.bmcs.forget(tx, before, by)
            said = f"{endpoint.uri} is on other hardware now"
            events.append(tx, _event("endpoint.changed", endpoint.id, said, by))
        with self._lock:
            loop = self._loops.pop(endpoint.id, None)
        if loop is not None:
            loop.stop()
        self.bmcs.gone(before)
        self._observer.add(endpoint, driver)
        self._observer.change(partial(Picture.put_host_facts, facts=ours))
        self._observer.succeed(endpoint, frame)
        self._begin(endpoint.id)
        self._board.tell((Notice("endpoint", endpoint.id), Notice("event")))
        return vms

    def renew(self, endpoints: Iterable[EndpointId]) -> None:
        """Give endpoints the driver their records ask for now; quiet where nothing changed.

        From here on nobody gets the driver of before, and whoever holds it cannot use it.
        """
        for key in endpoints:
            with self._store.reading() as tx:
                record = facts.endpoints.get(tx, key)
                secret = _secret(tx, key)
                endpoint = None if record is None else facts.effective(tx, record)
            if endpoint is None or endpoint in self.all():
                continue
            with self._lock:
                loop = self._loops.pop(key, None)
            if loop is not None:
                loop.stop()
            self._observer.add(endpoint, self._driver(endpoint, secret))
            self._observer.change(partial(Picture.switch, endpoint=endpoint))
            self._begin(key)

    def hosts_of(self, endpoints: frozenset[EndpointId]) -> frozenset[HostId]:
        """Return the hosts behind some endpoints."""
        hosts = self._observer.inventory.hosts.values()
        return frozenset(host.id for host in hosts if host.endpoint in endpoints)

    def remove(self, endpoint: EndpointId, by: str, pending: tuple[Action, ...]) -> None:
        """Forget an endpoint, its secret and its hosts; raise `NotFound`, or `Busy` if in use."""
        mine = self.hosts_of(frozenset({endpoint}))
        if any(mine & set(hosts_of(action)) for action in pending):
            raise Busy(f"a run works on hosts of {endpoint}", hint="wait for it or cancel it")
        known = next((one for one in self.all() if one.id == endpoint), None)
        if known is None:
            raise NotFound(f"there is no endpoint {endpoint}")
        self._observer.leaving(endpoint)
        with self._store.writing() as tx:
            facts.endpoints.delete(tx, endpoint)
            secrets.delete_all(tx, endpoint)
            restoration.settle(tx, endpoint, gone=True)
            self.bmcs.forget(tx, mine, by)
            events.append(tx, _event("endpoint.removed", endpoint, f"{known.uri} removed", by))
        with self._lock:
            loop = self._loops.pop(endpoint, None)
        if loop is not None:
            loop.stop()
        self._observer.remove(endpoint)
        self._pool.forget(endpoint)
        self.bmcs.gone(mine)
        self._board.tell((Notice("endpoint", endpoint), Notice("event")))

    def all(self) -> tuple[Endpoint, ...]:
        """Return all endpoints by id."""
        return self._observer.endpoints()

    def _driver(self, endpoint: Endpoint, secret: str | None) -> Driver:
        """Return the driver of an endpoint; one that says why where its secret does not open."""
        if secret is None:
            return cast(Driver, Unopened(partial(self._opened, endpoint)))
        return self._pool.driver(endpoint, secret)

    def _opened(self, endpoint: Endpoint) -> Driver:
        with self._store.reading() as tx:
            secret = secrets.get(tx, endpoint.id, PASSWORD)
        return self._pool.driver(endpoint, secret)

    def _begin(self, endpoint: EndpointId) -> None:
        with self._lock:
            if self._settings is None or endpoint in self._loops:
                return
            loop = Loop(endpoint, self._observer, self._clock, self._settings, self._turnstile)
            self._loops[endpoint] = loop
        loop.start()

    def _check_vms(self, frame: Frame, before: frozenset[HostId]) -> None:
        """Raise `Busy` with VMs that were on hosts, and neither come along nor are elsewhere."""
        vms, there = self._observer.inventory.vms, {vm.id for vm in frame.vms}
        left = sorted(
            one.name
            for one in vms.values()
            if one.host in before and one.id not in there and not one.copies
        )
        if left:
            raise Busy(say(reason("run.vms-left", vms=tuple(left[:5]), count=len(left))))

    def _check_hosts(self, frame: Frame, but: EndpointId | None = None) -> None:
        known = self._observer.inventory.hosts
        for host in frame.hosts:
            there = known.get(host.id)
            if there is not None and there.endpoint != but:
                raise Conflict(
                    f"host {there.name} is managed already, through endpoint {there.endpoint}",
                    hint="remove that endpoint first",
                )

    def _keep(self, endpoint: Endpoint, secret: str, message: str, by: str) -> None:
        with self._store.writing() as tx:
            facts.endpoints.put(tx, endpoint)
            if secret:
                secrets.put(tx, endpoint.id, PASSWORD, secret)
            events.append(tx, _event("endpoint.added", endpoint.id, message, by))


def _inherited(tx: Tx, before: frozenset[HostId], new: HostId) -> HostFacts:
    """Keep what is ours of a host as that of its new hardware; return it."""
    kept = [one for key in sorted(before) if (one := facts.hosts.get(tx, key)) is not None]
    first = kept[0] if kept else facts.hosts.get(tx, new) or HostFacts(host=new)
    ours = replace(first, host=new, power_saved=False, wake_proven_at=0.0)
    facts.hosts.put(tx, ours)
    return ours


def _event(kind: str, endpoint: EndpointId, message: str, by: str) -> EventRecord:
    return EventRecord(
        kind=kind, message=message, subject_kind="endpoint", subject_id=endpoint, by=by
    )


def _secret(tx: Tx, endpoint: EndpointId) -> str | None:
    """Return the password of an endpoint, "" where there is none, None if it does not open."""
    try:
        return secrets.get(tx, endpoint, PASSWORD)
    except StoreFailed as error:
        log.warning("endpoint %s: %s", endpoint, error)
        return None
