"""Loads on their way into the database: into the open hour, to tails, to chunks.

Every few seconds the slots that are finished go out as one row for all objects (a tail);
at the end of an hour each object gets one row (a chunk), and the tails go. A manager that
is killed loses what came after its last tail; the next one turns tails into chunks.
"""

import logging
import threading
from collections.abc import Callable, Sequence

import numpy as np

from anypool.clock import Clock
from anypool.engine.loads.hour import Hour, Readings
from anypool.errors import StoreFailed
from anypool.model.metric import Codes
from anypool.store import Store, loads
from anypool.store.loadcodec import (
    HOUR_S,
    Chunk,
    Tail,
    decode_chunk,
    decode_tail,
    encode_chunks,
    encode_tail,
    merge_chunks,
)

log = logging.getLogger(__name__)

BATCH = 500
_TAIL_OBJECTS = 20_000


class Recorder:
    """Takes loads from any thread; `flush` and `recover` are called by one."""

    def __init__(self, store: Store, clock: Clock, step_s: int) -> None:
        self._store = store
        self._clock = clock
        self._step_s = step_s
        self._lock = threading.Lock()
        self._open: Hour | None = None
        self._full: list[Hour] = []
        self._numbers: dict[str, int] = {}
        self._recovered = False
        self._term = 0
        self.stopped: Callable[[], bool] = lambda: False

    def take(self, readings: Readings) -> None:
        """Add what was just measured."""
        if not readings.names:
            return
        now = self._clock.now()
        hour, second = divmod(int(now), HOUR_S)
        with self._lock:
            self._hour(hour).add(second // self._step_s, readings)

    def forget(self) -> None:
        """Forget all that is in memory: another manager leads."""
        with self._lock:
            self._open, self._full, self._recovered = None, [], False
            self._numbers = {}
            self._term += 1

    def flush(self) -> None:
        """Save what is finished, and turn hours that are over into chunks."""
        if not self._recovered:
            term = self._term
            self._recover()
            self._recovered = term == self._term and not self.stopped()
        with self._lock:
            hour, second = divmod(int(self._clock.now()), HOUR_S)
            if self._open is not None and self._open.at != hour:
                self._hour(hour)
            if self._open is not None:
                self._open.finish_before(second // self._step_s)
            waiting = [*self._full, *([self._open] if self._open is not None else [])]
        for one in waiting:
            self._save(one)
        for one in waiting:
            if one in self._full and self._close(one):
                with self._lock:
                    self._full.remove(one)

    def finish(self) -> None:
        """Save all there is, also of the slot that is not over: nobody will come after."""
        with self._lock:
            if self._open is not None:
                self._open.finish()
            waiting = [*self._full, *([self._open] if self._open is not None else [])]
        for one in waiting:
            self._save(one)

    def in_memory(self, name: str) -> list[tuple[int, Chunk]]:
        """Return what memory has of an object, as hours with their chunks, oldest first."""
        with self._lock:
            found = [*self._full, *([self._open] if self._open is not None else [])]
            both = [(hour, hour.series(name)) for hour in found]
        return [(hour.at, Chunk(hour.step_s, codes)) for hour, codes in both if codes is not None]

    @property
    def recovered(self) -> bool:
        """Say whether every tail in the database is of this manager, and so in memory too."""
        return self._recovered

    def _hour(self, at: int) -> Hour:
        """Return the open hour, which is a new one whenever the clock shows another."""
        if self._open is None or self._open.at != at:
            if self._open is not None:
                self._open.finish()
                self._full.append(self._open)
            self._open = Hour(at, self._step_s)
        return self._open

    def _save(self, hour: Hour) -> None:
        """Write the slots that are not saved as tails; on failure they stay for the next time."""
        with self._lock:
            slots = sorted(hour.unsaved)
            codes = [hour.slots[slot] for slot in slots]
            names = list(hour.names)
            hour.unsaved.clear()
        if not slots:
            return
        try:
            self._write(hour, names, slots, codes)
        except BaseException:
            with self._lock:
                hour.unsaved.update(slots)
            raise

    def _write(self, hour: Hour, names: list[str], slots: list[int], codes: list[Codes]) -> None:
        self._number(names)
        numbers = np.array([self._numbers[name] for name in names], np.uint32)
        order = np.argsort(numbers)
        whole = np.stack([_padded(one, len(names)) for one in codes])
        bodies = []
        for start in range(0, len(names), _TAIL_OBJECTS):
            some = order[start : start + _TAIL_OBJECTS]
            tail = Tail(hour.step_s, tuple(slots), numbers[some], whole[:, :, some])
            bodies.append(encode_tail(tail))
        with self._store.writing() as tx:
            added = [loads.add_tail(tx, hour.at, body) for body in bodies]
        hour.tails += added

    def _number(self, names: Sequence[str]) -> None:
        new = [name for name in names if name not in self._numbers]
        for start in range(0, len(new), BATCH):
            with self._store.writing() as tx:
                found = loads.numbers(tx, new[start : start + BATCH])
            self._numbers |= found

    def _close(self, hour: Hour) -> bool:
        """Write the chunks of an hour and drop its tails; False if stopped before."""
        for names, codes in hour.blocks(BATCH):
            if self.stopped():
                return False
            self._number(names)
            self._put(hour, [self._numbers[name] for name in names], codes)
        with self._store.writing() as tx:
            loads.drop_tails(tx, hour.at, hour.tails)
        # Objects of hours ago are asked for again, so that those in use count as such.
        with self._lock:
            kept = set(self._open.names) if self._open is not None else set()
        self._numbers = {name: self._numbers[name] for name in kept if name in self._numbers}
        return True

    def _put(self, hour: Hour, numbers: Sequence[int], codes: Codes) -> None:
        """Write chunks; one that is there already (a restart, a clock set back) is merged."""
        with self._store.reading() as tx:
            old = loads.chunks_of(tx, hour.at, numbers)
        bodies = dict(zip(numbers, encode_chunks(hour.step_s, codes), strict=True))
        for place, number in enumerate(numbers):
            if number in old:
                new = Chunk(hour.step_s, codes[place])
                bodies[number] = _merged(old[number], new) or bodies[number]
        found = [(number, body) for number, body in bodies.items() if body is not None]
        with self._store.writing() as tx:
            loads.put_chunks(tx, hour.at, found)

    def _recover(self) -> None:
        """Turn the tails of the manager before into chunks."""
        with self._store.reading() as tx:
            hours = loads.tail_hours(tx)
        for at in hours:
            with self._store.reading() as tx:
                found = loads.tails(tx, at)
            for hour in _hours(at, [body for _, body in found]):
                for names, codes in hour.blocks(BATCH):
                    if self.stopped():
                        return
                    self._put(hour, [int(name) for name in names], codes)
            with self._store.writing() as tx:
                loads.drop_tails(tx, at, [number for number, _ in found])


def _hours(at: int, bodies: Sequence[bytes]) -> list[Hour]:
    """Return what tails say of an hour, one `Hour` for each step; its names are numbers."""
    tails = []
    for body in bodies:
        try:
            tails.append(decode_tail(body))
        except StoreFailed as error:
            log.warning("a gap in the loads of hour %d: %s", at, error.message)
    found = []
    for step_s in sorted({tail.step_s for tail in tails}):
        mine = [tail for tail in tails if tail.step_s == step_s]
        every = np.unique(np.concatenate([tail.objects for tail in mine]))
        hour = Hour(at, step_s)
        hour.names = [str(number) for number in every]
        for tail in mine:
            places = np.searchsorted(every, tail.objects)
            for slot, codes in zip(tail.slots, tail.codes, strict=True):
                wide = np.zeros((codes.shape[0], len(every)), np.uint16)
                wide[:, places] = codes
                hour.put(slot, wide)
        found.append(hour)
    return found


def _merged(old: bytes, new: Chunk) -> bytes | None:
    try:
        both = merge_chunks(decode_chunk(old), new)
    except StoreFailed as error:
        log.warning("an hour of loads is replaced: %s", error.message)
        return None
    return encode_chunks(both.step_s, both.codes[None])[0]


def _padded(codes: Codes, objects: int) -> Codes:
    return np.pad(codes, ((0, 0), (0, objects - codes.shape[1])))
