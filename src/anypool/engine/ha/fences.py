"""Which hosts were switched off of late; a clock that jumps makes none of them old."""

from anypool.clock import Clock
from anypool.model import HostId
from anypool.store import Store, ha

KEPT_S = 86_400.0
"""Fences of longer ago are of no interest to any policy."""

Row = tuple[HostId, float]


class Fences:
    """The records of the last fences, each with how long ago it was when it was first read here.

    Records bear the time of the wall, which people set; from then on what passes is measured.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._seen: dict[Row, float] = {}

    def recent(self, within_s: float, now: float) -> tuple[Row, ...]:
        """Return who was switched off within so many seconds before `now`, and when.

        One that seems to lie ahead is taken as one of this moment when it is first read.
        """
        wall, ticks = self._clock.now(), self._clock.monotonic()
        with self._store.reading() as tx:
            for row in ha.fences(tx, wall - within_s):
                age_s = max(0.0, wall - row[1])
                self._seen.setdefault(row, ticks - age_s)
        self._seen = {row: at for row, at in self._seen.items() if ticks - at < KEPT_S}
        ages = ((row[0], ticks - at) for row, at in sorted(self._seen.items()))
        return tuple((host, now - age_s) for host, age_s in ages if age_s < within_s)
