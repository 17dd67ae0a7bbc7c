"""One state that is annealed, with its own chance: cycles from the best it knows."""

from collections.abc import Callable

import numpy as np

from anypool.planner.reassign import plain
from anypool.planner.reassign.compiled import COMPILED
from anypool.planner.reassign.course import Course, Kind, Moment
from anypool.planner.reassign.problem import Ints, Problem
from anypool.planner.reassign.tables import COST, FULL, State, Tables, reprice, state
from anypool.planner.reassign.walk import walk

STEPS = 50_000 if COMPILED else 500
"""Steps of a round; after each the pace is asked and the temperature is set."""

SWAPS, CHAINS = 0.25, 0.1
"""Shares of exchanges and of chains among the steps."""

TRADES = 0.2
"""Share of trades, divided by how many processes a machine has: a trade looks at them all."""

GIVEN_UP = 0.93
"""Share of a cycle after which machines that are still too full end it for nothing."""


class Core:
    """A state that is annealed; `cost` and `where` are the best that it found."""

    def __init__(self, problem: Problem, table: Tables, seed: int, number: int) -> None:
        """Begin at home."""
        self._table = table
        self._problem = problem
        self._state: State = state(problem, table, problem.home)
        trades = min(0.02, TRADES * problem.machines / problem.processes)
        self._shares = SWAPS, CHAINS, trades
        self._chance = np.random.default_rng([seed, number])
        self._seed = self._chance.integers(1, 2**32 - 1, size=4, dtype=np.int64)
        self.steps = 0
        self.where: Ints = problem.home.copy()
        self.cost = int(self._state.totals[COST])

    @property
    def too_full(self) -> int:
        """Return by how many units in all machines are too full now."""
        return int(self._state.totals[FULL])

    def cycle(self, kind: Kind, begin: Ints, at: Callable[[int], float]) -> int:
        """Anneal from an assignment, which must be allowed, and return the cost at the end.

        `at` is asked after each round what share of the cycle is over, by the steps of all
        cycles; 1 ends it.
        """
        course = Course(self._problem, kind)
        self._state = state(self._problem, self._table, begin)
        ended = False
        while not ended:
            share = at(self.steps)
            ended = share >= 1.0
            self._round(course, min(1.0, share))
        return int(self._state.totals[COST])

    def compile(self) -> None:
        """Make no step, for the sake of what is compiled by that."""
        none = np.zeros(self._problem.load_weight.shape[0], dtype=np.int64)
        self._work(0, Moment(1.0, 0.0, none))

    def _round(self, course: Course, share: float) -> None:
        if share > GIVEN_UP and self.too_full > 0:
            self._state = state(self._problem, self._table, self.where)
        now = course.at(share, self.too_full > 0)
        if (now.prices != self._state.prices).any():
            reprice(self._problem, self._state, now.prices)
        self._work(STEPS, now)
        self.steps += STEPS
        cost = int(self._state.totals[COST])
        if self.too_full == 0 and not now.prices.any() and cost < self.cost:
            self.where = np.array(self._state.where, dtype=np.int64)
            self.cost = cost

    def _work(self, steps: int, now: Moment) -> None:
        heats = np.array([now.heat, now.pull, *self._shares])
        if COMPILED:
            walk(self._table, self._state, self._seed, steps, heats)
        else:
            plain.sweep(self._table, self._state, self._chance, steps, heats)
