"""A placement while hosts are emptied: each move made on a copy of the inventory, and undone."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from anypool.model import Inventory, VmId
from anypool.planner.balance import Floats, Masks
from anypool.planner.fewest.problem import EPS, Problem, Wish
from anypool.planner.place import refusal


class Move(Struct, frozen=True):
    """One move by rows; `step` is shared by VMs that go together, `room_for` whom it makes room."""

    vm: int
    source: int
    target: int
    step: int
    room_for: int = -1


class State:
    """Where every VM is, what every host has left, and the moves that led there."""

    def __init__(self, inventory: Inventory, wish: Wish, problem: Problem) -> None:
        self.world = inventory
        self.problem = problem
        self.placed = problem.placed.copy()
        self.left = problem.left(self.placed)
        self.moves: list[Move] = []
        self._rules = wish.rules
        self._worlds: list[Inventory] = []
        self._units = 0
        self._apart: dict[int, list[tuple[int, ...]]] = {}
        for group in problem.apart:
            for vm in group:
                self._apart.setdefault(vm, []).append(group)

    def fits(self, unit: Sequence[int]) -> Masks:
        """Return which hosts have room for VMs and may have them, as far as numbers tell."""
        take = self.problem.take[unit[0]] if len(unit) == 1 else self.problem.take[unit].sum(axis=0)
        found: Masks = (self.left >= take - EPS).all(axis=1)
        for vm in unit:
            if self.problem.allowed is not None:
                found &= self.problem.allowed[vm]
            for group in self._apart.get(vm, ()):
                found[[int(self.placed[other]) for other in group if other != vm]] = False
        return found

    def go(self, unit: Sequence[int], target: int, room_for: int = -1) -> bool:
        """Move VMs that belong together; return False, and change nothing, where a rule forbids."""
        mark = len(self.moves)
        self._units += 1
        for at, vm in enumerate(unit):
            leaving = frozenset(self.problem.vms[other] for other in unit[at + 1 :])
            after = self._after(vm, target, leaving)
            if after is None:
                self.undo(mark)
                return False
            source = int(self.placed[vm])
            self._worlds.append(self.world)
            self.moves.append(Move(vm, source, target, self._units, room_for))
            self.world = after
            self._shift(vm, source, target)
        return True

    def undo(self, mark: int) -> None:
        """Take back all moves after the first `mark`."""
        while len(self.moves) > mark:
            move = self.moves.pop()
            self.world = self._worlds.pop()
            self._shift(move.vm, move.target, move.source)

    def _shift(self, vm: int, source: int, target: int) -> None:
        self.left[source] += self.problem.take[vm]
        self.left[target] -= self.problem.take[vm]
        self.placed[vm] = target

    def _after(self, vm: int, target: int, leaving: frozenset[VmId]) -> Inventory | None:
        """Return the pool after a move, None if it is refused or gives a preference up."""
        record = self.world.vms[self.problem.vms[vm]]
        host = self.world.hosts[self.problem.hosts[target]]
        source = self.world.hosts[self.problem.hosts[int(self.placed[vm])]]
        needs = self._rules.needs(self.world, record, leaving)
        if refusal(self.world, record, host) is not None or needs.refusal(host) is not None:
            return None
        if len(needs.misses(host)) > len(needs.misses(source)):
            return None
        return self.world.with_vm(replace(record, host=host.id))


def shares_left(problem: Problem, left: Floats) -> Floats:
    """Return what hosts have left, as the mean of the shares of memory and of CPU over the week."""
    memory = left[:, 0] / np.maximum(problem.room[:, 0], 1.0)
    cpu = left[:, problem.hours].mean(axis=1) / problem.cpus
    return np.asarray((memory + cpu) / 2)
