"""Measuring loads every few seconds, beside the inventory."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from anypool.clock import Clock
from anypool.engine.hour import Readings
from anypool.engine.load import LoadRate, Loads, Sample, key_of, measured, rate
from anypool.engine.observe import Observer
from anypool.errors import AnypoolError
from anypool.model import EndpointId, HostId, PMap, VmId

READERS = 8

Key = HostId | VmId


class Meter:
    """The last load of everything; an endpoint that is slow to answer is not asked twice.

    What is measured also goes to `kept`, with NaN where nobody knows.
    """

    def __init__(self, observer: Observer, clock: Clock) -> None:
        self._observer = observer
        self._clock = clock
        self._lock = threading.Lock()
        self._samples: dict[EndpointId, dict[Key, Sample]] = {}
        self._owners: dict[Key, EndpointId] = {}
        self._loads: PMap[Key, LoadRate] = PMap()
        self._asked: set[EndpointId] = set()
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="measure")
        self.kept: Callable[[Readings], None] = lambda _: None

    def loads(self) -> Loads:
        """Return the last measured loads."""
        return self._loads

    def measure_all(self) -> None:
        """Begin to measure every endpoint that answers and is not being measured."""
        known = self._observer.endpoints()
        with self._lock:
            gone = self._samples.keys() - {endpoint.id for endpoint in known}
        for endpoint_id in gone:
            self._take(endpoint_id, {})
        for endpoint in known:
            with self._lock:
                busy = endpoint.id in self._asked
            if not busy and self._observer.current(endpoint.id):
                with self._lock:
                    self._asked.add(endpoint.id)
                self._pool.submit(self.measure, endpoint.id)

    def measure(self, endpoint: EndpointId) -> None:
        """Measure one endpoint; one that fails has no loads."""
        found: dict[Key, Sample] = {}
        try:
            now, steady = self._clock.now(), self._clock.monotonic()
            for load in self._observer.driver(endpoint).measure():
                key = key_of(load)
                if key is not None:
                    found[key] = Sample(now, load, steady)
        except AnypoolError:
            pass
        finally:
            with self._lock:
                self._asked.discard(endpoint)
        self._take(endpoint, found)

    def _take(self, endpoint: EndpointId, found: dict[Key, Sample]) -> None:
        """Replace the loads of one endpoint; the cost is that of its own objects."""
        with self._lock:
            old = self._samples.get(endpoint, {})
            owners = self._owners
            readings = {
                key: measured(old.get(key) if owners.get(key) == endpoint else None, sample)
                for key, sample in found.items()
            }
            changes: dict[Key, LoadRate | None] = {
                key: None for key in old if key not in found and owners.get(key) == endpoint
            }
            for key in changes:
                del owners[key]
            for key, values in readings.items():
                changes[key] = rate(found[key].at, values)
                owners[key] = endpoint
            self._samples[endpoint] = found
            if not found:
                del self._samples[endpoint]
            self._loads = self._loads.patched(changes)
        self.kept(readings)

    def close(self) -> None:
        """Measure no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
