"""The score of a placement, straight from its definition."""

import numpy as np

from anypool.planner.balance.problem import Ints, Problem


def score(problem: Problem, placed: Ints) -> float:
    """Return the score of `placed` (a host for each VM); lower is better."""
    counted = problem.counted
    total = problem.constant + harms(problem, placed)
    if not counted.any():
        return float(total)
    for metric in range(problem.weight.shape[0]):
        load = np.bincount(placed, problem.demand[metric], problem.hosts) + problem.base[metric]
        total += problem.weight[metric] * np.std((load / problem.capacity[metric])[counted])
    return float(total)


def harms(problem: Problem, placed: Ints) -> float:
    """Return what the rules that `placed` breaks cost."""
    total = problem.expelled * float((~problem.counted[placed]).sum())
    if problem.allowed is not None:
        total += problem.harm * float((~problem.allowed[np.arange(problem.vms), placed]).sum())
    for group in problem.apart:
        inside = [host for host in placed[list(group)].tolist() if problem.counted[host]]
        total += problem.harm * (len(inside) - len(set(inside)))
    for group in problem.together:
        hosts = placed[list(group)]
        total += problem.harm * (len(group) - int(np.bincount(hosts).max()))
    return total
