"""What came of many trials, and the log that a long search goes on behind.

A line of the log is a block of trials whose seeds follow each other: how many faults struck, of
which kinds, for how many host seconds, and what was wrong, by seed. A million faults are some
hundred and fifty lines.
"""

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tests.simulation.trial.play import Outcome

YEAR_S = 365.25 * 86_400
SAY_EVERY_S = 30.0
BLOCK = 50
"""So many trials are a line; those of a line that was not finished are played again."""


class Block(Struct):
    """Trials whose seeds follow each other."""

    first: int
    trials: int = 0
    host_s: float = 0.0
    orders: int = 0
    seconds: float = 0.0
    wrong: dict[str, str] = {}
    struck: dict[str, int] = {}

    def add(self, outcome: Outcome) -> None:
        self.trials += 1
        self.host_s = round(self.host_s + outcome.host_s, 1)
        self.orders += outcome.deeds
        if outcome.wrong:
            self.wrong[str(outcome.seed)] = outcome.wrong[:200]
        for kind, count in outcome.struck.items():
            self.struck[kind] = self.struck.get(kind, 0) + count


class Tally:
    """The sum of all blocks; with a log, also of those that it has already."""

    def __init__(self, first: int, log: Path | None = None) -> None:
        self._log = log
        self._begun = self._block_at = time.monotonic()
        self._said_at = 0.0
        self._before_s = 0.0
        self.struck: Counter[str] = Counter()
        self.trials = self.wrong = self.orders = 0
        self.host_s = 0.0
        if log is not None and log.exists():
            for line in log.read_text(encoding="utf-8").splitlines():
                block = msgspec.json.decode(line, type=Block)
                self._sum(block)
                self._before_s += block.seconds
                first = max(first, block.first + block.trials)
        self.first = first
        self._block = Block(first)

    @property
    def faults(self) -> int:
        return sum(self.struck.values())

    def add(self, outcome: Outcome) -> None:
        """Take what came of the next trial."""
        one = Block(outcome.seed)
        one.add(outcome)
        self._sum(one)
        self._block.add(outcome)
        if self._block.trials == BLOCK:
            self.close()

    def close(self) -> None:
        """Write the block as it is, if there is one."""
        if self._log is not None and self._block.trials:
            now = time.monotonic()
            self._block.seconds, self._block_at = round(now - self._block_at, 1), now
            with self._log.open("ab") as file:
                file.write(msgspec.json.encode(self._block, order="deterministic") + b"\n")
        self._block = Block(self._block.first + self._block.trials)

    def figures(self) -> dict[str, Any]:
        """Return the last line of a search."""
        return {
            "faults": self.faults,
            "violations": self.wrong,
            "host_years": round(self.host_s / YEAR_S, 3),
            "seconds": round(self._before_s + time.monotonic() - self._begun, 1),
            "trials": self.trials,
            "orders": self.orders,
        }

    def say_now_and_then(self) -> None:
        """Say how far it is, to whoever watches."""
        now = time.monotonic()
        if now - self._said_at > SAY_EVERY_S:
            self._said_at = now
            print(json.dumps(self.figures()), file=sys.stderr, flush=True)

    def _sum(self, block: Block) -> None:
        self.struck.update(block.struck)
        self.trials += block.trials
        self.wrong += len(block.wrong)
        self.orders += block.orders
        self.host_s += block.host_s
