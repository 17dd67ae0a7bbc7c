"""A clock that never goes back nor jumps, for what must be told before and after."""

import threading

from anypool.clock import Clock

STEP_S = 1e-6


class Moments:
    """Seconds since 1970 as they were at first, counted on by what nobody can set.

    Whatever becomes of the wall clock, moments only grow, and as fast as time passes.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ahead_s = clock.now() - clock.monotonic()
        self._last = 0.0

    def now(self) -> float:
        """Return a moment that is later than all before."""
        with self._lock:
            return self._now()

    def after(self, moment: float) -> None:
        """Let all moments from now on be later than one that was kept before."""
        with self._lock:
            late_s = moment - self._now()
            if late_s > 0:
                self._ahead_s += late_s
                self._last = moment

    def _now(self) -> float:
        self._last = max(self._last + STEP_S, self._clock.monotonic() + self._ahead_s)
        return self._last
