"""Where units with rules may go, kept current while VMs move."""

import numpy as np

from anypool.planner.balance.problem import Ints, Masks, Problem
from anypool.planner.balance.units import Units


class Rules:
    """For each unit with rules: the hosts it may not go to, and the harm that leaving mends."""

    def __init__(self, problem: Problem, units: Units) -> None:
        self._problem = problem
        self._groups = [set(group) for group in problem.apart]
        self.kinds = np.array(sorted(units.ruled), dtype=np.int64)
        self._row = {int(kind): row for row, kind in enumerate(self.kinds)}
        self._vms = [units.vms[units.ruled[int(kind)]] for kind in self.kinds]
        self.open: Masks = np.zeros((len(self._vms), problem.hosts), dtype=np.bool_)
        self.mends = np.zeros(len(self._vms))

    def refresh(self, placed: Ints, only: set[int] | None = None) -> None:
        """Work the dynamic rules out again: of all units, or of those that share with `only`."""
        for row, vms in enumerate(self._vms):
            if only is None or self._concerned(vms, only):
                self.open[row], self.mends[row] = self._now(vms, placed)

    def row(self, kind: int) -> int | None:
        """Return the row of a kind, None if it knows no rules."""
        return self._row.get(kind)

    def _static(self, vms: tuple[int, ...]) -> Masks:
        may = self._problem.counted.copy()
        if self._problem.allowed is not None:
            may &= self._problem.allowed[list(vms)].all(axis=0)
        return may

    def _concerned(self, vms: tuple[int, ...], moved: set[int]) -> bool:
        if moved & set(vms):
            return True
        groups = [group for group in self._groups if group & set(vms)]
        groups += [set(group) for group in self._problem.together if set(group) & set(vms)]
        return any(group & moved for group in groups)

    def _now(self, vms: tuple[int, ...], placed: Ints) -> tuple[Masks, float]:
        problem = self._problem
        here = int(placed[vms[0]])
        may = self._static(vms)
        mends = 0.0
        if problem.allowed is not None:
            mends += problem.harm * float((~problem.allowed[list(vms), here]).sum())
        for group in self._groups:
            others = (
                placed[sorted(group.difference(vms))] if group.intersection(vms) else placed[:0]
            )
            may[others] = False
            mends += problem.harm * bool(problem.counted[here] and (others == here).any())
        home = self._home(vms, placed)
        if home is not None:
            may &= np.arange(problem.hosts) == home
            mends += problem.harm * len(vms) * (home != here)
        return may, mends

    def _home(self, vms: tuple[int, ...], placed: Ints) -> int | None:
        """Return where a part of a group that is not whole belongs: with most of the group."""
        for group in self._problem.together:
            if vms[0] in group and len(vms) < len(group):
                members = np.bincount(placed[list(group)], minlength=self._problem.hosts)
                members[~self._problem.counted] = 0
                return int(members.argmax()) if members.any() else None
        return None
