"""From the hours of a day to one row for each object."""

import logging
from collections.abc import Callable, Sequence

import numpy as np

from anypool.errors import StoreFailed
from anypool.model.metric import COUNT, to_values
from anypool.model.summary import summed
from anypool.store import Store, loads
from anypool.store.loadcodec import DAY_S, decode_chunk, encode_day

log = logging.getLogger(__name__)

BATCH = 200
_LATE_S = 600.0
"""So long after midnight a day is complete: the last hour has become chunks."""


class Rollup:
    """Rolls up days that are over and have chunks; repeating it changes nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def run(self, now: float, go_on: Callable[[], bool]) -> int:
        """Roll up what is due until `go_on` says no; return how many days are done."""
        before = int(now - _LATE_S) // DAY_S
        done = 0
        while go_on():
            with self._store.reading() as tx:
                day = loads.day_to_roll(tx, before)
            if day is None or not self._day(day, go_on):
                break
            done += 1
        return done

    def _day(self, day: int, go_on: Callable[[], bool]) -> bool:
        after = -1
        while go_on():
            with self._store.reading() as tx:
                objects = loads.day_objects(tx, day, after, BATCH)
                found = loads.day_chunks(tx, day, objects) if objects else {}
            rows = [_row(number, bodies) for number, bodies in found.items()]
            with self._store.writing() as tx:
                if rows:
                    loads.put_days(tx, day, rows)
                if len(objects) < BATCH:
                    loads.close_day(tx, day)
                    return True
            after = objects[-1]
        return False


def _row(number: int, bodies: Sequence[bytes]) -> tuple[int, int, bytes]:
    """Return the row of an object for a day: its number, its samples, and the bytes."""
    codes = [np.zeros((COUNT, 0), np.uint16)]
    for body in bodies:
        try:
            codes.append(decode_chunk(body).codes)
        except StoreFailed as error:
            log.warning("a gap in the loads of object %d: %s", number, error.message)
    every = np.concatenate(codes, axis=1)
    values = to_values(every)
    parts = [summed(every[metric], values[metric]) for metric in range(COUNT)]
    return number, max(part.count for part in parts), encode_day(parts)
