"""Measuring loads every few seconds, beside the inventory."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from zlib import crc32

from anypool.clock import Clock
from anypool.drivers import lent
from anypool.engine.loads.hour import Readings
from anypool.engine.loads.load import Loads, Sample
from anypool.engine.observing.observe import Observer
from anypool.errors import AnypoolError
from anypool.model import EndpointId, Load

READERS = 8
SHARES = 10
"""Into so many parts the time between two measurements is cut."""


class Meter:
    """The last load of everything; an endpoint that is slow to answer is not asked twice.

    What is measured also goes to `kept`, with NaN where nobody knows.
    """

    def __init__(self, observer: Observer, clock: Clock) -> None:
        self._observer = observer
        self._clock = clock
        self._lock = threading.Lock()
        self._reckoning = threading.Lock()
        self._loads = Loads()
        self._asked: set[EndpointId] = set()
        self._share = 0
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="measure")
        self.kept: Callable[[Readings], None] = lambda _: None

    def loads(self) -> Loads:
        """Return the last measured loads."""
        return self._loads

    def measure_some(self) -> None:
        """Begin to measure the next share of the endpoints that answer and are not being measured.

        All of them at once would take all there is of the machine.
        """
        share = self._share = (self._share + 1) % SHARES
        known = self._observer.endpoints()
        for gone in self._loads.last.keys() - {endpoint.id for endpoint in known}:
            with self._reckoning:
                self._take(gone, Sample(self._clock.now(), self._clock.monotonic()))
        for endpoint in (one.id for one in known if crc32(one.id.encode()) % SHARES == share):
            with self._lock:
                busy = endpoint in self._asked
            if not busy and self._observer.current(endpoint):
                with self._lock:
                    self._asked.add(endpoint)
                self._pool.submit(self.measure, endpoint)

    def measure(self, endpoint: EndpointId) -> None:
        """Measure one endpoint; one that fails has no loads."""
        found: tuple[Load, ...] = ()
        now, steady = self._clock.now(), self._clock.monotonic()
        try:
            with lent.routine():
                found = self._observer.driver(endpoint).measure()
        except AnypoolError:
            pass
        finally:
            with self._lock:
                self._asked.discard(endpoint)
        with self._reckoning:
            self._take(endpoint, Sample(now, steady, found))

    def _take(self, endpoint: EndpointId, sample: Sample) -> None:
        """Replace the loads of one endpoint."""
        loads = self._loads = self._loads.taken(endpoint, sample)
        if sample.rows:
            self.kept(Readings(tuple(sample.rows), loads.last[endpoint].rates))

    def close(self) -> None:
        """Measure no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
