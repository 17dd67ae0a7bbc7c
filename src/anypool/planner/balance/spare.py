"""Whether the VMs of any one failed host find memory on the others."""

from typing import Protocol

import numpy as np

from anypool.planner.balance.problem import MEMORY, Ints, Masks, Problem

SEARCHED = 400
"""Placements that are tried for a failed host's VMs before they count as without a place."""


class Placement(Protocol):
    """What is read of a state."""

    problem: Problem
    placed: Ints
    free: Ints
    held: Ints
    largest: Ints

    def members(self, host: int) -> list[int]:
        """Return the VMs of a host in order."""


class Reserve:
    """Judges placements of one problem; what depends on its rules alone is worked out once.

    Most hosts are cleared by a bound: where no VM is larger than m, first fit uses all but m
    of every host before it fails, so that `sum(free - m)` is always to be had. For a VM with
    rules the hosts that are closed to it do not count. The hosts left are tried, largest VM
    first. What that does not place counts as unsafe.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        pairs = sorted(
            {(vm, mate) for group in problem.apart for vm in group for mate in group if vm != mate}
        )
        self._pairs: Ints = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        closed = np.zeros((0, problem.hosts), dtype=np.bool_)
        self._masked: Ints = np.zeros(0, dtype=np.int64)
        if problem.allowed is not None:
            self._masked = np.flatnonzero(~problem.allowed.all(axis=1))
            closed = ~problem.allowed[self._masked]
        self._closed = closed.astype(np.float64)
        self._ruled: Ints = np.union1d(self._pairs[:, 0], self._masked)

    def unsafe(self, state: Placement) -> Masks:
        """Return for each host whether some of its VMs would find no place if it failed."""
        problem = self._problem
        free = np.where(problem.counted, np.maximum(state.free[MEMORY], 0), 0)
        sizes, back = np.unique(state.largest, return_inverse=True)
        beyond = np.maximum(free[None] - sizes[:, None], 0)
        own = np.maximum(free - state.largest, 0)
        enough = beyond.sum(axis=1)[back] - own >= state.held
        if self._ruled.shape[0]:
            self._judge_ruled(state, np.maximum(free - sizes[-1], 0), enough)
        unsafe = np.zeros(problem.hosts, dtype=np.bool_)
        for host in np.flatnonzero(~enough & (state.held > 0)):
            unsafe[host] = not _absorbed(state, int(host), free)
        return unsafe

    def _judge_ruled(self, state: Placement, beyond: Ints, enough: Masks) -> None:
        """Clear `enough` of hosts with a VM that its rules may leave without a place.

        A mate on the same host would restart on a host that nobody knows yet: the one with
        most room is taken as closed.
        """
        closed = np.zeros(self._problem.vms)
        if self._pairs.shape[0]:
            vm, mate = self._pairs.T
            where = state.placed[mate]
            lost = np.where(where == state.placed[vm], beyond.max(), beyond[where])
            closed += np.bincount(vm, lost, self._problem.vms)
        closed[self._masked] += self._closed @ beyond
        host = state.placed[self._ruled]
        left = beyond.sum() - beyond[host] - closed[self._ruled]
        enough[host[left < state.held[host]]] = False


def _absorbed(state: Placement, failed: int, free: Ints) -> bool:
    """Return whether the VMs of a host find a place; first by room, then by searching."""
    need = state.problem.need[MEMORY]
    vms = sorted(state.members(failed), key=lambda vm: (-int(need[vm]), vm))
    fit = _Fit(state, failed, free)
    return fit.widest(vms) or fit.search(vms)


class _Fit:
    def __init__(self, state: Placement, failed: int, free: Ints) -> None:
        self._problem, self._failed = state.problem, failed
        self._start = (free, state.placed)
        self._left, self._placed = free.copy(), state.placed.copy()
        self._tries = SEARCHED

    def widest(self, vms: list[int]) -> bool:
        """Give each VM the host with most room; return whether all find one."""
        for vm in vms:
            may = self._open(vm)
            if not may.any():
                return False
            self._put(vm, int(np.where(may, self._left, -1).argmax()))
        return True

    def search(self, vms: list[int]) -> bool:
        """Try the tightest hosts first, and others where that fails, for some tries."""
        self._left, self._placed = self._start[0].copy(), self._start[1].copy()
        return self._deeper(vms, 0)

    def _deeper(self, vms: list[int], depth: int) -> bool:
        if depth == len(vms):
            return True
        hosts = np.flatnonzero(self._open(vms[depth]))
        for host in hosts[np.argsort(self._left[hosts], kind="stable")].tolist():
            self._tries -= 1
            if self._tries < 0:
                return False
            self._put(vms[depth], host)
            if self._deeper(vms, depth + 1):
                return True
            self._put(vms[depth], self._failed)
        return False

    def _put(self, vm: int, host: int) -> None:
        need = self._problem.need[MEMORY, vm]
        if self._placed[vm] != self._failed:
            self._left[self._placed[vm]] += need
        if host != self._failed:
            self._left[host] -= need
        self._placed[vm] = host

    def _open(self, vm: int) -> Masks:
        problem = self._problem
        may: Masks = problem.counted & (self._left >= problem.need[MEMORY, vm])
        may[self._failed] = False
        if problem.allowed is not None:
            may &= problem.allowed[vm]
        for group in problem.apart:
            if vm in group:
                may[self._placed[[other for other in group if other != vm]]] = False
        return may
