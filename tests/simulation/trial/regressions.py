"""Trials that failed once, kept for ever: a file with a line of JSON for each."""

import json
from pathlib import Path
from typing import Any

import msgspec

from tests.simulation.trial.play import Event, Outcome

FILE = Path(__file__).with_name("regressions.jsonl")


def kept() -> dict[int, tuple[Event, ...]]:
    """Return the scripts that are kept, by seed."""
    found = {}
    for line in FILE.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found[int(row["seed"])] = tuple(Event(*one) for one in row["events"])
    return found


def line(seed: int, events: tuple[Event, ...], wrong: str) -> str:
    """Return the line that keeps a script; `wrong` is what it showed."""
    rows = [[one.ticks, one.kind, one.seed] for one in events]
    return json.dumps({"seed": seed, "was": wrong[:120], "events": rows})


def plain(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as JSON has it."""
    found: dict[str, Any] = msgspec.to_builtins(outcome)
    return found
