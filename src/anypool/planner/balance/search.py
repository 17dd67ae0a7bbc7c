"""Local search: the best moves, then the best exchanges, until none is worth its price."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from anypool.planner.balance.front import deviation, low_targets
from anypool.planner.balance.moves import best_targets, gains
from anypool.planner.balance.problem import Floats, Ints, Problem
from anypool.planner.balance.score import score
from anypool.planner.balance.state import State
from anypool.planner.balance.swaps import best_partners, swap_gains

PRICE = 0.01
"""What one move of one VM costs, as share of one host's capacity taken out of the imbalance."""

EXACT_HOSTS = 32
"""Up to this many hosts each step is the best there is; beyond, several are taken at once."""

NEAR_BEST = 0.7
"""A step taken together with the best one gains at least this share of it."""

TRIES = 8
"""Targets that are tried for a unit when its best one would use up a reserve."""

REFUSALS = 64
"""Rows that are refused for a reserve before a round gives up."""

FIRST_SWAPPERS = 48
"""Hosts, the least average ones, whose VMs are tried for exchange before those of all hosts."""


@dataclass(frozen=True, kw_only=True)
class Move:
    """One VM goes from host to host; numbers are indexes, `after` the score then.

    `why` is "spread", "mend" (a broken rule), or "exchange", with `partner`, the VM
    that takes the opposite way in the move before or after. Moves of one `step`
    belong together: an exchange, or VMs that stay together.
    """

    vm: int
    source: int
    target: int
    after: float
    why: str
    step: int
    partner: int = -1


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The moves in the order they are to be made, and what they lead to."""

    moves: tuple[Move, ...]
    placed: Ints
    before: float
    after: float
    complete: bool  # whether nothing better was left, rather than the budget used up
    unsafe_before: tuple[int, ...]  # hosts whose failure cannot be absorbed
    unsafe_after: tuple[int, ...]


def balance(
    problem: Problem, stop: Callable[[], bool] = lambda: False, *, price: float = PRICE
) -> Outcome:
    """Return moves that lower the score until no move or exchange is worth its price.

    `stop` is asked before each round and ends the search when true. Every prefix of the
    moves keeps the limits, every prefix of whole steps the rules and reserves too; running again on the result
    gives no moves.
    """
    search = _Search(problem, stop, price)
    begin = search.state.unsafe
    while search.round():
        pass
    end = search.state
    return Outcome(
        moves=tuple(search.moves),
        placed=end.placed,
        before=score(problem, problem.placed),
        after=score(problem, end.placed),
        complete=search.complete,
        unsafe_before=tuple(np.flatnonzero(begin).tolist()),
        unsafe_after=tuple(np.flatnonzero(end.unsafe).tolist()),
    )


class _Search:
    def __init__(self, problem: Problem, stop: Callable[[], bool], price: float) -> None:
        self.problem, self._stop = problem, stop
        self.state = State(problem, problem.placed)
        self.moves: list[Move] = []
        self.complete = False
        self._price = price / self.state.population
        self._classes = _alike(problem)
        self._several = max(1, problem.hosts // EXACT_HOSTS)
        self._fresh: set[int] = set()
        self._step = 0

    def round(self) -> bool:
        """Take the next steps; return whether there were any."""
        if self._stop() or not self._classes:
            return False
        if self._spread():
            return True
        for swappers in self._swappers():
            if self._stop():
                return False
            if self._exchange(swappers):
                return True
        if self.problem.together:
            fresh = State(self.problem, self.state.placed)
            if fresh.units.vms != self.state.units.vms:
                self.state = fresh
                return True
        self.complete = True
        return False

    def _spread(self) -> bool:
        state = self.state
        rows = state.rows()
        low = low_targets(state.x, self._classes)
        gain, target = best_targets(state, rows, low)
        gain -= self._price * state.units.size[rows[1]]
        if self._several > 1 and self._spread_several(rows, gain):
            return True
        return self._take(gain, lambda row: self._move(rows, row, int(target[row])))

    def _spread_several(self, rows: tuple[Ints, Ints], gain: Floats) -> bool:
        """Move the best unit of each of the best sources, all to different targets."""
        state = self.state
        some = self._leaders(rows, gain)
        pool = np.concatenate(self._classes)
        level = np.argsort(deviation(state) @ state.x[:, pool], kind="stable")
        targets = pool[level[: 2 * self._several]]
        matrix = gains(state, some, targets) - self._price * state.units.size[some[1]][:, None]
        return self._match(
            matrix, targets, lambda row, column: self._move(some, row, int(targets[column]))
        )

    def _exchange(self, hosts: Ints) -> bool:
        state = self.state
        source, kind = state.rows()
        mine = np.zeros(state.problem.hosts, dtype=np.bool_)
        mine[hosts] = True
        inside = mine[source]
        rows = (source[inside], kind[inside])
        gain, partner = best_partners(state, rows, rows, self._price)
        if self._several > 1 and self._exchange_several(rows, gain):
            return True
        return self._take(gain, lambda row: self._swap(rows, row, rows, int(partner[row])))

    def _exchange_several(self, rows: tuple[Ints, Ints], gain: Floats) -> bool:
        some = self._leaders(rows, gain)
        matrix = swap_gains(self.state, some, rows, self._price)
        return self._match(
            matrix, rows[0], lambda row, column: self._swap(some, row, rows, column)
        )

    def _leaders(self, rows: tuple[Ints, Ints], gain: Floats) -> tuple[Ints, Ints]:
        """Return the best row of each of the best hosts, best first."""
        order = np.argsort(-gain, kind="stable")
        order = order[gain[order] > max(0.0, NEAR_BEST * float(gain.max(initial=0.0)))]
        _, first = np.unique(rows[0][order], return_index=True)
        chosen = order[np.sort(first)[: self._several]]
        return rows[0][chosen], rows[1][chosen]

    def _match(self, matrix: Floats, hosts: Ints, act: Callable[[int, int], bool]) -> bool:
        """Act on each row with its best column, no host twice; return whether anything was done."""
        self._fresh.clear()
        floor = 0.0
        for row in range(matrix.shape[0]):
            column = int(matrix[row].argmax())
            if matrix[row, column] > floor and act(row, column):
                floor = max(floor, NEAR_BEST * float(matrix[row, column]))
                matrix[:, np.isin(hosts, list(self._fresh))] = -np.inf
        return bool(self._fresh)

    def _swappers(self) -> Iterator[Ints]:
        state = self.state
        order = np.argsort(-(deviation(state) @ (state.x * state.x)), kind="stable")
        count = FIRST_SWAPPERS
        while count < order.shape[0]:
            yield order[:count]
            count *= 4
        yield order

    def _take(self, gain: Floats, act: Callable[[int], bool]) -> bool:
        """Act on the rows of greatest gain; return whether anything was done."""
        order = np.argsort(-gain, kind="stable")
        taken, refused, floor = 0, 0, 0.0
        self._fresh.clear()
        for row in order.tolist():
            if not gain[row] > floor or taken == self._several or refused == REFUSALS:
                break
            if act(row):
                taken += 1
                floor = max(floor, NEAR_BEST * float(gain[row]))
            elif not taken:
                refused += 1
        return taken > 0

    def _move(self, rows: tuple[Ints, Ints], row: int, target: int) -> bool:
        """Move the unit of a row, to `target` or to the next best that keeps the reserve."""
        source, kind = int(rows[0][row]), int(rows[1][row])
        if self._moved({source}):
            return False
        only = (rows[0][row : row + 1], rows[1][row : row + 1])
        if not self._moved({target}):
            if self._fresh and self._gain(only, target) <= 0:
                return False
            if self._shift(source, kind, target):
                return True
        return not self._fresh and self._elsewhere(only, target)

    def _elsewhere(self, only: tuple[Ints, Ints], refused: int) -> bool:
        every = np.flatnonzero(self.problem.counted)
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
        self._fresh |= {source, target}
        self._step += 1
        self._note(unit, source, target, "mend" if mends else "spread")
        return True

    def _swap(
        self, rows: tuple[Ints, Ints], row: int, others: tuple[Ints, Ints], other: int
    ) -> bool:
        one = (rows[0][[row]], rows[1][[row]])
        two = (others[0][[other]], others[1][[other]])
        left, right = (int(one[0][0]), int(one[1][0])), (int(two[0][0]), int(two[1][0]))
        if self._moved({left[0], right[0]}):
            return False
        if self._fresh and not swap_gains(self.state, one, two, self._price)[0, 0] > 0:
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
            middle = state.score()
            state.shift(two, first[0])
            if not state.breaks_spare():
                self._fresh |= {first[0], second[0]}
                self._step += 1
                self._note(one, first[0], second[0], "exchange", two, middle)
                self._note(two, second[0], first[0], "exchange", one)
                return True
            state.shift(two, second[0])
        state.shift(one, first[0])
        state.unsafe = safe
        return False

    def _moved(self, hosts: set[int]) -> bool:
        return bool(self._fresh & hosts)

    def _note(
        self, unit: int, source: int, target: int, why: str, partner: int = -1, after: float = -1.0
    ) -> None:
        units = self.state.units
        other = units.vms[partner][0] if partner >= 0 else -1
        score_then = after if after >= 0 else self.state.score()
        for vm in units.vms[unit]:
            self.moves.append(
                Move(
                    vm=vm,
                    source=source,
                    target=target,
                    after=score_then,
                    why=why,
                    step=self._step,
                    partner=other,
                )
            )


def _alike(problem: Problem) -> tuple[Ints, ...]:
    """Return the counted hosts, grouped by equal capacities."""
    hosts = np.flatnonzero(problem.counted)
    if not hosts.shape[0]:
        return ()
    _, kind = np.unique(problem.capacity[:, hosts], axis=1, return_inverse=True)
    kind = kind.reshape(-1)
    return tuple(hosts[kind == number] for number in range(int(kind.max()) + 1))
