"""The course of a cycle of annealing: temperatures, and the price of machines that are too full."""

from dataclasses import dataclass

import numpy as np

from anypool.planner.reassign.problem import Ints, Problem
from anypool.planner.reassign.too_full import loads, prices

HOT, COLD = 0.3, 0.3
"""The first temperature as a share of what the load of a process costs on average, and the last
as it is."""

WARM = {True: 0.0005, False: 0.00001}
"""The share at which the last part begins, by whether machines may be too full before."""

BENT = {True: 0.8, False: 0.9}
"""The share of a cycle until then."""

PRICES = (2.0, 50.0)
"""What being too full costs then, at first and at last, as a multiple of what load costs."""

DEARER = 1.5
"""Factor of that price for each round after that in which some machine is still too full."""


@dataclass(frozen=True)
class Kind:
    """A kind of course: may machines be too full, and how many temperatures draws home."""

    relaxed: bool
    pull: float


@dataclass(frozen=True)
class Moment:
    """A temperature, what draws home, and what each unit (R) above capacity costs; 0 forbids it."""

    heat: float
    pull: float
    prices: Ints


class Course:
    """The moments of a cycle, by the share of it that is over."""

    def __init__(self, problem: Problem, kind: Kind) -> None:
        """Find out what things cost."""
        load = float(loads(problem).mean())
        self._kind = kind
        self._hot = max(1.0, HOT * load)
        self._warm = max(1.0, WARM[kind.relaxed] * load)
        self._bent = BENT[kind.relaxed]
        self._problem = problem
        self._shut = np.zeros(problem.load_weight.shape[0], dtype=np.int64)

    def at(self, share: float) -> Moment:
        """Return the temperature, and the prices while machines may be too full."""
        if share >= self._bent:
            part = (share - self._bent) / (1 - self._bent)
            return self._moment(self._warm * (COLD / self._warm) ** part, self._shut)
        part = share / self._bent
        heat = self._hot * (self._warm / self._hot) ** part
        if not self._kind.relaxed:
            return self._moment(heat, self._shut)
        price = PRICES[0] * (PRICES[1] / PRICES[0]) ** part
        return self._moment(heat, prices(self._problem, price))

    def still_too_full(self, rounds: int) -> Moment:
        """Return the same after so many rounds that should have ended it and did not."""
        return self._moment(self._warm, prices(self._problem, PRICES[1] * DEARER**rounds))

    def _moment(self, heat: float, at: Ints) -> Moment:
        return Moment(heat, heat * self._kind.pull, at)
