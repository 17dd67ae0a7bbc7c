"""A wall clock that people set neither hurries nor holds up what follows a failure."""

import threading

import pytest

from anypool.clock import ManualClock
from anypool.engine.ha.fences import KEPT_S, Fences
from anypool.engine.observing.moments import Moments
from anypool.model import HostId, PlanId
from anypool.store import Store, ha
from tests.unit.store_kit import clock, store

__all__ = ["clock", "store"]
WITHIN_S = 600.0
HOUR_S = 3600.0


class Wall:
    """A clock that somebody sets."""

    def __init__(self, base: ManualClock) -> None:
        self.base = base
        self.wrong_s = 0.0

    def now(self) -> float:
        return self.base.now() + self.wrong_s

    def monotonic(self) -> float:
        return self.base.monotonic()

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        return self.base.wait(event, timeout_s)


def test_moments_pass_as_time_does_whatever_the_wall_says() -> None:
    wall = Wall(ManualClock())
    moments = Moments(wall)
    first = moments.now()
    for wrong_s in (HOUR_S, -HOUR_S, 0.0):
        wall.wrong_s = wrong_s
        wall.base.advance(10)
        second = moments.now()
        assert 9.9 < second - first < 10.1
        first = second


def test_moments_go_on_after_one_that_lay_ahead() -> None:
    base = ManualClock()
    moments = Moments(base)
    kept = moments.now() + HOUR_S
    moments.after(kept)
    base.advance(10)
    assert 9.9 < moments.now() - kept < 10.1


def fenced(store: Store, host: str) -> None:
    with store.writing() as tx:
        ha.note_fence(tx, PlanId(f"p-{host}"), HostId(host))


def keep(store: Store, fences: Fences) -> None:
    aged = fences.aged()
    with store.writing() as tx:
        ha.put_ages(tx, aged)


def test_fence_is_as_old_as_it_is(store: Store, clock: ManualClock) -> None:
    clock.advance(KEPT_S)  # a machine that has been on for long
    wall = Wall(clock)
    fences = Fences(store, wall)
    fenced(store, "h1")
    assert fences.recent(WITHIN_S, 1e9) == (("h1", 1e9),)
    clock.advance(100)
    for wrong_s in (HOUR_S, -HOUR_S):
        wall.wrong_s = wrong_s
        assert fences.recent(WITHIN_S, 1e9) == (("h1", 1e9 - 100),)
    clock.advance(WITHIN_S - 100)
    assert fences.recent(WITHIN_S, 1e9) == ()


def test_fence_counts_once_and_from_its_end(store: Store, clock: ManualClock) -> None:
    fences = Fences(store, Wall(clock))
    fenced(store, "h1")
    assert fences.recent(WITHIN_S, 1e9) == (("h1", 1e9),)
    clock.advance(WITHIN_S - 1)
    fenced(store, "h1")
    clock.advance(2)
    assert fences.recent(WITHIN_S, 1e9) == (("h1", 1e9),), "since it was seen at the latest"


def test_fence_from_here_counts_though_the_clock_jumped_before_it_was_read(
    store: Store, clock: ManualClock
) -> None:
    wall = Wall(clock)
    fences = Fences(store, wall)
    fenced(store, "h1")
    wall.wrong_s = HOUR_S
    assert fences.recent(WITHIN_S, 1e9) == (("h1", 1e9),)
    clock.advance(WITHIN_S + 1)
    assert fences.recent(WITHIN_S, 1e9) == ()


@pytest.mark.parametrize("wrong_s", [HOUR_S, -HOUR_S, 30 * KEPT_S])
def test_fence_of_another_manager_is_as_old_as_that_one_last_kept(
    store: Store, clock: ManualClock, wrong_s: float
) -> None:
    led = Fences(store, clock)
    fenced(store, "h1")
    keep(store, led)
    clock.advance(30)
    keep(store, led)
    clock.advance(WITHIN_S)  # which nobody measures: nobody leads
    wall = Wall(ManualClock())  # nor does the next one know how long this machine has been on
    wall.wrong_s = wrong_s
    fences = Fences(store, wall)
    assert fences.recent(WITHIN_S, 1e9) == (("h1", 1e9 - 30),)
    wall.base.advance(20)
    keep(store, fences)
    assert Fences(store, clock).recent(WITHIN_S, 1e9) == (("h1", 1e9 - 50),)


def test_fence_that_is_noted_while_ages_are_kept_stays_new(
    store: Store, clock: ManualClock
) -> None:
    fences = Fences(store, clock)
    fenced(store, "h1")
    clock.advance(100)
    aged = fences.aged()
    clock.advance(1)
    fenced(store, "h1")
    with store.writing() as tx:
        ha.put_ages(tx, aged)
    assert Fences(store, clock).recent(WITHIN_S, 1e9) == (("h1", 1e9),)


def test_fences_of_longer_ago_are_read_no_more(store: Store, clock: ManualClock) -> None:
    fences = Fences(store, clock)
    fenced(store, "h1")
    fences.aged()
    clock.advance(KEPT_S + 1)
    keep(store, fences)
    assert fences.aged() == ()
