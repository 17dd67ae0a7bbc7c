"""The BMCs of hosts: kept, read every so often, and asked when a host is to be switched.

A BMC is an endpoint of its own to the workers, so one that hangs harms nobody else. What it
says of power is laid over the host in the inventory; watts are kept beside it.
"""

import logging
import math
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from anypool.clock import Clock, backoff
from anypool.drivers import Driver
from anypool.engine.observing.observe import Observer
from anypool.engine.observing.picture import Picture
from anypool.engine.threads import Ticker
from anypool.errors import AnypoolError, Denied, NotFound, StoreFailed
from anypool.model import (
    Bmc,
    Endpoint,
    EndpointId,
    Host,
    HostId,
    HostState,
    KnownBmc,
    Power,
    PowerReading,
)
from anypool.settings import Settings
from anypool.store import Store, Tx, events, facts, secrets
from anypool.store.records import EventRecord

T = TypeVar("T")

log = logging.getLogger(__name__)

PASSWORD = "password"
AT_ONCE = 8
LOOK_S = 1.0
SOON_S = 5.0
"""Between two readings of a host that does not answer."""
DENIED_S = 60.0
REST_MAX_S = 600.0


class Drivers(Protocol):
    """Who gives out drivers."""

    def driver(self, endpoint: Endpoint, secret: str = "") -> Driver:
        """Return the driver of an endpoint."""
        ...

    def forget(self, endpoint_id: EndpointId) -> None:
        """Close the connection to an endpoint; quiet if there is none."""
        ...


class _State:
    """What is known of one BMC beside its record; `turn` is held while it is read."""

    def __init__(self, known: KnownBmc) -> None:
        self.known = known
        self.turn = threading.Lock()
        self.asked_at = -math.inf
        self.failures = 0
        self.denied = False
        self.reading = False


class Trial(Struct, frozen=True, kw_only=True):
    """A BMC to try, with its password."""

    url: str
    user: str = ""
    password: str = ""
    system: str = ""
    fingerprint: str = ""


class Bmcs:
    """All BMCs; every method may be called from any thread."""

    def __init__(self, store: Store, pool: Drivers, observer: Observer, clock: Clock) -> None:
        self._store = store
        self._pool = pool
        self._observer = observer
        self._clock = clock
        self._lock = threading.Lock()
        self._states: dict[HostId, _State] = {}
        self._every_s = 60.0
        self._ticker: Ticker | None = None
        self._woken = threading.Event()
        self._crew: ThreadPoolExecutor | None = None
        observer.has_bmc = lambda host: self.get(host) is not None
        observer.bmc = self.driver
        observer.read_power = self.read
        observer.vitals.ask_power = self.power_now

    def load(self) -> None:
        """Know every BMC that is kept; the power of each is unknown until it is read."""
        with self._store.reading() as tx:
            kept = facts.bmcs.all(tx)
        with self._lock:
            self._states = {one.host: _State(KnownBmc(bmc=one)) for one in kept}
        for one in kept:
            self._publish(one.host, Power.UNKNOWN)

    def observe(self, settings: Settings) -> None:
        """Begin to read them every so often."""
        self._every_s = settings.bmc_every_s
        self._crew = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="bmc")
        self._ticker = Ticker("bmcs", self._round, self._clock, self._woken)
        self._ticker.start()

    def rest(self) -> None:
        """Read no more; what is under way is not waited for."""
        ticker, self._ticker = self._ticker, None
        crew, self._crew = self._crew, None
        if ticker is not None:
            ticker.stop()
        if crew is not None:
            crew.shutdown(wait=False, cancel_futures=True)

    def get(self, host: HostId) -> KnownBmc | None:
        """Return the BMC of a host and what it said last, None if the host has none."""
        with self._lock:
            state = self._states.get(host)
            return None if state is None else state.known

    def all(self) -> tuple[KnownBmc, ...]:
        """Return all of them."""
        with self._lock:
            return tuple(self._states[key].known for key in sorted(self._states))

    def driver(self, host: HostId) -> Driver | None:
        """Return the driver of a host's BMC, None where it has none.

        It can only look where the host is observe-only. Raise `StoreFailed` if the password
        does not open.
        """
        known = self.get(host)
        if known is None:
            return None
        with self._store.reading() as tx:
            secret = secrets.get(tx, owner(host), PASSWORD)
        record = self._observer.inventory.hosts.get(host)
        closed = record is None or record.observe_only
        return self._pool.driver(_endpoint(known.bmc, observe_only=closed), secret)

    def read(self, host: HostId) -> Power:
        """Ask a BMC now, publish what it says, and return it; UNKNOWN where nobody says.

        One that did not let us in is left alone for a while: many lock who tries too often.
        """
        with self._lock:
            state = self._states.get(host)
        if state is None or (state.denied and not self._is_due(host, state)):
            return Power.UNKNOWN
        with state.turn:
            reading, problem = self._ask(host)
            self._note(host, state, reading, problem)
        return reading.power

    def power_now(self, host: HostId) -> Power:
        """Ask the BMC of a host, or what switches it where it has none; never raises."""
        if self.get(host) is not None:
            return self.read(host)
        try:
            return self._observer.switch_of(host).power(host).power
        except AnypoolError:
            return Power.UNKNOWN

    def certificate(self, host: HostId, url: str) -> str:
        """Return the SHA-256 of the certificate a service shows, and send it nothing."""
        return self._tried(host, Trial(url=url), lambda driver: driver.info().certificate)

    def tried(self, host: Host, trial: Trial) -> tuple[Bmc, HostId, PowerReading]:
        """Log in, and return what was found, whose hardware it says it is, and its power."""

        def look(driver: Driver) -> tuple[Bmc, HostId, PowerReading]:
            info = driver.info()
            found = Bmc(
                host=host.id,
                url=trial.url,
                user=trial.user,
                system=info.system,
                fingerprint=trial.fingerprint,
                product=info.product,
            )
            hardware = info.hosts[0] if info.hosts else HostId("")
            return found, hardware, driver.power(host.id)

        return self._tried(host.id, trial, look)

    def put(self, bmc: Bmc, password: str, reading: PowerReading, by: str) -> KnownBmc:
        """Keep the BMC of a host in place of the one it has."""
        said = f"{bmc.url}{bmc.system} switches it: {bmc.product}"
        with self._store.writing() as tx:
            facts.bmcs.put(tx, bmc)
            secrets.put(tx, owner(bmc.host), PASSWORD, password)
            events.append(tx, _event("host.bmc-set", bmc.host, said, by))
        known = KnownBmc(bmc=bmc, reading=reading, read_at=self._clock.now())
        with self._lock:
            self._states[bmc.host] = _State(known)
        self._publish(bmc.host, reading.power)
        self._woken.set()
        return known

    def pin(self, host: HostId, fingerprint: str, by: str) -> None:
        """Trust another certificate of a BMC; its password stays. Raise `NotFound`."""
        if (known := self.get(host)) is None:
            raise NotFound(f"{host} has no BMC")
        fresh = replace(known.bmc, fingerprint=fingerprint)
        said = f"the certificate {fingerprint} of {fresh.url} was confirmed"
        with self._store.writing() as tx:
            facts.bmcs.put(tx, fresh)
            events.append(tx, _event("host.bmc-confirmed", host, said, by))
        with self._lock:
            self._states[host] = _State(KnownBmc(bmc=fresh))
        self._pool.forget(_id(host))
        self._woken.set()

    def drop(self, host: HostId, by: str) -> None:
        """Forget the BMC of a host; quiet if it has none."""
        with self._store.writing() as tx:
            self.forget(tx, (host,), by)
        self.gone((host,))

    def forget(self, tx: Tx, hosts: Iterable[HostId], by: str) -> None:
        """Take the BMCs of hosts out of the records; `gone` follows once that is written."""
        for host in hosts:
            if facts.bmcs.delete(tx, host):
                secrets.delete_all(tx, owner(host))
                said = "no BMC switches it any more"
                events.append(tx, _event("host.bmc-unset", host, said, by))

    def gone(self, hosts: Iterable[HostId]) -> None:
        """Know the BMCs of hosts no longer."""
        for host in hosts:
            with self._lock:
                known = self._states.pop(host, None)
            if known is not None:
                self._pool.forget(_id(host))
                self._publish(host, None)

    def _tried(self, host: HostId, trial: Trial, look: Callable[[Driver], T]) -> T:
        bmc = Bmc(
            host=host,
            url=trial.url,
            user=trial.user,
            system=trial.system,
            fingerprint=trial.fingerprint,
        )
        endpoint = replace(_endpoint(bmc, observe_only=True), id=EndpointId(f"{_id(host)}?"))
        try:
            return look(self._pool.driver(endpoint, trial.password))
        finally:
            self._pool.forget(endpoint.id)

    def _ask(self, host: HostId) -> tuple[PowerReading, AnypoolError | None]:
        try:
            driver = self.driver(host)
            return (PowerReading() if driver is None else driver.power(host)), None
        except AnypoolError as error:
            return PowerReading(), error

    def _note(
        self, host: HostId, state: _State, reading: PowerReading, problem: AnypoolError | None
    ) -> None:
        """Keep what was read, or why not, and when to ask again."""
        with self._lock:
            if self._states.get(host) is not state:
                return
            if problem is None:
                state.failures = 0
                read_at = self._clock.now()
                known = replace(state.known, reading=reading, read_at=read_at, message="")
            else:
                asked = not isinstance(problem, StoreFailed)  # the BMC knows nothing of that
                state.failures += asked
                known = replace(state.known, message=problem.in_full)
            state.denied = isinstance(problem, Denied)
            state.known = known
            state.asked_at = self._clock.monotonic()
        self._publish(host, reading.power)

    def _is_due(self, host: HostId, state: _State) -> bool:
        """Return whether to ask again: sooner where the host is silent, later after failures."""
        record = self._observer.inventory.hosts.get(host)
        silent = record is None or record.state is HostState.UNKNOWN
        rest_s = min(SOON_S, self._every_s) if silent else self._every_s
        if state.failures:
            first = DENIED_S if state.denied else SOON_S
            rest_s = backoff(first, REST_MAX_S, state.failures - 1)
        return self._clock.monotonic() >= state.asked_at + rest_s

    def _publish(self, host: HostId, power: Power | None) -> None:
        self._observer.change(partial(Picture.put_power, host=host, power=power))

    def _round(self) -> float:
        """Have those read that are due; return when to look again, in seconds."""
        crew = self._crew
        with self._lock:
            states = tuple(self._states.items())
        for key, state in states:
            if crew is not None and not state.reading and self._is_due(key, state):
                state.reading = True
                crew.submit(self._read_due, key, state)
        return LOOK_S

    def _read_due(self, host: HostId, state: _State) -> None:
        try:
            self.read(host)
        except Exception:
            log.exception("the BMC of %s", host)
        finally:
            state.reading = False


def owner(host: HostId) -> str:
    """Return under which name the secrets of a host's BMC are kept."""
    return f"bmc:{host}"


def _id(host: HostId) -> EndpointId:
    return EndpointId(f"bmc:{host}")


def _endpoint(bmc: Bmc, *, observe_only: bool) -> Endpoint:
    options = {"fingerprint": bmc.fingerprint, "system": bmc.system, "user": bmc.user}
    return Endpoint(
        id=_id(bmc.host),
        driver="redfish",
        uri=bmc.url,
        options=tuple(sorted((name, text) for name, text in options.items() if text)),
        observe_only=observe_only,
    )


def _event(kind: str, host: HostId, message: str, by: str) -> EventRecord:
    return EventRecord(kind=kind, message=message, subject_kind="host", subject_id=host, by=by)
