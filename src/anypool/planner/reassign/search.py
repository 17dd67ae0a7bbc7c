"""The search: annealing on several cores from one seed, the best of each cycle kept."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from anypool.planner.reassign import plain
from anypool.planner.reassign.compiled import COMPILED
from anypool.planner.reassign.problem import Ints, Problem, check_start
from anypool.planner.reassign.tables import COST, State, Tables, state, tables
from anypool.planner.reassign.walk import walk

Pace = Callable[[int], float]
"""Given the steps each core has done, the share of the budget that is spent; 1 ends it."""

STEPS = 100_000 if COMPILED else 500
"""Steps of a round; after each the pace is asked and the temperature is set."""

FIRST_CYCLE = 0.1
"""Share of the budget for a first, fast cycle, so that something good is there early."""

HOT, COLD = 0.02, 0.3
"""The temperature at the beginning, as a share of a machine's cost, and at the end."""

SWAPS = 0.25
"""Share of exchanges among the steps."""


@dataclass(frozen=True)
class Found:
    """The best assignment so far, its cost, and the share of the budget spent."""

    where: Ints
    cost: int
    spent: float
    steps: int


class Core:
    """One of the states that are annealed side by side, with its own chance."""

    def __init__(self, problem: Problem, table: Tables, seed: int, number: int) -> None:
        """Begin at home."""
        self._table = table
        self._problem = problem
        self._state: State = state(problem, table, problem.home)
        self._chance = np.random.default_rng([seed, number])
        self._seed = self._chance.integers(1, 2**32 - 1, size=4, dtype=np.int64)

    @property
    def cost(self) -> int:
        """Return what the assignment costs now."""
        return int(self._state.totals[COST])

    @property
    def where(self) -> Ints:
        """Return a copy of the assignment."""
        return np.array(self._state.where, dtype=np.int64)

    def go_to(self, where: Ints) -> None:
        """Take another assignment."""
        self._state = state(self._problem, self._table, where)

    def work(self, steps: int, heat: float) -> None:
        """Make steps at a temperature."""
        if COMPILED:
            heats = np.array([heat, heat, SWAPS])
            walk(self._table, self._state, self._seed, steps, heats)
        else:
            plain.sweep(self._table, self._state, self._chance, steps, heat)


def search(problem: Problem, pace: Pace, *, cores: int = 1, seed: int = 0) -> Iterator[Found]:
    """Yield the best assignment so far after each round, until the budget is spent.

    The same seed, cores and number of steps give the same assignments. Raise `Invalid` where
    the assignment to begin with is not allowed.
    """
    check_start(problem)
    table = tables(problem)
    workers = [Core(problem, table, seed, number) for number in range(cores)]
    best = Found(where=problem.home.copy(), cost=workers[0].cost, spent=0.0, steps=0)
    yield best
    hot = first_heat(problem, workers[0].cost)
    workers[0].work(0, hot)  # compiles, where that was not done yet
    steps, begun = 0, pace(0)
    with ThreadPoolExecutor(cores) as pool:
        for end, heat in ((FIRST_CYCLE, hot), (1.0, hot)):
            while (spent := pace(steps)) < end:
                share = (spent - begun) / (end - begun)
                now = heat * (COLD / heat) ** share
                list(pool.map(lambda core, now=now: core.work(STEPS, now), workers))
                steps += STEPS
                best = _better(best, workers, spent, steps)
                yield best
            begun = end
            for core in workers:
                core.go_to(best.where)


def first_heat(problem: Problem, cost: int) -> float:
    """Return the temperature to begin with."""
    return max(1.0, HOT * cost / problem.machines)


def _better(best: Found, workers: list[Core], spent: float, steps: int) -> Found:
    first = min(workers, key=lambda core: core.cost)
    if first.cost < best.cost:
        return Found(where=first.where, cost=first.cost, spent=spent, steps=steps)
    return Found(where=best.where, cost=best.cost, spent=spent, steps=steps)
