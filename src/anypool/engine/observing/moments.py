"""A clock that never goes back, for what must be told before and after."""

import threading

from anypool.clock import Clock

STEP_S = 1e-6


class Moments:
    """Seconds since 1970 that only grow, whatever becomes of the wall clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last = 0.0

    def now(self) -> float:
        """Return a moment that is later than all before."""
        with self._lock:
            self._last = max(self._last + STEP_S, self._clock.now())
            return self._last

    def after(self, moment: float) -> None:
        """Let all moments from now on be later than one that was kept before."""
        with self._lock:
            self._last = max(self._last, moment)
