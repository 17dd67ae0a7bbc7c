"""Where units with rules may go, kept current while VMs move."""

from collections import defaultdict

import numpy as np

from anypool.planner.balance.problem import Ints, Masks, Problem
from anypool.planner.balance.units import Units


class Rules:
    """For each unit with rules: the hosts it may not go to, and the harm that leaving mends."""

    def __init__(self, problem: Problem, units: Units) -> None:
        self._problem = problem
        self.kinds = np.array(sorted(units.ruled), dtype=np.int64)
        self._row = {int(kind): row for row, kind in enumerate(self.kinds)}
        self._vms = [units.vms[units.ruled[int(kind)]] for kind in self.kinds]
        self._apart = _by_vm(problem.apart)
        self._together = _by_vm(problem.together)
        self._concerned: dict[int, list[int]] = defaultdict(list)
        for row, vms in enumerate(self._vms):
            for vm in self._related(vms):
                self._concerned[vm].append(row)
        self.open: Masks = np.zeros((len(self._vms), problem.hosts), dtype=np.bool_)
        self.mends = np.zeros(len(self._vms))

    def refresh(self, placed: Ints, moved: tuple[int, ...] | None = None) -> None:
        """Work the dynamic rules out again: of all units, or of those that `moved` concern."""
        rows = range(len(self._vms))
        for row in rows if moved is None else sorted({r for vm in moved for r in self._rows(vm)}):
            self.open[row], self.mends[row] = self._now(self._vms[row], placed)

    def row(self, kind: int) -> int | None:
        """Return the row of a kind, None if it knows no rules."""
        return self._row.get(kind)

    def _rows(self, vm: int) -> list[int]:
        return self._concerned.get(vm, [])

    def _related(self, vms: tuple[int, ...]) -> set[int]:
        groups = [*self._groups(self._apart, vms), *self._groups(self._together, vms)]
        return set(vms).union(*groups)

    def _groups(
        self, by_vm: dict[int, list[tuple[int, ...]]], vms: tuple[int, ...]
    ) -> list[tuple[int, ...]]:
        return sorted({group for vm in vms for group in by_vm.get(vm, [])})

    def _now(self, vms: tuple[int, ...], placed: Ints) -> tuple[Masks, float]:
        problem = self._problem
        here = int(placed[vms[0]])
        may = problem.counted.copy()
        mends = 0.0
        if problem.allowed is not None:
            may &= problem.allowed[list(vms)].all(axis=0)
            mends += problem.harm * float((~problem.allowed[list(vms), here]).sum())
        for group in self._groups(self._apart, vms):
            others = placed[[vm for vm in group if vm not in vms]]
            may[others] = False
            mends += problem.harm * bool(problem.counted[here] and (others == here).any())
        home = self._home(vms, placed)
        if home is not None:
            may &= np.arange(problem.hosts) == home
            mends += problem.harm * len(vms) * (home != here)
        return may, mends

    def _home(self, vms: tuple[int, ...], placed: Ints) -> int | None:
        """Return where a part of a group that is not whole belongs: with most of the group."""
        for group in self._together.get(vms[0], []):
            if len(vms) < len(group):
                members = np.bincount(placed[list(group)], minlength=self._problem.hosts)
                members[~self._problem.counted] = 0
                return int(members.argmax()) if members.any() else None
        return None


def _by_vm(groups: tuple[tuple[int, ...], ...]) -> dict[int, list[tuple[int, ...]]]:
    found: dict[int, list[tuple[int, ...]]] = defaultdict(list)
    for group in groups:
        for vm in group:
            found[vm].append(group)
    return found
