"""The loop that reads one endpoint: whole now and then, and its changes between."""

import logging
import threading
from zlib import crc32

from anypool.clock import Clock, backoff
from anypool.drivers import lent
from anypool.engine.observing.observe import Observer
from anypool.engine.observing.turnstile import Turnstile
from anypool.errors import AnypoolError, Busy, NotSupported
from anypool.model import EndpointId
from anypool.settings import Settings

log = logging.getLogger(__name__)


class Loop:
    """The loop that keeps one endpoint's reading fresh, on a thread of its own.

    An endpoint that does not answer is tried again ever more rarely; nobody else waits.
    """

    def __init__(
        self,
        endpoint: EndpointId,
        observer: Observer,
        clock: Clock,
        settings: Settings,
        turnstile: Turnstile,
    ) -> None:
        self._turnstile = turnstile
        self._endpoint = endpoint
        self._observer = observer
        self._clock = clock
        self._settings = settings
        self._stop = threading.Event()
        self._failures = 0
        self._lasts_s = settings.observe_every_s * _share(endpoint)
        self._thread = threading.Thread(target=self._run, name=f"observe-{endpoint}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the loop to end; it does so after the call it is in."""
        self._stop.set()

    def join(self, timeout_s: float) -> None:
        """Wait for its end."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with lent.routine():
                    self.round()
                self._failures = 0
            except Busy:
                self._clock.wait(self._stop, self._rest())
            except AnypoolError as error:
                if self._stop.is_set():  # its driver was taken away, and another speaks now
                    return
                self._observer.lost(self._endpoint, error)
                self._clock.wait(self._stop, self._rest())
            except Exception:  # a reader that ends in silence would be worse than a wrong driver
                log.exception("endpoint %s", self._endpoint)
                self._clock.wait(self._stop, self._rest())

    def _rest(self) -> float:
        first, longest = self._settings.unreachable_retry_s, self._settings.unreachable_retry_max_s
        self._failures += 1
        return backoff(first, longest, self._failures - 1)

    def round(self) -> None:
        """Read all, then follow the changes until it is time to read all again."""
        until = self._clock.monotonic() + self._lasts_s
        with self._turnstile.turn():
            cursor = self._cursor()
            self._observer.read(self._endpoint)
        self._failures = 0
        self._lasts_s = self._settings.observe_every_s
        while not self._stop.is_set() and (left := until - self._clock.monotonic()) > 0:
            if cursor is None:
                self._clock.wait(self._stop, left)
                return
            cursor = self._follow(cursor, min(left, self._settings.changes_wait_s))

    def _cursor(self) -> str | None:
        """Return where to follow changes from, None if the endpoint tells of none."""
        try:
            return self._observer.driver(self._endpoint).changes("", 0.0).cursor
        except NotSupported:
            return None

    def _follow(self, cursor: str, wait_s: float) -> str:
        found = self._observer.driver(self._endpoint).changes(cursor, wait_s)
        if found.quiet:
            self._observer.answered(
                self._endpoint
            )  # until a moment ago, and not since the last one
            self._observer.vitals.hush(self._endpoint)
            return found.cursor
        self._observer.answered(self._endpoint)
        if self._stop.is_set():
            return cursor
        before = self._observer.inventory
        try:
            if found.resync or found.host or not self._observer.current(self._endpoint):
                self._observer.read(self._endpoint)
            elif found.vms:
                self._observer.read(self._endpoint, tuple(sorted(found.vms)))
        finally:
            self._observer.remarked(self._endpoint, found.remarks, before)
        return found.cursor


def _share(endpoint: EndpointId) -> float:
    """Return after which share of the usual time an endpoint is read for the second time.

    All are read at once when the manager starts; from then on they are to take turns.
    """
    return 0.5 + crc32(endpoint.encode()) / 2**33
