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

FIRM = 0.35
"""Share of a cycle from which on being too full becomes dearer and dearer while some machine is."""

DEARER = 1.1
"""Factor of that price for each round in which some machine is too full, and none should be."""


LOOSE = 0.99
"""Share of a cycle from which on nothing is drawn home: whatever is cheaper may be taken."""


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
        self._dearer = 1.0
        self._shut = np.zeros(problem.load_weight.shape[0], dtype=np.int64)

    def at(self, share: float, too_full: bool) -> Moment:
        """Return the temperature, and the prices while machines may be too full, or still are."""
        part = min(1.0, share / self._bent)
        heat = self._hot * (self._warm / self._hot) ** part
        if not too_full:
            self._dearer = max(1.0, self._dearer / DEARER)
        elif share > FIRM:
            self._dearer *= DEARER
        if too_full or (self._kind.relaxed and share < self._bent):
            price = self._dearer * PRICES[0] * (PRICES[1] / PRICES[0]) ** part
            return Moment(heat, heat * self._kind.pull, prices(self._problem, price))
        if share >= self._bent:
            part = min(1.0, (share - self._bent) / (1 - self._bent))
            heat = self._warm * (COLD / self._warm) ** part
        pull = heat * self._kind.pull if share < LOOSE else 0.0
        return Moment(heat, pull, self._shut)
