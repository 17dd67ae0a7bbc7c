"""How few hosts any placement needs: proven, whatever is moved where."""

import numpy as np

from anypool.planner.balance import Floats, Masks
from anypool.planner.consolidate import lower_bound
from anypool.planner.fewest.problem import EPS, Problem


def least_hosts(problem: Problem, restarts: Masks, failures: int = 0) -> int:
    """Return a number of hosts that no placement of all VMs is below.

    With `failures` the memory of the VMs that may run elsewhere, and that `restarts` names,
    must also fit without the largest so many hosts. A host that is too full now may stay so,
    and counts with what it holds.
    """
    used = problem.in_use(problem.placed)
    if not used:
        return 0
    room = np.maximum(problem.room, problem.room - problem.left(problem.placed))
    fixed = np.zeros(len(problem.hosts), dtype=np.bool_)
    fixed[problem.placed[~problem.movable]] = True
    bound = max(1, int(fixed.sum()))
    for column in range(room.shape[1]):
        total = float(problem.take[:, column].sum())
        bound = max(bound, _hosts_for(room[:, column], fixed, total))
    if failures:
        counted = problem.movable & restarts
        if problem.allowed is not None:
            counted &= problem.allowed.sum(axis=1) > 1
        total = float(problem.take[counted, 0].sum())
        bound = max(bound, _with_failures(room[:, 0], total, failures))
    groups = (len({int(problem.placed[one]) for one in group}) for group in problem.apart)
    bound = max(bound, max(groups, default=0))
    if (room == room[0]).all() and (room > 0).all():
        bound = max(bound, lower_bound(np.unique(problem.take / room[0], axis=1)))
    return min(bound, len(problem.hosts))


def _hosts_for(room: Floats, fixed: Masks, total: float) -> int:
    """Return how many hosts hold a total: those that must stay, then the largest."""
    missing = total - float(room[fixed].sum())
    count = int(fixed.sum())
    for size in np.sort(room[~fixed])[::-1].tolist():
        if missing <= EPS * max(1.0, total):
            break
        missing -= size
        count += 1
    return count


def _with_failures(room: Floats, total: float, failures: int) -> int:
    largest = np.sort(room)[::-1]
    held = np.cumsum(largest[failures:])
    return failures + int(np.searchsorted(held, total * (1 - EPS))) + 1 if total > 0 else 0
