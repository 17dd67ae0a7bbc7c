"""How unlike the loads of hosts are, and which rules are broken."""

import numpy as np
from msgspec import Struct

from anypool.planner.balance import Floats, Ints, Problem, score
from anypool.planner.balance.score import harms


class Uneven(Struct, frozen=True, kw_only=True, gc=False):
    """`percent` is the weighted standard deviation of the hosts' loads, in percent of a host.

    `broken` counts what broken rules cost, in percent too; 0 where none is broken.
    """

    percent: float
    broken: float = 0.0


def uneven(problem: Problem, placed: Ints | None = None) -> Uneven:
    """Return how uneven a placement is, that of now if none is given."""
    where = problem.placed if placed is None else placed
    broken = harms(problem, where)
    return Uneven(percent=100 * (score(problem, where) - broken), broken=100 * broken)


def loads(problem: Problem, placed: Ints) -> Floats:
    """Return the load of each metric on each host, as a share of its capacity."""
    rows = [np.bincount(placed, row, problem.hosts) for row in problem.demand]
    found = np.array(rows, dtype=np.float64).reshape(problem.capacity.shape)
    return (found + problem.base) / problem.capacity
