"""Trials one after the other, in as many processes as there are CPUs."""

import gc
import logging
import signal
from collections import deque
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.pool import AsyncResult

from tests.simulation.trial.play import Outcome, play
from tests.simulation.trial.tally import Tally


def outcomes(total: Tally, processes: int, most: int) -> Iterator[Outcome]:
    """Yield what came of each trial in the order of the seeds, until there were faults enough."""

    def seeds() -> Iterator[int]:
        seed = total.first
        while total.faults < most:
            yield seed
            seed += 1

    if processes == 1:
        yield from map(play, seeds())
        return
    with get_context("spawn").Pool(processes, _begin) as pool:
        waiting, coming = deque[AsyncResult[Outcome]](), seeds()
        while True:
            while len(waiting) < 2 * processes and (seed := next(coming, None)) is not None:
                waiting.append(pool.apply_async(play, (seed,)))
            if not waiting:
                return
            yield waiting.popleft().get()


def _begin() -> None:
    """Make a process ready: what was imported stays, so that nobody need look whether it does."""
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who began us ends us
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
