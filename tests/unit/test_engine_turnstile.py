"""Readings wait for a place, but not for one that hangs."""

import threading
import time

from anypool.clock import SystemClock
from anypool.engine.observing.turnstile import Turnstile


class Visitor:
    """Somebody who goes in, and stays until told to go."""

    def __init__(self, turnstile: Turnstile) -> None:
        self.inside = threading.Event()
        self.go = threading.Event()
        self._turnstile = turnstile
        self._thread = threading.Thread(target=self._visit)
        self._thread.start()

    def _visit(self) -> None:
        with self._turnstile.turn():
            self.inside.set()
            self.go.wait(10)

    def leave(self) -> None:
        self.go.set()
        self._thread.join(10)


def visitors(slots: int, patience_s: float, count: int) -> list[Visitor]:
    turnstile = Turnstile(slots, patience_s, SystemClock())
    return [Visitor(turnstile) for _ in range(count)]


def await_inside(every: list[Visitor], count: int) -> None:
    deadline = time.monotonic() + 10
    while sum(one.inside.is_set() for one in every) < count:
        assert time.monotonic() < deadline, f"{count} never came in"
        every[-1].inside.wait(0.01)


def test_so_many_are_inside_at_once_and_the_next_follows_when_one_leaves() -> None:
    every = visitors(2, 60.0, 5)
    for already in (2, 3, 4, 5):
        await_inside(every, already)
        assert sum(one.inside.is_set() for one in every) == already
        next(one for one in every if one.inside.is_set() and not one.go.is_set()).leave()
    for one in every:
        one.leave()


def test_who_hangs_keeps_nobody_out_for_longer_than_patience() -> None:
    every = visitors(2, 0.2, 5)
    await_inside(every, 5)
    for one in every:
        one.leave()
