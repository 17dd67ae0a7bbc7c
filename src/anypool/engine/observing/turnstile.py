"""A bound on how many readings begin at once, that nobody who hangs can use up."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from anypool.clock import Clock


class Turnstile:
    """Lets so many in at once; whoever stays longer than `patience_s` no longer counts.

    Thousands of endpoints that are read at the same moment would all wait for each other
    until their deadlines. One that hangs must not keep the others out for long.
    """

    def __init__(self, slots: int, patience_s: float, clock: Clock) -> None:
        self._slots = slots
        self._patience_s = patience_s
        self._clock = clock
        self._inside: dict[int, float] = {}
        self._number = 0
        self._changed = threading.Condition()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a place, and give it back at the end."""
        number = self._enter()
        try:
            yield
        finally:
            with self._changed:
                del self._inside[number]
                self._changed.notify()

    def _enter(self) -> int:
        with self._changed:
            while True:
                now = self._clock.monotonic()
                counting = [until for until in self._inside.values() if until > now]
                if len(counting) < self._slots:
                    self._number += 1
                    self._inside[self._number] = now + self._patience_s
                    return self._number
                self._changed.wait(min(counting) - now)
