"""Taking one step: a move or an exchange, kept only if it uses up no reserve."""

import numpy as np

from anypool.planner.balance.moves import gains
from anypool.planner.balance.outcome import Move
from anypool.planner.balance.problem import Ints
from anypool.planner.balance.state import State
from anypool.planner.balance.swaps import swap_gains

TRIES = 8
"""Targets or partners tried for a unit when its best one would use up a reserve."""


class Steps:
    """The steps taken so far; `fresh` are the hosts that took part since it was last cleared.

    A host that took part has other loads than those that the gains at hand were worked out
    for. So it takes part once, and the gain of what follows is looked at again.
    """

    def __init__(self, state: State, price: float) -> None:
        self.state = state
        self.moves: list[Move] = []
        self.fresh: set[int] = set()
        self._price = price
        self._step = 0

    def move(self, rows: tuple[Ints, Ints], row: int, target: int) -> bool:
        """Move the unit of a row, to `target` or to the next best that keeps the reserve."""
        source, kind = int(rows[0][row]), int(rows[1][row])
        if self._took_part({source}):
            return False
        only = (rows[0][row : row + 1], rows[1][row : row + 1])
        if not self._took_part({target}):
            if self.fresh and self._gain(only, target) <= 0:
                return False
            if self._shift(source, kind, target):
                return True
        return not self.fresh and self._elsewhere(only, target)

    def _elsewhere(self, only: tuple[Ints, Ints], refused: int) -> bool:
        every = np.flatnonzero(self.state.problem.counted)
        gains = np.array([self._gain(only, int(target)) for target in every])
        for index in np.argsort(-gains, kind="stable")[:TRIES].tolist():
            target = int(every[index])
            if gains[index] <= 0:
                return False
            if target != refused and self._shift(int(only[0][0]), int(only[1][0]), target):
                return True
        return False

    def _gain(self, only: tuple[Ints, Ints], target: int) -> float:
        """Return what is left of the gain of one move after its price, -inf if it may not be."""
        found = gains(self.state, only, np.array([target]))
        return float(found[0, 0]) - self._price * int(self.state.units.size[only[1][0]])

    def _shift(self, source: int, kind: int, target: int) -> bool:
        state = self.state
        unit = state.unit_of(source, kind)
        mends = state.mends(source, kind)
        state.shift(unit, target)
        if state.breaks_spare():
            state.shift(unit, source)
            return False
        self.fresh |= {source, target}
        self._step += 1
        self._note(unit, (source, target), "mend" if mends else "spread")
        return True

    def swap(
        self, rows: tuple[Ints, Ints], row: int, others: tuple[Ints, Ints], other: int
    ) -> bool:
        """Exchange the unit of a row with that of another, in an order in which both fit."""
        one = (rows[0][[row]], rows[1][[row]])
        two = (others[0][[other]], others[1][[other]])
        left, right = (int(one[0][0]), int(one[1][0])), (int(two[0][0]), int(two[1][0]))
        if self._took_part({left[0], right[0]}):
            return False
        if self.fresh and not swap_gains(self.state, one, two, self._price)[0, 0] > 0:
            return False
        return self._swap_in_order(left, right) or self._swap_in_order(right, left)

    def _swap_in_order(self, first: tuple[int, int], second: tuple[int, int]) -> bool:
        """Move `first` to the host of `second`, then the other way; both, or nothing."""
        state = self.state
        one, two = state.unit_of(*first), state.unit_of(*second)
        if not state.has_room(first[1], second[0]):
            return False
        safe = state.unsafe
        state.shift(one, second[0])
        if state.has_room(second[1], first[0]) and not state.breaks_spare():
            middle, state.unsafe = state.score(), safe
            state.shift(two, first[0])
            if not state.breaks_spare():
                self.fresh |= {first[0], second[0]}
                self._step += 1
                self._note(one, (first[0], second[0]), "exchange", middle)
                self._note(two, (second[0], first[0]), "exchange")
                return True
            state.shift(two, second[0])
        state.shift(one, first[0])
        state.unsafe = safe
        return False

    def _took_part(self, hosts: set[int]) -> bool:
        return bool(self.fresh & hosts)

    def _note(self, unit: int, ways: tuple[int, int], why: str, after: float = -1.0) -> None:
        score_then = after if after >= 0 else self.state.score()
        for vm in self.state.units.vms[unit]:
            self.moves.append(
                Move(
                    vm=vm,
                    source=ways[0],
                    target=ways[1],
                    after=score_then,
                    why=why,
                    step=self._step,
                )
            )
