"""Which hosts can be the best target at all: those that no other host beats in every metric."""

import numpy as np

from anypool.planner.balance.problem import Floats, Ints
from anypool.planner.balance.state import State


def front(x: Floats) -> Ints:
    """Return the columns of `x` (K x n) that no other column is below or equal to, first wins."""
    order = np.argsort(x.sum(axis=0), kind="stable")
    points = x[:, order]
    kept: list[int] = []
    while order.shape[0]:
        kept.append(int(order[0]))
        stays = (points < points[:, :1]).any(axis=0)
        order, points = order[stays], points[:, stays]
    return np.array(sorted(kept), dtype=np.int64)


def low_targets(x: Floats, classes: tuple[Ints, ...]) -> Ints:
    """Return the fronts within each class of hosts alike, in order."""
    return np.sort(np.concatenate([part[front(x[:, part])] for part in classes]))


def deviation(state: State) -> Floats:
    """Return by how much the score grows with each metric's variance, up to a factor."""
    return state.problem.weight / np.sqrt(np.maximum(state.variance, 1e-12))
