"""Volumes that are read for their digests: a few at a time, tried again, never waited for."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import uuid4

from msgspec import Struct
from msgspec.structs import replace

from anypool.clock import Clock, backoff
from anypool.engine.observing.observe import Observer
from anypool.errors import AnypoolError
from anypool.model import (
    Capability,
    DatastoreId,
    Digest,
    DigestOrder,
    EndpointId,
    HostState,
    JobState,
    Place,
)

WAIT_S = 2.0
STALLED_S = 120.0
RETRY_S, RETRY_MAX_S = 30.0, 3600.0
_THREADS = 2


class Progress(Struct, frozen=True, kw_only=True, gc=False):
    """How the reading of a volume stands: `waiting`, `reading`, or `failed` with a `message`.

    A failed one is tried again at `due`, in ticks.
    """

    state: str = "waiting"
    bytes_total: int = 0
    bytes_left: int = 0
    message: str = ""
    failures: int = 0
    due: float = 0.0


class Readers:
    """Reads volumes; `done` is told of each that was read whole, `leads` says whether to."""

    def __init__(
        self, observer: Observer, clock: Clock, limit_mib_s: int, *, leads: Callable[[], bool]
    ) -> None:
        self._observer = observer
        self._clock = clock
        self._limit_mib_s = limit_mib_s
        self._leads = leads
        self._lock = threading.Lock()
        self._progress: dict[Place, Progress] = {}
        self._busy: dict[DatastoreId, threading.Lock] = {}
        self._threads: ThreadPoolExecutor | None = None
        self.done: Callable[[Place, Digest], None] = lambda *_: None
        self.submit: Callable[[Callable[[], None]], object] = self._on_thread

    def of(self, place: Place) -> Progress | None:
        """Return how the reading of a volume stands, None if it is not to be read."""
        with self._lock:
            return self._progress.get(place)

    def want(self, places: Iterable[Place], *, at_once: bool = False) -> None:
        """Have volumes read, unless they are already; with `at_once` also those that failed."""
        now = self._clock.monotonic()
        for place in places:
            with self._lock:
                old = self._progress.get(place)
                if old is not None and old.state != "failed":
                    continue
                if old is not None and now < old.due and not at_once:
                    continue
                failures = 0 if old is None else old.failures
                self._progress[place] = Progress(failures=failures)
            self.submit(partial(self._read, place))

    def keep(self, places: frozenset[Place]) -> None:
        """Forget the readings of all other volumes; those under way end by themselves."""
        with self._lock:
            self._progress = {one: how for one, how in self._progress.items() if one in places}

    def close(self) -> None:
        """Begin no more readings."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _read(self, place: Place) -> None:
        with self._lock:
            turn = self._busy.setdefault(place[0], threading.Lock())
        with turn:  # one volume of a datastore at a time
            try:
                answer = self._tried(place)
            except Exception:
                self._fail(place, "the manager failed; its log says more")
                raise
            if answer.state is not JobState.DONE:
                self._fail(place, answer.message)
                return
        with self._lock:
            wanted = self._progress.pop(place, None) is not None
        if wanted and self._leads():
            self.done(place, answer)

    def _tried(self, place: Place) -> Digest:
        """Ask one endpoint after the other, until one has read the volume."""
        answer = Digest(state=JobState.FAILED, message=self._why_nobody(place[0]))
        for endpoint in self._able(place[0]):
            order = DigestOrder(
                datastore=place[0],
                volume=place[1],
                job=uuid4().hex,
                limit_mib_s=self._limit_mib_s,
            )
            try:
                answer = self._followed(endpoint, order, place)
            except AnypoolError as error:
                answer = Digest(state=JobState.FAILED, message=error.message)
                continue
            break
        return answer

    def _followed(self, endpoint: EndpointId, order: DigestOrder, place: Place) -> Digest:
        left, moved_at = -1, self._clock.monotonic()
        while True:
            answer = self._observer.driver(endpoint).digest(order, WAIT_S)
            if answer.state is not JobState.RUNNING:
                return answer
            now = self._clock.monotonic()
            if answer.bytes_left != left:
                left, moved_at = answer.bytes_left, now
            if not self._note(place, answer) or not self._leads():
                return Digest(state=JobState.FAILED, message="it is not wanted any more")
            if now - moved_at > STALLED_S:
                return Digest(state=JobState.FAILED, message="the reading does not go on")

    def _note(self, place: Place, answer: Digest) -> bool:
        with self._lock:
            old = self._progress.get(place)
            if old is None:
                return False
            self._progress[place] = replace(
                old,
                state="reading",
                bytes_total=answer.bytes_total,
                bytes_left=answer.bytes_left,
            )
            return True

    def _fail(self, place: Place, message: str) -> None:
        with self._lock:
            old = self._progress.get(place)
            if old is None:
                return
            pause = backoff(RETRY_S, RETRY_MAX_S, old.failures)
            self._progress[place] = Progress(
                state="failed",
                message=message,
                failures=old.failures + 1,
                due=self._clock.monotonic() + pause,
            )

    def _able(self, datastore: DatastoreId) -> Iterator[EndpointId]:
        """Yield the endpoints that can read what is there, each once."""
        hosts = self._observer.inventory.hosts.values()
        able = {
            host.endpoint
            for host in hosts
            if datastore in host.datastores
            and host.state is HostState.UP
            and Capability.DIGEST in host.capabilities
        }
        yield from sorted(able)

    def _why_nobody(self, datastore: DatastoreId) -> str:
        hosts = self._observer.inventory.hosts.values()
        here = [host for host in hosts if datastore in host.datastores]
        up = [host for host in here if host.state is HostState.UP]
        if not up:
            return "no host that sees its datastore answers"
        if any(host.observe_only for host in up):
            return "the hosts that see its datastore are observe-only"
        return "no platform that sees its datastore can read it for us"

    def _on_thread(self, task: Callable[[], None]) -> object:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="digest")
        return self._threads.submit(task)
