"""The course of a cycle of annealing: temperatures, and the price of machines that are too full."""

from dataclasses import dataclass

import numpy as np

from anypool.planner.reassign.problem import Ints, Problem

HOT, WARM, COLD = 0.5, 0.0005, 0.1
"""Temperatures: the first and that from which on no machine may be too full, as shares of what
the load of a process costs on average; the last as it is."""

RELAXED = 0.6
"""Share of a cycle in which machines may be too full."""

PRICES = (2.0, 50.0)
"""What being too full costs then, at first and at last, as a multiple of what load costs."""

DEARER = 1.5
"""Factor of that price for each round after that in which some machine is still too full."""

LARGEST = 2.0**60
"""No sum of costs may come near this."""


@dataclass(frozen=True)
class Moment:
    """A temperature, and what each unit of resources (R) above capacity costs; 0 forbids it."""

    heat: float
    prices: Ints


class Course:
    """The moments of a cycle, by the share of it that is over."""

    def __init__(self, problem: Problem) -> None:
        """Find out what things cost."""
        load = float(_loads(problem).mean())
        self._hot = max(1.0, HOT * load)
        self._warm = max(1.0, WARM * load)
        capacity = np.maximum(1.0, problem.capacity.mean(axis=0))
        used = np.maximum(1.0, problem.required.sum(axis=0, dtype=np.float64))
        whole = max(1.0, load * problem.processes / problem.machines)
        self._unit = whole / capacity.shape[0] / capacity
        self._most = LARGEST / 16 / float((self._unit * used).sum())
        self._shut = np.zeros(capacity.shape[0], dtype=np.int64)

    def at(self, share: float) -> Moment:
        """Return the temperature and prices while machines may be too full, and after that."""
        if share < RELAXED:
            part = share / RELAXED
            price = PRICES[0] * (PRICES[1] / PRICES[0]) ** part
            return Moment(self._hot * (self._warm / self._hot) ** part, self._prices(price))
        part = (share - RELAXED) / (1 - RELAXED)
        return Moment(self._warm * (COLD / self._warm) ** part, self._shut)

    def still_too_full(self, rounds: int) -> Moment:
        """Return the same after so many rounds that should have ended it and did not."""
        return Moment(self._warm, self._prices(PRICES[1] * DEARER**rounds))

    def _prices(self, price: float) -> Ints:
        price = min(price, self._most)
        prices: Ints = np.maximum(1, price * self._unit).astype(np.int64)
        return prices


def _loads(problem: Problem) -> Ints:
    """Return about what each process (P) adds to the cost of a full machine."""
    loads = problem.required @ problem.load_weight
    for first, second, target, weight in problem.balances.tolist():
        both = target * problem.required[:, first], problem.required[:, second]
        loads = loads + weight * np.maximum(*both)
    return np.asarray(loads, dtype=np.int64)
