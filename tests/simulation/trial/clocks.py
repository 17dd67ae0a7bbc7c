"""The wall clock of one manager: the world's time, and how wrong it is."""

import threading

from anypool.clock import ManualClock


class Wall:
    """A clock that can be set wrong; what it measures stays right."""

    def __init__(self, base: ManualClock) -> None:
        self._base = base
        self.wrong_s = 0.0

    def now(self) -> float:
        return self._base.now() + self.wrong_s

    def monotonic(self) -> float:
        return self._base.monotonic()

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        return self._base.wait(event, timeout_s)
