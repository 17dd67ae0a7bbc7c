"""Looks that this manager does for the one that leads, at the pools that it was given."""

import threading
from collections.abc import Callable
from hmac import compare_digest
from typing import Protocol

from msgspec import Raw
from msgspec.structs import replace

from anypool.clock import Clock
from anypool.drivers.lent import LENT
from anypool.drivers.link import Ask
from anypool.drivers.remote import WorkerPool
from anypool.drivers.wire import Mandate, Reply, failure_of
from anypool.engine import Engine
from anypool.engine.observing.endpoints import PASSWORD
from anypool.errors import AnypoolError, Busy, Denied, NotFound
from anypool.model import Endpoint, EndpointId
from anypool.store import Store, facts, poolleases, secrets
from anypool.store.poolleases import PoolLease

KNOWN_FOR_S = 1.0
"""For how long leases are taken to be the same, without a look at the records."""


class Eyes(Protocol):
    """The workers that look for others: their mandate is over, so that they do no deed."""

    def relay(
        self, endpoint: Endpoint, secret: str, operation: str, told: tuple[Raw, str]
    ) -> Reply:
        """Do a look and return the answer as it came."""
        ...

    def close(self) -> None:
        """End all of them."""
        ...


class Lending:
    """`make` gives the workers, once there is something to look at."""

    def __init__(self, engine: Engine, store: Store, clock: Clock) -> None:
        self._engine = engine
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._known: tuple[float, dict[str, PoolLease]] = (-KNOWN_FOR_S, {})
        self._opened: dict[EndpointId, tuple[Endpoint, str, float]] = {}
        self._eyes: Eyes | None = None
        self._closed = False
        self.make: Callable[[], Eyes] = _nobody
        self.answered = 0

    def check(self, key: str) -> None:
        """Raise `Denied` unless a key is that of the manager that leads, shown to this one."""
        told = poolleases.digest(key)
        leases = self._leases(anew=True).values()
        if not any(one.key_digest and compare_digest(one.key_digest, told) for one in leases):
            raise Denied("this is not the key of the manager that leads", hint="it deals anew soon")

    def answer(self, ask: Ask) -> Reply:
        """Do a look; whatever it ends with is an answer, never a raise."""
        try:
            reply = self._look(ask)
        except Exception as error:  # noqa: BLE001 - the other side is told, whatever it is
            return failure_of(ask.number, ask.operation, error)
        with self._lock:
            self.answered += 1
        return replace(reply, number=ask.number)

    def close(self) -> None:
        """Look at nothing any more."""
        with self._lock:
            self._closed = True
            eyes, self._eyes = self._eyes, None
        if eyes is not None:
            eyes.close()

    def _look(self, ask: Ask) -> Reply:
        if ask.operation not in LENT:
            raise Denied(f"{ask.operation} is not done for another manager")
        lease = self._leases().get(ask.pool)
        if lease is None or lease.epoch < ask.epoch:
            lease = self._leases(anew=True).get(ask.pool)
        if lease is None or lease.epoch != ask.epoch:
            why = f"the pool {ask.pool} is looked after in another epoch than {ask.epoch}"
            raise Busy(why, hint="look yourself; pools are dealt anew in a moment")
        endpoint, secret = self._open(EndpointId(ask.endpoint), ask.pool)
        return self._workers().relay(endpoint, secret, ask.operation, (ask.arguments, ask.since))

    def _leases(self, *, anew: bool = False) -> dict[str, PoolLease]:
        """Return the leases of this manager's pools, by pool."""
        with self._lock:
            at, found = self._known
        now = self._clock.monotonic()
        if anew or now - at >= KNOWN_FOR_S:
            mine = self._engine.keeper.peer.holder
            with self._store.reading() as tx:
                found = {one.pool: one for one in poolleases.every(tx) if one.holder == mine}
            with self._lock:
                self._known = (now, found)
        return found

    def _open(self, key: EndpointId, pool: str) -> tuple[Endpoint, str]:
        """Return an endpoint as it is for the manager that leads, and its password."""
        now = self._clock.monotonic()
        with self._lock:
            known = self._opened.get(key)
        if known is None or now - known[2] >= KNOWN_FOR_S:
            with self._store.reading() as tx:
                if (record := facts.endpoints.get(tx, key)) is None:
                    raise NotFound(f"there is no endpoint {key}")
                known = facts.effective(tx, record), secrets.get(tx, key, PASSWORD), now
            with self._lock:
                self._opened[key] = known
        if known[0].pool != pool:
            raise Busy(f"{key} is in another pool than {pool} now", hint="look yourself")
        return known[0], known[1]

    def _workers(self) -> Eyes:
        with self._lock:
            if self._closed:
                raise Busy("this manager is ending", hint="look yourself")
            if self._eyes is None:
                self._eyes = self.make()
            return self._eyes


def blind(pool: WorkerPool) -> WorkerPool:
    """Take from workers that look for others what it takes to do deeds."""
    pool.obey(Mandate(site="", epoch=0, until=0.0))
    return pool


def _nobody() -> Eyes:
    raise AnypoolError("this manager has no workers that look for others")
