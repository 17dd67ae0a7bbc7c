"""Time as a value that is handed in, so that tests can hold it still or let it fly."""

import threading
import time
from typing import Protocol

_STEADY: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """What tells the time; `now` is for people, `monotonic` is for measuring."""

    def now(self) -> float:
        """Return seconds since 1970; it may jump."""
        ...

    def monotonic(self) -> float:
        """Return seconds since some moment; it never goes back."""
        ...

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Wait until the event is set or the time is over; return whether it is set."""
        ...


def backoff(first_s: float, longest_s: float, failures: int) -> float:
    """Return how long to rest after the first failure and so many more in a row, in seconds.

    It doubles with each of them, up to the longest rest.
    """
    return float(min(longest_s, first_s * 2.0 ** min(failures, 10)))


class SystemClock:
    """The machine's own time."""

    def now(self) -> float:
        """Return seconds since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds that only go forward, also while the machine sleeps.

        A lease must not look fresh to a manager that wakes up after another took over.
        """
        return time.clock_gettime(_STEADY)

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Wait until the event is set or `timeout_s` seconds have passed."""
        return event.wait(max(0.0, timeout_s))


class ManualClock:
    """Time that moves only when told to: by `advance`, or by a wait that is not fulfilled."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._start = start
        self._passed = 0.0
        self._moved = threading.Condition()

    def now(self) -> float:
        """Return the start and what has passed since."""
        return self._start + self.monotonic()

    def monotonic(self) -> float:
        """Return the seconds that have passed."""
        with self._moved:
            return self._passed

    def advance(self, seconds: float) -> None:
        """Let time pass; raise `ValueError` if it should go back."""
        if seconds < 0:
            raise ValueError("time does not go back")
        with self._moved:
            self._passed += seconds
            self._moved.notify_all()

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Return at once: fulfilled, or with `timeout_s` seconds passed by this very call."""
        if not event.is_set():
            self.advance(max(0.0, timeout_s))
        return event.is_set()
