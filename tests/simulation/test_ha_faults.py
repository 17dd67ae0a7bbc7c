"""Hundreds of failures of hosts, networks, BMCs and managers: no VM ever runs twice.

The world judges, never our own records. Then the same with builds that are broken on purpose:
each must be caught within a thousand faults. A failing seed can be run alone.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from anypool.engine.ha import guard
from anypool.engine.observing import vitals
from anypool.model import APART_S, HostId, PowerOff, Proof
from anypool.plan import Reason
from anypool.planner.ha import decide as deciding
from anypool.planner.ha.brake import Situation
from anypool.planner.ha.decide import Case, Decision, Recover
from anypool.planner.ha.detect import ALIVE, Condition, Heard, Verdict, Word, detect
from anypool.planner.ha.detect import Path as Way
from anypool.planner.ha.life import Life, refuted
from tests.simulation.ha_trouble import HaTrouble, Wrong
from tests.simulation.ha_yard import HaYard

SEEDS = range(max(2, int(os.environ.get("TEST_SEEDS", "24")) // 12))
FAULTS_EACH = 25
MOST = 1000
"""A broken build must be caught within so many faults."""


def troubled(folder: Path, seed: int, *, settle: bool) -> int:
    """Return how many faults were survived; with `settle` all must be well after them."""
    folder.mkdir()
    yard = HaYard(folder, seed=seed)
    yard.warm()
    trouble = HaTrouble(yard)
    try:
        while trouble.count < FAULTS_EACH:
            trouble.strike()
        if settle:
            trouble.over()
    finally:
        yard.close()
    return trouble.count


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_runs_twice_whatever_fails(tmp_path: Path, seed: int) -> None:
    assert troubled(tmp_path / "it", seed, settle=True) == FAULTS_EACH


def without_proof(patch: pytest.MonkeyPatch) -> None:
    """Start elsewhere because nobody answers."""

    def decided(case: Case, situation: Situation) -> Decision:
        silent = case.verdict.condition not in (*ALIVE, Condition.SUSPECT)
        if silent and case.at_risk:
            now = situation.now
            return Recover(PowerOff(host=case.verdict.host, first_at=now - APART_S, at=now))
        return deciding.decide(case, situation)

    def nothing(self: object, proofs: object) -> None:
        return None

    patch.setattr(guard, "decide", decided)
    patch.setattr(vitals.Vitals, "against", nothing)


def with_one_reading(patch: pytest.MonkeyPatch) -> None:
    """Believe the first reading of the power."""

    proven = vitals.Vitals.proof

    def believed(self: vitals.Vitals, host: HostId) -> Proof | None:
        read = self.power(host)
        if read.word is not Word.OFF:
            return proven(self, host)
        once = PowerOff(host=host, first_at=read.asked_at - APART_S, at=read.asked_at)
        return once if refuted(once, self.life(host)) is None else None

    patch.setattr(vitals.Vitals, "proof", believed)


def deaf_to_life(patch: pytest.MonkeyPatch) -> None:
    """Believe a BMC whatever the other paths say."""

    def detected(
        host: HostId, heard: tuple[Heard, ...], now: float, *, silent_s: float, fresh_s: float
    ) -> Verdict:
        known = tuple(one for one in heard if one.path in (Way.MANAGEMENT, Way.BMC))
        return detect(host, known, now, silent_s=silent_s, fresh_s=fresh_s)

    def refuted(proof: Proof, life: Life) -> Reason | None:
        return None

    patch.setattr(guard, "detect", detected)
    patch.setattr(vitals, "refuted", refuted)
    patch.setattr(vitals.Vitals, "listens", lambda *_: None)
    patch.setattr(deciding, "refuted", refuted)


def without_brake(patch: pytest.MonkeyPatch) -> None:
    """Switch off whatever is silent."""

    def free(situation: Situation, verdict: Verdict) -> None:
        return None

    patch.setattr(deciding, "brake", free)


BROKEN: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "without-proof": without_proof,
    "with-one-reading": with_one_reading,
    "deaf-to-life": deaf_to_life,
    "without-brake": without_brake,
}


@pytest.mark.parametrize("how", BROKEN)
def test_broken_build_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    BROKEN[how](monkeypatch)
    faults = 0
    for seed in range(MOST // FAULTS_EACH):
        try:
            faults += troubled(tmp_path / f"{seed}", seed, settle=False)
        except Wrong:
            return
    raise AssertionError(f"{faults} faults, and nobody noticed")
