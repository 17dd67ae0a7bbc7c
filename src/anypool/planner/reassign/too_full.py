"""What it may cost while a machine is too full, and what processes cost where load costs."""

import numpy as np

from anypool.planner.reassign.problem import Ints, Problem

LARGEST = 2.0**60
"""No sum of costs may come near this."""


def loads(problem: Problem) -> Ints:
    """Return about what each process (P) adds to the cost of a full machine."""
    added = problem.required @ problem.load_weight
    for first, second, target, weight in problem.balances.tolist():
        both = target * problem.required[:, first], problem.required[:, second]
        added = added + weight * np.maximum(*both)
    return np.asarray(added, dtype=np.int64)


def prices(problem: Problem, multiple: float) -> Ints:
    """Return what each unit of resources (R) above capacity costs, above zero.

    It is a multiple of what load costs, for each resource by how much of it a machine has:
    units differ by factors of thousands.
    """
    capacity = np.maximum(1.0, problem.capacity.mean(axis=0))
    used = np.maximum(1.0, problem.required.sum(axis=0, dtype=np.float64))
    whole = max(1.0, float(loads(problem).sum(dtype=np.float64)) / problem.machines)
    unit = whole / capacity.shape[0] / capacity
    most = LARGEST / 16 / float((unit * used).sum())
    found: Ints = np.maximum(1, min(multiple, most) * unit).astype(np.int64)
    return found
