"""The hours of loads that are kept in full, of many objects at once, read hour by hour."""

import logging
from collections.abc import Iterator, Sequence

import numpy as np

from anypool.engine.loads.recorder import Recorder
from anypool.model.metric import COUNT, GAP, Codes
from anypool.store import Store, Tx, loads
from anypool.store.loadcodec import HOUR_S, Chunk, decode_metric, decode_tail

log = logging.getLogger(__name__)


class KeptHours:
    """One metric of some objects in a range of hours since 1970.

    Chunks lie in the database by the hour, so that this order reads each page once.
    """

    def __init__(
        self, store: Store, recorder: Recorder, names: Sequence[str], metric: int, hours: range
    ) -> None:
        self._store = store
        self._metric = metric
        # Memory first: an hour that becomes a chunk meanwhile is then seen twice, not never.
        self._memory: dict[int, dict[int, Codes]] = {}
        for row, name in enumerate(names):
            self._lay(row, recorder.in_memory(name))
        with store.reading() as tx:
            known = loads.known_numbers(tx, names)
            self._rows = {known[name]: row for row, name in enumerate(names) if name in known}
            if not recorder.recovered and hours:
                for number, row in self._rows.items():
                    self._lay(row, tails_of(tx, number, hours))

    def hour(self, hour: int) -> Iterator[tuple[int, Codes]]:
        """Yield the codes of each object that has any in an hour, by its place in the names."""
        left = dict(self._memory.get(hour, {}))
        with self._store.reading() as tx:
            bodies = loads.chunks_of(tx, hour, list(self._rows))
        found, broken = decode_metric(bodies, self._metric)
        for number, error in broken.items():
            log.warning("a gap in hour %d of object %d: %s", hour, number, error.message)
        for number, codes in found.items():
            row = self._rows[number]
            yield row, _over(codes, left.pop(row, None))
        yield from left.items()

    def _lay(self, row: int, found: list[tuple[int, Chunk]]) -> None:
        for hour, chunk in found:
            mine = self._memory.setdefault(hour, {})
            mine[row] = _over(chunk.codes[self._metric], mine.get(row))


def _over(codes: Codes, upper: Codes | None) -> Codes:
    """Return codes of an hour with others laid over them; those of another step replace them."""
    if upper is None or len(upper) != len(codes):
        return codes if upper is None else upper
    return np.where(upper != GAP, upper, codes)


def tails_of(tx: Tx, number: int, hours: range) -> list[tuple[int, Chunk]]:
    """Return what tails of another manager have of an object."""
    found = []
    for hour in loads.tail_hours(tx):
        for _, body in loads.tails(tx, hour) if hour in hours else ():
            tail = decode_tail(body)
            place = int(np.searchsorted(tail.objects, number))
            if place < len(tail.objects) and tail.objects[place] == number:
                codes = np.zeros((COUNT, HOUR_S // tail.step_s), np.uint16)
                codes[:, list(tail.slots)] = tail.codes[:, :, place].T
                found.append((hour, Chunk(tail.step_s, codes)))
    return found
