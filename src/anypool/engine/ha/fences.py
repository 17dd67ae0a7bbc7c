"""Which hosts were switched off of late; a clock that jumps makes none of them old."""

import threading

from msgspec.structs import replace

from anypool.clock import Clock
from anypool.model import HostId, PlanId
from anypool.store import Store, ha
from anypool.store.ha import Fence

KEPT_S = 86_400.0
"""Fences of longer ago are of no interest to any policy."""


class Fences:
    """The records of the last fences, each as old as was measured by whoever led since.

    People set the time of the wall, so nobody counts by it: who leads keeps how old each fence
    is by a clock that only goes on, and who takes over goes on from there. Time in which nobody
    led makes none of them older, nor does what passed since their ages were last kept.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._turn = threading.Lock()
        self._seen: dict[PlanId, tuple[Fence, float]] = {}

    def recent(self, within_s: float, now: float) -> tuple[tuple[HostId, float], ...]:
        """Return who was switched off within so many seconds before `now`, and when."""
        return tuple((one.host, now - one.age_s) for one in self.aged() if one.age_s < within_s)

    def aged(self) -> tuple[Fence, ...]:
        """Return the fences of the last day, by plan, each as old as it is by now."""
        with self._turn:
            with self._store.reading() as tx:
                kept = ha.fences(tx, KEPT_S)
            ticks = self._clock.monotonic()
            seen = {one.plan: (one, ticks - one.age_s) for one in kept}
            for plan, known in self._seen.items():
                if plan in seen and seen[plan][0].at == known[0].at:
                    seen[plan] = known
            self._seen = seen
        return tuple(replace(one, age_s=ticks - at) for _, (one, at) in sorted(seen.items()))
