"""The search: annealing on several cores from one seed, the best of each cycle kept."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from anypool.planner.reassign import plain
from anypool.planner.reassign.compiled import COMPILED
from anypool.planner.reassign.course import Course, Moment
from anypool.planner.reassign.problem import Ints, Problem, check_start
from anypool.planner.reassign.tables import COST, State, Tables, drawn_home, reprice, state, tables
from anypool.planner.reassign.walk import walk

Pace = Callable[[int], float]
"""Given the steps each core has done, the share of the budget that is spent; 1 ends it."""

STEPS = 100_000 if COMPILED else 500
"""Steps of a round; after each the pace is asked and the temperature is set."""

CYCLES = (0.02, 0.12, 1.0)
"""Shares of the budget at which cycles end; the first are short, so that something is there."""

SWAPS = 0.25
"""Share of exchanges and trades among the steps."""

TRADES = 0.2
"""Share of trades, divided by how many processes a machine has: a trade looks at them all."""


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
        self._late = 0
        self._number = number
        self._trades = min(0.1, TRADES * problem.machines / problem.processes)
        self._chance = np.random.default_rng([seed, number])
        self._seed = self._chance.integers(1, 2**32 - 1, size=4, dtype=np.int64)

    @property
    def cost(self) -> int:
        """Return what the assignment costs now, with prices for being too full."""
        return int(self._state.totals[COST])

    @property
    def allowed(self) -> bool:
        """Return whether no machine is too full now."""
        return not (self._state.held > self._problem.capacity).any()

    @property
    def where(self) -> Ints:
        """Return a copy of the assignment."""
        return np.array(self._state.where, dtype=np.int64)

    def begin(self, where: Ints) -> None:
        """Begin a cycle at an assignment, which must be allowed."""
        self._state = state(self._problem, self._table, where)
        self._late = 0

    def round(self, courses: tuple[Course, Course], share: float) -> None:
        """Make the steps of a round of a cycle, of which a share is over.

        Every other core takes the second course.
        """
        course = courses[self._number % 2]
        now = course.at(share)
        if not now.prices.any() and not self.allowed:
            now = course.still_too_full(self._late)
            self._late += 1
        if (now.prices != self._state.prices).any():
            reprice(self._problem, self._state, now.prices)
        self.work(STEPS, now)

    def work(self, steps: int, now: Moment) -> None:
        """Make steps at a temperature."""
        if COMPILED:
            heats = np.array([now.heat, now.heat, SWAPS, self._trades])
            walk(self._table, self._state, self._seed, steps, heats)
        else:
            plain.sweep(self._table, self._state, self._chance, steps, now.heat)


def search(problem: Problem, pace: Pace, *, cores: int = 1, seed: int = 0) -> Iterator[Found]:
    """Yield the best assignment so far after each round, until the budget is spent.

    The same seed, cores and number of steps give the same assignments. Raise `Invalid` where
    the assignment to begin with is not allowed.
    """
    check_start(problem)
    table = tables(problem)
    courses = Course(problem), Course(problem, 0.0)
    kinds = table, drawn_home(table)
    workers = [Core(problem, kinds[number % 2], seed, number) for number in range(cores)]
    best = Found(where=problem.home.copy(), cost=workers[0].cost, spent=0.0, steps=0)
    yield best
    workers[0].work(0, courses[0].at(0.0))  # compiles, where that was not done yet
    steps, begun = 0, pace(0)
    with ThreadPoolExecutor(cores) as pool:
        for end in CYCLES:
            while (spent := pace(steps)) < end:
                share = (spent - begun) / (end - begun)
                list(pool.map(lambda core, at=share: core.round(courses, at), workers))
                steps += STEPS
                best = _better(best, workers, spent, steps)
                yield best
            list(pool.map(lambda core: core.round(courses, 1.0), workers))
            best = _better(best, workers, spent, steps)
            yield best
            begun = end
            for core in workers:
                core.begin(best.where)


def _better(best: Found, workers: list[Core], spent: float, steps: int) -> Found:
    where, cost = best.where, best.cost
    for core in workers:
        if core.cost < cost and core.allowed:
            where, cost = core.where, core.cost
    return Found(where=where, cost=cost, spent=spent, steps=steps)
