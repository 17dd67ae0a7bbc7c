"""Looks that somebody hinted at: soon, but never two of one thing at once or in quick succession.

Whoever can send a hint can make us look, and no more: so hints cost as much as one look every
`GAP_S` for each thing, however many there are.
"""

import logging
import threading
from collections.abc import Callable
from functools import partial

from anypool.clock import Clock
from anypool.engine.threads import LookingAtMany, UnderWay
from anypool.errors import AnypoolError

log = logging.getLogger(__name__)

GAP_S = 2.0
"""Between the beginnings of two looks at one thing."""
MOST = 1000
"""Things that may wait for a look; a hint about one more is left out, it is read anyway."""
AT_ONCE = 4
_IDLE_S = 60.0


class Hints(LookingAtMany):
    """Hints may come from any thread; each look is a function that reads and publishes."""

    def __init__(self, clock: Clock) -> None:
        super().__init__("hints", clock, AT_ONCE)
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[str, Callable[[], object]] = {}
        self._began: dict[str, float] = {}
        self._under_way = UnderWay()

    def note(self, key: str, look: Callable[[], object]) -> None:
        """Have a thing looked at; one that waits already, or is new while too many wait, is not."""
        with self._lock:
            if key in self._waiting or len(self._waiting) >= MOST:
                return
            self._waiting[key] = look
        self.wake()

    def round(self) -> float:
        """Begin the looks that are due; return the seconds until the next one is."""
        now, soonest_s = self._clock.monotonic(), _IDLE_S
        with self._lock:
            self._began = {key: at for key, at in self._began.items() if now - at < GAP_S}
            for key in tuple(self._waiting):
                left_s = GAP_S - (now - self._began.get(key, now - GAP_S))
                if left_s > 0:
                    soonest_s = min(soonest_s, left_s)
                    continue
                task = self._under_way.once(key, partial(_look, key, self._waiting[key]))
                if task is None:  # an earlier one is not over; it may have looked too early
                    soonest_s = min(soonest_s, GAP_S)
                    continue
                del self._waiting[key]
                self._began[key] = now
                self.submit(task)
        return soonest_s


def _look(key: str, look: Callable[[], object]) -> None:
    try:
        look()
    except AnypoolError as error:
        log.info("%s, of which a BMC told something: %s", key, error)
