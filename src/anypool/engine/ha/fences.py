"""Which hosts were switched off of late; a clock that jumps makes none of them old."""

from msgspec import Struct

from anypool.clock import Clock
from anypool.model import HostId, PlanId
from anypool.store import Store, ha

KEPT_S = 86_400.0
"""Fences of longer ago are of no interest to any policy."""


class Fence(Struct, frozen=True, gc=False):
    """Who was switched off, when by the clock of the wall, and when by one that nobody sets."""

    host: HostId
    at: float
    ticks: float


class Fences:
    """The records of the last fences, each with how long ago it was when it was first read here.

    Records bear the time of the wall, which people set; from then on what passes is measured.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._seen: dict[PlanId, Fence] = {}
        self._begun: dict[HostId, float] = {}

    def begin(self) -> None:
        """Read what was done before this manager led: whoever sets the clock after this is late."""
        self.recent(KEPT_S, 0.0)

    def begun(self, host: HostId) -> None:
        """Take note that a host is about to be switched off from here, whatever clocks say."""
        self._begun[host] = self._clock.monotonic()

    def recent(self, within_s: float, now: float) -> tuple[tuple[HostId, float], ...]:
        """Return who was switched off within so many seconds before `now`, and when.

        One that seems to lie ahead is taken as one of this moment when it is first read.
        """
        wall, ticks = self._clock.now(), self._clock.monotonic()
        with self._store.reading() as tx:
            for plan, host, at in ha.fences(tx, wall - within_s):
                known = self._seen.get(plan)
                if known is None or known.at != at:
                    self._seen[plan] = Fence(host, at, ticks - max(0.0, wall - at))
        self._seen = {plan: one for plan, one in self._seen.items() if ticks - one.ticks < KEPT_S}
        ages = ((one.host, ticks - one.ticks) for _, one in sorted(self._seen.items()))
        found = [(host, now - age_s) for host, age_s in ages if age_s < within_s]
        named = {host for host, _ in found}
        mine = ((host, ticks - at) for host, at in sorted(self._begun.items()) if host not in named)
        return (*found, *((host, now - age_s) for host, age_s in mine if age_s < within_s))
