"""The working state of a search: loads, free room and who is where; always exact."""

import numpy as np

from anypool.planner.balance.problem import MEMORY, Floats, Ints, Masks, Problem
from anypool.planner.balance.rules import Rules
from anypool.planner.balance.score import harms
from anypool.planner.balance.spare import Reserve
from anypool.planner.balance.units import Units, units_of


class State:
    """A placement with all that the neighbourhoods read; changed only by `shift`.

    Loads of a host are summed anew from its VMs, in their order, whenever it changes. So the
    numbers depend on the placement alone and not on how it was reached, which is what makes
    a search that is begun again end where the first one did.
    """

    def __init__(self, problem: Problem, placed: Ints) -> None:
        self.problem = problem
        self.placed = placed.copy()
        self.units: Units = units_of(problem, placed)
        self.rules = Rules(problem, self.units)
        self.rules.refresh(self.placed)
        self.inverse: Floats = 1.0 / problem.capacity
        self.population = float(max(1, int(problem.counted.sum())))
        self._may_break = bool(not problem.counted.all() or problem.apart or problem.together) or (
            problem.allowed is not None
        )
        self.even = bool((problem.capacity == problem.capacity[:, :1]).all())
        self._members: list[set[int]] = [set() for _ in range(problem.hosts)]
        for vm, host in enumerate(placed.tolist()):
            self._members[host].add(vm)
        self.raw: Floats = np.zeros_like(problem.base)
        self.free: Ints = np.zeros_like(problem.room)
        self.largest: Ints = np.zeros(problem.hosts, dtype=np.int64)
        self.held: Ints = np.zeros(problem.hosts, dtype=np.int64)
        for host in range(problem.hosts):
            self._sum(host)
        self._place_units()
        self._center()
        self._reserve = Reserve(problem)
        self.unsafe: Masks = np.zeros(problem.hosts, dtype=np.bool_)
        if problem.keep_spare:
            self.unsafe = self._reserve.unsafe(self)

    def members(self, host: int) -> list[int]:
        """Return the VMs of a host in order."""
        return sorted(self._members[host])

    def unit_of(self, host: int, kind: int) -> int:
        """Return the first unit of a kind on a host."""
        return min(unit for unit in self._units_on[host] if self.units.kind[unit] == kind)

    def has_room(self, kind: int, host: int) -> bool:
        """Return whether a host has room for a unit of a kind."""
        return bool((self.free[:, host] >= self.units.need[:, kind]).all())

    def mends(self, host: int, kind: int) -> bool:
        """Return whether a rule is broken as long as that unit is there."""
        row = self.rules.row(kind)
        return not self.problem.counted[host] or (row is not None and self.rules.mends[row] > 0)

    def score(self) -> float:
        """Return the score; the same as that of the definition up to rounding."""
        total = self.problem.constant + float(self.problem.weight @ np.sqrt(self.variance))
        return total + harms(self.problem, self.placed) if self._may_break else total

    def shift(self, unit: int, target: int) -> None:
        """Move a unit to a host; nothing is checked."""
        vms = self.units.vms[unit]
        source = int(self.placed[vms[0]])
        for vm in vms:
            self._members[source].remove(vm)
            self._members[target].add(vm)
            self.placed[vm] = target
        self._units_on[source].remove(unit)
        self._units_on[target].add(unit)
        kind = int(self.units.kind[unit])
        if kind < self.units.counted:
            self.counts[source, kind] -= 1
            self.counts[target, kind] += 1
        else:
            self.at[kind - self.units.counted] = target
        self._sum(source)
        self._sum(target)
        self._center()
        self.rules.refresh(self.placed, vms)

    def breaks_spare(self) -> bool:
        """Return whether the failure of a host that could be absorbed no longer can; note it."""
        if not self.problem.keep_spare:
            return False
        now = self._reserve.unsafe(self)
        worse = bool((now & ~self.unsafe).any())
        if not worse:
            self.unsafe = now
        return worse

    def rows(self) -> tuple[Ints, Ints]:
        """Return host and kind of everything that might move."""
        hosts, kinds = np.nonzero(self.counts)
        single = np.arange(self.at.shape[0]) + self.units.counted
        return np.concatenate([hosts, self.at]), np.concatenate([kinds, single])

    def rows_of(self, hosts: Ints) -> tuple[Ints, Ints]:
        """Return the rows on some hosts."""
        source, kind = self.rows()
        some = np.zeros(self.problem.hosts, dtype=np.bool_)
        some[hosts] = True
        return source[some[source]], kind[some[source]]

    def _place_units(self) -> None:
        units = self.units
        self.counts: Ints = np.zeros((self.problem.hosts, units.counted), dtype=np.int64)
        self.at: Ints = np.zeros(units.demand.shape[1] - units.counted, dtype=np.int64)
        self._units_on: list[set[int]] = [set() for _ in range(self.problem.hosts)]
        for unit, vms in enumerate(units.vms):
            host, kind = int(self.placed[vms[0]]), int(units.kind[unit])
            self._units_on[host].add(unit)
            if kind < units.counted:
                self.counts[host, kind] += 1
            else:
                self.at[kind - units.counted] = host

    def _sum(self, host: int) -> None:
        problem = self.problem
        index = self.members(host)
        self.raw[:, host] = problem.base[:, host] + problem.demand[:, index].sum(axis=1)
        need = problem.need[:, index]
        self.free[:, host] = problem.room[:, host] - need.sum(axis=1)
        self.held[host] = need[MEMORY].sum()
        self.largest[host] = need[MEMORY].max(initial=0)

    def _center(self) -> None:
        """Set `x`, each metric of each host about its mean, and `variance`."""
        counted = self.problem.counted
        self.x: Floats = self.raw * self.inverse
        if not counted.all():
            self.x[:, ~counted] = 0.0
        self.x -= (self.x.sum(axis=1) / self.population)[:, None]
        if not counted.all():
            self.x[:, ~counted] = 0.0
        self.variance: Floats = np.einsum("kh,kh->k", self.x, self.x) / self.population
