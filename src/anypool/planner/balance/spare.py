"""Whether the VMs of any one failed host find memory on the others."""

from typing import Protocol

import numpy as np

from anypool.planner.balance.problem import MEMORY, Ints, Masks, Problem


class Placement(Protocol):
    """What is read of a state."""

    problem: Problem
    placed: Ints
    free: Ints
    held: Ints
    largest: Ints

    def members(self, host: int) -> list[int]:
        """Return the VMs of a host in order."""


def unsafe_hosts(state: Placement) -> Masks:
    """Return for each host whether some of its VMs would find no place if it failed.

    Most hosts are cleared by a bound: where no VM is larger than m, first fit uses all but m
    of every host before it fails, so that `sum(free - m)` is always to be had. The others
    are tried, largest VM first. What that does not place counts as unsafe.
    """
    problem = state.problem
    free = np.where(problem.counted, np.maximum(state.free[MEMORY], 0), 0)
    sizes, back = np.unique(state.largest, return_inverse=True)
    beyond = np.maximum(free[None] - sizes[:, None], 0)
    own = np.maximum(free - state.largest, 0)
    enough = beyond.sum(axis=1)[back] - own >= state.held
    doubtful = ~enough & (state.held > 0)
    ruled = _ruled_hosts(state)
    unsafe = np.zeros(problem.hosts, dtype=np.bool_)
    for host in np.flatnonzero(doubtful | ruled):
        unsafe[host] = not _absorbed(state, int(host), free)
    return unsafe


def _ruled_hosts(state: Placement) -> Masks:
    problem = state.problem
    ruled = np.zeros(problem.hosts, dtype=np.bool_)
    if problem.allowed is not None:
        ruled[state.placed[~problem.allowed.all(axis=1)]] = True
    for group in problem.apart:
        ruled[state.placed[list(group)]] = True
    return ruled


def _absorbed(state: Placement, failed: int, free: Ints) -> bool:
    problem = state.problem
    left = free.copy()
    placed = state.placed.copy()
    vms = state.members(failed)
    for vm in sorted(vms, key=lambda vm: (-int(problem.need[MEMORY, vm]), vm)):
        may = problem.counted & (left >= problem.need[MEMORY, vm])
        may[failed] = False
        if problem.allowed is not None:
            may &= problem.allowed[vm]
        for group in problem.apart:
            if vm in group:
                may[placed[[other for other in group if other != vm]]] = False
        if not may.any():
            return False
        target = int(np.where(may, left, -1).argmax())
        left[target] -= problem.need[MEMORY, vm]
        placed[vm] = target
    return True
