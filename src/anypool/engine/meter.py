"""Measuring loads every few seconds, beside the inventory."""

import threading
from concurrent.futures import ThreadPoolExecutor

from anypool.clock import Clock
from anypool.engine.load import LoadRate, Loads, Sample, key_of, rate
from anypool.engine.observe import Observer
from anypool.errors import AnypoolError
from anypool.model import EndpointId, HostId, PMap, VmId

READERS = 8


class Meter:
    """The last load of everything; an endpoint that is slow to answer is not asked twice."""

    def __init__(self, observer: Observer, clock: Clock) -> None:
        self._observer = observer
        self._clock = clock
        self._lock = threading.Lock()
        self._samples: dict[EndpointId, dict[HostId | VmId, Sample]] = {}
        self._loads: PMap[HostId | VmId, LoadRate] = PMap()
        self._asked: set[EndpointId] = set()
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="measure")

    def loads(self) -> Loads:
        """Return the last measured loads."""
        return self._loads

    def measure_all(self) -> None:
        """Begin to measure every endpoint that answers and is not being measured."""
        for endpoint in self._observer.endpoints():
            with self._lock:
                busy = endpoint.id in self._asked
            if not busy and self._observer.current(endpoint.id):
                with self._lock:
                    self._asked.add(endpoint.id)
                self._pool.submit(self.measure, endpoint.id)

    def measure(self, endpoint: EndpointId) -> None:
        """Measure one endpoint; one that fails has no loads."""
        found: dict[HostId | VmId, Sample] = {}
        try:
            now = self._clock.now()
            for load in self._observer.driver(endpoint).measure():
                key = key_of(load)
                if key is not None:
                    found[key] = Sample(now, load)
        except AnypoolError:
            pass
        finally:
            with self._lock:
                self._asked.discard(endpoint)
        self._take(endpoint, found)

    def _take(self, endpoint: EndpointId, found: dict[HostId | VmId, Sample]) -> None:
        with self._lock:
            old = self._samples.get(endpoint, {})
            changes: dict[HostId | VmId, LoadRate | None] = dict.fromkeys(old)
            for key, sample in found.items():
                changes[key] = rate(old.get(key), sample)
            self._samples[endpoint] = found
            self._loads = self._loads.patched(changes)

    def close(self) -> None:
        """Measure no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
