"""Trials of everything: those that failed once, broken builds, and that a seed is a trial.

`make simulate` plays ten thousand faults of new seeds; here is what must be so of the trials.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from anypool.clock import Clock
from anypool.store import Store
from tests.simulation.trial import faults, regressions, shrink, straight, wishes
from tests.simulation.trial.broken import BROKEN, build
from tests.simulation.trial.play import CALM, Event, Outcome, play, script
from tests.simulation.trial.shrink import Search, kind_of, merged
from tests.simulation.trial.tally import Tally

MOST = 1000
"""A broken build must be caught within so many faults."""
FIRST = 2
CAUGHT = {
    "skip-proof": {"proof", "twice"},
    "skip-epoch": {"epoch"},
    "skip-lease": {"lease", "twice"},
    "skip-brake": {"brake"},
    "skip-both-sides": {"twice", "proof"},
    "skip-unseen": {"twice", "proof"},
}


@pytest.mark.parametrize("how", BROKEN)
def test_broken_build_is_caught(how: str) -> None:
    """From the first seed on, so that the number of faults is as it is."""
    count, seed = 0, FIRST
    while count < MOST:
        with build(how):
            outcome = play(seed)
        count, seed = count + outcome.faults, seed + 1
        if outcome.wrong:
            assert kind_of(outcome.wrong) in CAUGHT[how], outcome.wrong
            return
    pytest.fail(f"{count} faults, and nobody noticed")


def test_what_failed_once_does_not_fail_again() -> None:
    for seed, events in sorted(regressions.kept().items()):
        assert play(seed, events).wrong == "", seed


def traced(seed: int, lines: int) -> list[str]:
    """Return everything that happened in a part of a trial."""
    told: list[str] = []
    play(seed, script(seed)[:lines], trace=told.append)
    return told


def test_seed_is_a_trial_in_any_process() -> None:
    """The same happens again where sets are in another order."""
    mine = traced(5, 90)
    here = "from tests.simulation.test_trial import traced"
    code = f"{here}; print(*traced(5, 90), sep='\\n')"
    for order in ("1", "2"):
        other = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": order},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        assert other.stdout.splitlines() == mine


def test_the_store_is_the_same_without_the_way_through_sqlalchemy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mine = traced(7, 60)

    def opened(file: Path, clock: Clock) -> Store:
        return Store.open(f"sqlite:///{file}", clock=clock)

    monkeypatch.setattr(straight, "open_store", opened)
    assert traced(7, 60) == mine


def test_every_script_is_understood() -> None:
    known = {*faults.BY_NAME, *(f"+{name}" for name in wishes.BY_NAME), "quiet"}
    assert {event.kind for seed in range(50) for event in script(seed)} <= known


def test_a_search_goes_on_behind_its_log(tmp_path: Path) -> None:
    log = tmp_path / "soak.jsonl"
    first = Tally(7, log)
    first.add(Outcome(seed=7, struck={"F1": 2}, host_s=60.0, deeds=3))
    first.add(Outcome(seed=8, struck={"F1": 1, "F2": 4}, wrong="twice: it ran", host_s=60.0))
    first.close()
    again = Tally(7, log)
    assert again.first == 9
    assert (again.faults, again.wrong, again.trials, again.orders) == (7, 1, 2, 3)
    again.add(Outcome(seed=9, struck={"F2": 1}))
    again.close()
    assert len(log.read_text().splitlines()) == 2
    assert Tally(7, log).faults == 8


def needing(*kinds: str) -> tuple[list[tuple[Event, ...]], Callable[[tuple[Event, ...]], bool]]:
    """Return what is tried, and what fails when lines of these kinds are there in this order."""
    tried: list[tuple[Event, ...]] = []

    def fails(events: tuple[Event, ...]) -> bool:
        tried.append(events)
        left = iter(one.kind for one in events)
        return all(kind in left for kind in kinds)

    return tried, fails


LINES = tuple(Event(number % 2, f"line {number}", number) for number in range(200))


def test_a_script_is_shrunk_to_the_lines_that_matter_and_none_is_tried_twice() -> None:
    tried, fails = needing("line 3", "line 150", "line 151")
    search = Search(LINES, fails)
    search.cut(170)
    search.run()
    assert [one.kind for one in search.best] == ["line 3", "line 150", "line 151"]
    assert len(tried) == len(set(tried)) < 120


def test_calm_lines_that_follow_each_other_are_one() -> None:
    calm, other = Event(2, CALM, 0), Event(1, "cut", 5)
    still = Event(0, CALM, 0)
    assert merged((still, other, calm, still, calm, other)) == (other, Event(4, CALM, 0), other)


def test_shrinking_ends_within_its_budget_with_the_best_so_far(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also in a trial that never ends by itself, and whatever that catches."""

    def endless(seed: int, events: tuple[Event, ...] = LINES) -> Outcome:
        while len(events) < 100:
            with suppress(Exception):
                sum(range(1000))
        return Outcome(seed=seed, wrong="twice: it ran", at=len(events))

    monkeypatch.setattr(shrink, "script", lambda seed: LINES)
    monkeypatch.setattr(shrink, "play", endless)
    found = shrink.shrunk(5, "twice: somewhere else", budget_s=0.2)
    assert {one.kind for one in found} == {CALM}


def test_of_what_is_wrong_in_the_end_it_counts_what() -> None:
    assert kind_of("end: down: {'v1': 3}") != kind_of("end: no end: run-1 is running")
    assert kind_of("end: down: {'v1': 3}") == kind_of("end: down: {'v2': 3}")
    assert kind_of("twice: h1: h2") == "twice"
