"""How alike the hosts could be at best: an imbalance that no placement of the VMs is below.

VMs that may not move stay. All others are taken as a fluid that flows anywhere, for each
metric by itself, whatever rules and limits say: no real placement is better than that. Where
nothing is fixed and hosts are alike, VMs larger than an equal share stay whole: the largest
has a host for itself at best, then the next one.
"""

import numpy as np

from anypool.planner.balance import Floats, Problem

_ROUNDS = 80
_SLACK = 1e-6
"""What numbers may be off by, as a share of a host."""


def least_percent(problem: Problem) -> float:
    """Return a bound on `Uneven.percent`, 0 where nothing better is known."""
    if not problem.hosts or not problem.counted.all():
        return 0.0
    found = 0.0
    for metric, weight in enumerate(problem.weight.tolist()):
        demand, capacity = problem.demand[metric], problem.capacity[metric]
        stays = np.where(problem.movable, 0.0, demand)
        fixed = np.bincount(problem.placed, stays, problem.hosts) + problem.base[metric]
        moving = demand[problem.movable]
        found += weight * max(0.0, _least(fixed / capacity, capacity, moving) - _SLACK)
    return 100 * found


def _least(fixed: Floats, capacity: Floats, moving: Floats) -> float:
    """Return the least standard deviation of loads, as shares of a host."""
    if not fixed.any() and np.all(capacity == capacity[0]):
        return _of_alike(moving / capacity[0], len(capacity))
    total = float(moving.sum() + (fixed * capacity).sum())
    if total / float(capacity.sum()) >= float(fixed.max()):
        return 0.0  # all hosts can have one level
    low, high = 0.0, float(fixed.max())
    for _ in range(_ROUNDS):
        third = (high - low) / 3
        left, right = low + third, high - third
        if _spread(left, fixed, capacity, total) < _spread(right, fixed, capacity, total):
            high = right
        else:
            low = left
    return float(np.sqrt(_spread((low + high) / 2, fixed, capacity, total)))


def _of_alike(shares: Floats, hosts: int) -> float:
    """Return the least deviation of equal hosts: what is larger than the rest's mean is alone."""
    levels, rest = list[float](), float(shares.sum())
    mean = rest / hosts
    for share in sorted(shares.tolist(), reverse=True):
        left = hosts - len(levels)
        if left <= 1 or share <= rest / left:
            break
        levels.append(share)
        rest -= share
    spread = [(level - mean) ** 2 for level in levels]
    left = hosts - len(levels)
    return float(np.sqrt((sum(spread) + left * (rest / left - mean) ** 2) / hosts))


def _spread(middle: float, fixed: Floats, capacity: Floats, total: float) -> float:
    """Return the least mean square distance from a level, when all that moves is placed."""
    low, high = -1e6, 1e6
    scale = float(capacity.max())
    for _ in range(_ROUNDS):
        slope = (low + high) / 2
        loads = np.maximum(fixed, middle + slope * capacity / scale)
        if float((loads * capacity).sum()) < total:
            low = slope
        else:
            high = slope
    loads = np.maximum(fixed, middle + high * capacity / scale)
    return float(((loads - middle) ** 2).mean())
