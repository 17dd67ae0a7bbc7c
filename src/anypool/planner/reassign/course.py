"""The course of a cycle of annealing: temperatures, and the price of machines that are too full."""

from dataclasses import dataclass

import numpy as np

from anypool.planner.reassign.problem import Ints, Problem
from anypool.planner.reassign.too_full import loads, prices

HOT, WARM, COLD = 0.1, 0.0005, 0.1
"""Temperatures: the first and that from which on no machine may be too full, as shares of what
the load of a process costs on average; the last as it is."""

RELAXED = 0.8
"""Share of a cycle in which machines may be too full."""

PRICES = (2.0, 50.0)
"""What being too full costs then, at first and at last, as a multiple of what load costs."""

DEARER = 1.5
"""Factor of that price for each round after that in which some machine is still too full."""


@dataclass(frozen=True)
class Moment:
    """A temperature, and what each unit of resources (R) above capacity costs; 0 forbids it."""

    heat: float
    prices: Ints


class Course:
    """The moments of a cycle, by the share of it that is over."""

    def __init__(self, problem: Problem, relaxed: float = RELAXED) -> None:
        """Find out what things cost; `relaxed` is the share in which machines may be too full."""
        load = float(loads(problem).mean())
        self._relaxed = relaxed
        self._hot = max(1.0, HOT * load)
        self._warm = max(1.0, WARM * load)
        self._problem = problem
        self._shut = np.zeros(problem.load_weight.shape[0], dtype=np.int64)

    def at(self, share: float) -> Moment:
        """Return the temperature and prices while machines may be too full, and after that."""
        if share < self._relaxed:
            part = share / self._relaxed
            price = PRICES[0] * (PRICES[1] / PRICES[0]) ** part
            heat = self._hot * (self._warm / self._hot) ** part
            return Moment(heat, prices(self._problem, price))
        part = (share - self._relaxed) / (1 - self._relaxed)
        begin = self._warm if self._relaxed else self._hot
        return Moment(begin * (COLD / begin) ** part, self._shut)

    def still_too_full(self, rounds: int) -> Moment:
        """Return the same after so many rounds that should have ended it and did not."""
        return Moment(self._warm, prices(self._problem, PRICES[1] * DEARER**rounds))
