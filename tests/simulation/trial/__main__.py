"""Play many trials at once: `python -m tests.simulation.trial --faults 10000 [--seed N]`.

The last line is JSON. A trial that fails prints its seed, how to play it again, and the shortest
script found within a budget; `--shrink SEED` looks for that of one seed. With `--log FILE` fifty
trials are a line there, and the next run goes on behind it.
"""

import argparse
import json
import logging
import os
import signal
import sys
from pathlib import Path

from tests.simulation.trial import regressions
from tests.simulation.trial.many import outcomes
from tests.simulation.trial.play import Event, Outcome, play, script
from tests.simulation.trial.shrink import BUDGET_S, shrunk
from tests.simulation.trial.tally import Tally


def main() -> int:
    given = _parser().parse_args()
    logging.disable(logging.CRITICAL)
    if given.play is not None:
        return _one(given.play)
    if given.shrink_seed is not None:
        return _shrunk(given.shrink_seed, given.budget)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    total = Tally(given.seed, given.log)
    try:
        for outcome in outcomes(total, given.processes, given.faults):
            total.add(outcome)
            if outcome.wrong:
                _tell(outcome, given.budget)
            total.say_now_and_then()
    finally:
        total.close()
    print(json.dumps({"by_kind": dict(sorted(total.struck.items()))}))
    print(json.dumps(total.figures()))
    return 1 if total.wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.trial")
    parser.add_argument("--faults", type=int, default=10_000, help="stop after so many")
    parser.add_argument("--seed", type=int, default=1, help="the first seed; others follow")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--log", type=Path, help="write what came of them; go on behind it")
    parser.add_argument("--play", type=int, metavar="SEED", help="play one trial, and tell it")
    parser.add_argument("--shrink", type=int, metavar="SEED", dest="shrink_seed")
    parser.add_argument(
        "--budget", type=float, default=BUDGET_S, help="seconds of a CPU to shrink one; 0: do not"
    )
    return parser


def _tell(outcome: Outcome, budget_s: float) -> None:
    print(f"seed {outcome.seed}: {outcome.wrong}")
    print(f"again: python -m tests.simulation.trial --play {outcome.seed}")
    if budget_s > 0:
        events = shrunk(outcome.seed, outcome.wrong, budget_s)
        of = len(script(outcome.seed))
        print(f"{len(events)} of {of} lines do; to keep them in {regressions.FILE.name}:")
        print(regressions.line(outcome.seed, events, outcome.wrong), flush=True)


def _shrunk(seed: int, budget_s: float) -> int:
    """Play a trial, and tell as few of its lines as fail; return whether it fails."""
    outcome = play(seed)
    if outcome.wrong:
        _tell(outcome, budget_s)
    return 1 if outcome.wrong else 0


def _one(seed: int) -> int:
    """Play a trial and tell everything; those that are kept play what was kept of them."""
    kept: tuple[Event, ...] | None = regressions.kept().get(seed)
    outcome = play(seed, kept, trace=print)
    print(json.dumps(regressions.plain(outcome)))
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
