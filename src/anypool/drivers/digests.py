"""Reading volumes to tell their SHA-256: in the background, as fast as is allowed, and resumable.

A reading has a thread of its own and whoever wants it asks for it again and again. One
that nobody asked for within a while ends, as its manager has ended or asks elsewhere.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Protocol

from anypool.errors import AnypoolError, Busy
from anypool.model import DIGEST, DatastoreId, Digest, DigestOrder, JobState

ABANDONED_S = 60.0
"""After so long without a question a reading ends."""
MOST = 4
"""How many volumes of one endpoint are read at once."""
MIB = 1 << 20


class Content(Protocol):
    """A volume that can be read."""

    def stamp(self) -> str:
        """Return what changes whenever somebody writes to it."""
        ...

    def size_bytes(self) -> int:
        """Return how long its file is."""
        ...

    def chunks(self) -> Iterator[bytes | int]:
        """Yield its bytes in order; a number stands for so many zeros that nobody had to read."""
        ...

    def close(self) -> None:
        """Give back what was opened for it."""
        ...


Open = Callable[[DatastoreId, str], Content]
"""Opens a volume; raises `NotFound` if it is not there."""


class Digests:
    """The volumes of one endpoint that are being read, and those that were."""

    def __init__(self, open_: Open, *, now: Callable[[], float] = time.monotonic) -> None:
        self._open = open_
        self._now = now
        self._lock = threading.Lock()
        self._jobs: dict[tuple[DatastoreId, str], _Job] = {}

    def ask(self, order: DigestOrder, wait_s: float) -> Digest:
        """Return how far a reading is, after waiting up to `wait_s` for its end; begin it if new.

        Raises `Busy` while as many as may be are under way.
        """
        place = (order.datastore, order.volume)
        with self._lock:
            job = self._jobs.get(place)
            if job is None or job.order.job != order.job:
                self._make_room(place)
                job = self._jobs[place] = _Job(order, self._open, self._now)
                threading.Thread(target=job.run, name="digest", daemon=True).start()
        return job.asked(wait_s)

    def close(self) -> None:
        """End all readings; harmless when repeated."""
        with self._lock:
            for job in self._jobs.values():
                job.stop.set()
            self._jobs.clear()

    def _make_room(self, place: tuple[DatastoreId, str]) -> None:
        """Forget what nobody asks for; raise `Busy` if there is still too much."""
        if (old := self._jobs.pop(place, None)) is not None:
            old.stop.set()
        for key, job in tuple(self._jobs.items()):
            if job.abandoned:
                job.stop.set()
                del self._jobs[key]
        if sum(not job.over.is_set() for job in self._jobs.values()) >= MOST:
            raise Busy(f"{MOST} volumes are being read here", hint="it is tried again later")


class _Job:
    """One reading; `answer` is replaced as a whole."""

    def __init__(self, order: DigestOrder, open_: Open, now: Callable[[], float]) -> None:
        self.order = order
        self.stop = threading.Event()
        self.over = threading.Event()
        self.answer = Digest(state=JobState.RUNNING)
        self._open = open_
        self._now = now
        self._asked_at = now()

    @property
    def abandoned(self) -> bool:
        return self._now() - self._asked_at > ABANDONED_S

    def asked(self, wait_s: float) -> Digest:
        self._asked_at = self._now()
        self.over.wait(wait_s)
        self._asked_at = self._now()
        return self.answer

    def run(self) -> None:
        try:
            with closing(self._open(self.order.datastore, self.order.volume)) as content:
                self.answer = self._read(content)
        except AnypoolError as error:
            self.answer = _failed(error.message)
        except Exception as error:
            self.answer = _failed(f"the driver failed: {type(error).__name__}")
            raise
        finally:
            self.over.set()

    def _read(self, content: Content) -> Digest:
        before, total = content.stamp(), content.size_bytes()
        done, paid, begun = 0, 0, self._now()
        made = hashlib.sha256()
        for chunk in content.chunks():
            if self.stop.is_set() or self.abandoned:
                return _failed("nobody asked for it any more")
            if isinstance(chunk, int):
                _add_zeros(made, chunk)
                done += chunk
            else:
                made.update(chunk)
                done, paid = done + len(chunk), paid + len(chunk)
                self._be_slow(paid, begun)
            left = max(total - done, 0)
            self.answer = Digest(state=JobState.RUNNING, bytes_total=total, bytes_left=left)
        if content.stamp() != before:
            return _failed("it was written to while it was read")
        return Digest(
            state=JobState.DONE,
            bytes_total=done,
            digest=DIGEST + made.hexdigest(),
            stamp=before,
        )

    def _be_slow(self, paid: int, begun: float) -> None:
        """Wait until as much as was read may have been read."""
        if self.order.limit_mib_s:
            due = begun + paid / (self.order.limit_mib_s * MIB)
            self.stop.wait(max(0.0, due - self._now()))


def _add_zeros(made: "hashlib._Hash", count: int) -> None:
    whole = bytes(min(count, MIB))
    while count > 0:
        made.update(whole if count >= len(whole) else whole[:count])
        count -= len(whole)


def _failed(message: str) -> Digest:
    return Digest(state=JobState.FAILED, message=message)
