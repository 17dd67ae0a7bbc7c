import threading
import time

import pytest

from anypool.clock import ManualClock, SystemClock


def test_manual_time_moves_only_when_told() -> None:
    clock = ManualClock(start=100.0)
    assert (clock.now(), clock.monotonic()) == (100.0, 0.0)
    clock.advance(2.5)
    assert (clock.now(), clock.monotonic()) == (102.5, 2.5)
    with pytest.raises(ValueError, match="back"):
        clock.advance(-1)


def test_a_manual_wait_lets_its_time_pass_unless_it_is_fulfilled() -> None:
    clock, event = ManualClock(), threading.Event()
    assert clock.wait(event, 5.0) is False
    assert clock.monotonic() == 5.0
    event.set()
    assert clock.wait(event, 5.0) is True
    assert clock.monotonic() == 5.0


def test_system_time() -> None:
    clock, event = SystemClock(), threading.Event()
    before = clock.monotonic()
    assert clock.wait(event, 0.01) is False
    assert clock.monotonic() > before
    event.set()
    assert clock.wait(event, 10.0) is True
    assert clock.now() > 1_600_000_000


def test_system_time_counts_the_sleep_of_the_machine() -> None:
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    now = SystemClock().monotonic()
    assert before <= now <= time.clock_gettime(time.CLOCK_BOOTTIME)
