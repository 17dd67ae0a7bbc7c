"""Play many trials at once: `python -m tests.simulation.trial --faults 10000 [--seed N]`.

The last line is JSON. A trial that fails prints its seed, how to play it again, and the shortest
script found. With `--log FILE` every trial is a line there, and the next run goes on behind it.
"""

import argparse
import json
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

from tests.simulation.trial import regressions
from tests.simulation.trial.play import Event, Outcome, play, script
from tests.simulation.trial.shrink import shrunk

YEAR_S = 365.25 * 86_400
SAY_EVERY_S = 30.0


def main() -> int:
    given = _parser().parse_args()
    logging.disable(logging.CRITICAL)
    if given.play is not None:
        return _one(given.play)
    begun = time.monotonic()
    total = _Total()
    first = given.seed
    if given.log is not None:
        first = total.resume(given.log, given.seed)
    for outcome in _outcomes(first, given.processes, total, given.faults):
        total.add(outcome)
        if given.log is not None:
            _write(given.log, outcome)
        if outcome.wrong:
            _tell(outcome, shrink=given.shrink)
        total.say_now_and_then(begun)
    print(json.dumps({"by_kind": dict(sorted(total.struck.items()))}))
    print(json.dumps(total.figures(time.monotonic() - begun)))
    return 1 if total.wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.trial")
    parser.add_argument("--faults", type=int, default=10_000, help="stop after so many")
    parser.add_argument("--seed", type=int, default=1, help="the first seed; others follow")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--log", type=Path, help="write a line for each trial; go on behind it")
    parser.add_argument("--play", type=int, metavar="SEED", help="play one trial, and tell it")
    parser.add_argument("--no-shrink", dest="shrink", action="store_false")
    return parser


class _Total:
    """What came of all trials."""

    def __init__(self) -> None:
        self.struck: Counter[str] = Counter()
        self.trials = self.wrong = self.deeds = 0
        self.host_s = 0.0
        self.said_at = 0.0

    @property
    def faults(self) -> int:
        return sum(self.struck.values())

    def add(self, outcome: Outcome) -> None:
        self.struck.update(outcome.struck)
        self.trials += 1
        self.wrong += bool(outcome.wrong)
        self.deeds += outcome.deeds
        self.host_s += outcome.host_s

    def resume(self, log: Path, seed: int) -> int:
        """Take over what a log has; return the seed to go on with."""
        if not log.exists():
            return seed
        for line in log.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            self.add(Outcome(**row))
            seed = max(seed, row["seed"] + 1)
        return seed

    def figures(self, seconds: float) -> dict[str, float]:
        return {
            "faults": self.faults,
            "violations": self.wrong,
            "host_years": round(self.host_s / YEAR_S, 3),
            "seconds": round(seconds, 1),
            "trials": self.trials,
            "orders": self.deeds,
        }

    def say_now_and_then(self, begun: float) -> None:
        now = time.monotonic()
        if now - self.said_at > SAY_EVERY_S:
            self.said_at = now
            print(json.dumps(self.figures(now - begun)), file=sys.stderr, flush=True)


def _outcomes(first: int, processes: int, total: _Total, most: int) -> Iterator[Outcome]:
    """Yield what came of one trial after the other, until there were faults enough."""

    def seeds() -> Iterator[int]:
        seed = first
        while total.faults < most:
            yield seed
            seed += 1

    if processes == 1:
        yield from map(play, seeds())
        return
    with get_context("spawn").Pool(processes, logging.disable, (logging.CRITICAL,)) as pool:
        waiting, coming = [], seeds()
        while True:
            while len(waiting) < 2 * processes and (seed := next(coming, None)) is not None:
                waiting.append(pool.apply_async(play, (seed,)))
            if not waiting:
                return
            yield waiting.pop(0).get()


def _write(log: Path, outcome: Outcome) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(regressions.plain(outcome)) + "\n")


def _tell(outcome: Outcome, *, shrink: bool) -> None:
    print(f"seed {outcome.seed}: {outcome.wrong}")
    print(f"again: python -m tests.simulation.trial --play {outcome.seed}")
    if shrink:
        events = shrunk(outcome.seed, outcome.wrong)
        of = len(script(outcome.seed))
        print(f"{len(events)} of {of} lines do; to keep them in {regressions.FILE.name}:")
        print(regressions.line(outcome.seed, events, outcome.wrong), flush=True)


def _one(seed: int) -> int:
    """Play a trial and tell everything; those that are kept play what was kept of them."""
    kept: tuple[Event, ...] | None = regressions.kept().get(seed)
    outcome = play(seed, kept, trace=print)
    print(json.dumps(regressions.plain(outcome)))
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
