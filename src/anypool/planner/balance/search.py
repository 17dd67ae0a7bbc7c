"""Local search: the best moves, then the best exchanges, until none is worth its price."""

from collections.abc import Callable, Iterator

import numpy as np

from anypool.planner.balance.front import deviation, low_targets
from anypool.planner.balance.moves import best_targets, gains
from anypool.planner.balance.outcome import Outcome
from anypool.planner.balance.problem import Floats, Ints, Problem
from anypool.planner.balance.score import score
from anypool.planner.balance.state import State
from anypool.planner.balance.steps import TRIES, Steps
from anypool.planner.balance.swaps import best_partners, swap_gains

PRICE = 0.01
"""What one move of one VM costs, as share of one host's capacity taken out of the imbalance."""

EXACT_HOSTS = 32
"""Up to this many hosts each step is the best there is; beyond, several are taken at once."""

NEAR_BEST = 0.7
"""A step taken together with the best one gains at least this share of it."""

REFUSALS = 64
"""Rows that are refused for a reserve before a round gives up."""

SWAPPERS = 48
"""Hosts whose VMs are tried for exchange at once, the least average ones first."""


def balance(
    problem: Problem, stop: Callable[[], bool] = lambda: False, *, price: float = PRICE
) -> Outcome:
    """Return moves that lower the score until no move or exchange is worth its price.

    `stop` is asked before each round and ends the search when true. Every prefix of the
    moves keeps the limits, every prefix of whole steps the rules and reserves too. Running
    again on the result gives no moves.
    """
    search = _Search(problem, stop, price)
    begin = search.state.unsafe
    while search.round():
        pass
    end = search.state
    return Outcome(
        moves=tuple(search.steps.moves),
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
        self.complete = False
        self._price = price / self.state.population
        self.steps = Steps(self.state, self._price)
        self._classes = _alike(problem)
        self._several = max(1, problem.hosts // EXACT_HOSTS)

    def round(self) -> bool:
        """Take the next steps; return whether there were any."""
        if self._stop() or not self._classes:
            return False
        if self._spread():
            return True
        for mine, theirs in self._swappers():
            if self._stop():
                return False
            if self._exchange(mine, theirs):
                return True
        if self.problem.together:
            fresh = State(self.problem, self.state.placed)
            if fresh.units.vms != self.state.units.vms:
                self.state = self.steps.state = fresh
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
        return self._take(gain, lambda row: self.steps.move(rows, row, int(target[row])))

    def _spread_several(self, rows: tuple[Ints, Ints], gain: Floats) -> bool:
        """Move the best unit of each of the best sources, all to different targets."""
        state = self.state
        some = self._leaders(rows, gain)
        pool = np.concatenate(self._classes)
        level = np.argsort(deviation(state) @ state.x[:, pool], kind="stable")
        targets = pool[level[: 2 * self._several]]
        matrix = gains(state, some, targets) - self._price * state.units.size[some[1]][:, None]
        return self._match(
            matrix, targets, lambda row, column: self.steps.move(some, row, int(targets[column]))
        )

    def _exchange(self, mine: Ints, theirs: Ints) -> bool:
        """Exchange units of hosts in `mine` with units of hosts in `theirs`."""
        state = self.state
        left, right = state.rows_of(mine), state.rows_of(theirs)
        gain, partner = best_partners(state, left, right, self._price)
        if self._several > 1:
            some = self._leaders(left, gain)
            matrix = swap_gains(state, some, right, self._price)
            if self._match(
                matrix, right[0], lambda row, other: self.steps.swap(some, row, right, other)
            ):
                return True
        return self._take(gain, lambda row: self._swap(left, row, right, int(partner[row])))

    def _swap(
        self, left: tuple[Ints, Ints], row: int, right: tuple[Ints, Ints], partner: int
    ) -> bool:
        """Exchange a row with its best partner, or the next best that keeps the reserve."""
        if self.steps.swap(left, row, right, partner):
            return True
        if self.steps.fresh:
            return False
        only = (left[0][row : row + 1], left[1][row : row + 1])
        found = swap_gains(self.state, only, right, self._price)[0]
        for other in np.argsort(-found, kind="stable")[:TRIES].tolist():
            if not found[other] > 0:
                return False
            if other != partner and self.steps.swap(left, row, right, other):
                return True
        return False

    def _leaders(self, rows: tuple[Ints, Ints], gain: Floats) -> tuple[Ints, Ints]:
        """Return the best row of each of the best hosts, best first."""
        order = np.argsort(-gain, kind="stable")
        order = order[gain[order] > max(0.0, NEAR_BEST * float(gain.max(initial=0.0)))]
        _, first = np.unique(rows[0][order], return_index=True)
        chosen = order[np.sort(first)[: self._several]]
        return rows[0][chosen], rows[1][chosen]

    def _match(self, matrix: Floats, hosts: Ints, act: Callable[[int, int], bool]) -> bool:
        """Act on each row with its best column, no host twice; return whether anything was done."""
        self.steps.fresh.clear()
        floor = 0.0
        for row in range(matrix.shape[0]):
            column = int(matrix[row].argmax())
            if matrix[row, column] > floor and act(row, column):
                floor = max(floor, NEAR_BEST * float(matrix[row, column]))
                matrix[:, np.isin(hosts, list(self.steps.fresh))] = -np.inf
        return bool(self.steps.fresh)

    def _swappers(self) -> Iterator[tuple[Ints, Ints]]:
        """Yield pairs of sets of hosts, the least average ones first, until all were paired."""
        state = self.state
        order = np.argsort(-(deviation(state) @ (state.x * state.x)), kind="stable")
        yield order[:SWAPPERS], order[:SWAPPERS]
        if order.shape[0] > SWAPPERS:
            for begin in range(0, order.shape[0], SWAPPERS):
                yield order[begin : begin + SWAPPERS], order[begin:]

    def _take(self, gain: Floats, act: Callable[[int], bool]) -> bool:
        """Act on the rows of greatest gain; return whether anything was done."""
        order = np.argsort(-gain, kind="stable")
        taken, refused, floor = 0, 0, 0.0
        self.steps.fresh.clear()
        for row in order.tolist():
            if not gain[row] > floor or taken == self._several or refused == REFUSALS:
                break
            if act(row):
                taken += 1
                floor = max(floor, NEAR_BEST * float(gain[row]))
            elif not taken:
                refused += 1
        return taken > 0


def _alike(problem: Problem) -> tuple[Ints, ...]:
    """Return the counted hosts, grouped by equal capacities."""
    hosts = np.flatnonzero(problem.counted)
    if not hosts.shape[0]:
        return ()
    _, kind = np.unique(problem.capacity[:, hosts], axis=1, return_inverse=True)
    kind = kind.reshape(-1)
    return tuple(hosts[kind == number] for number in range(int(kind.max()) + 1))
