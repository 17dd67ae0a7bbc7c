"""Every move from every allowed assignment of a tight instance, against the definitions.

Each constraint is the only one that forbids some move here, and each kind of move meets it.
"""

from itertools import permutations, product

import numpy as np
import pytest

from anypool.exchange.roadef import read
from anypool.planner.reassign.gains import after_chain, after_shift
from anypool.planner.reassign.moves import renew, shift
from anypool.planner.reassign.plain import IMPOSSIBLE, changes
from anypool.planner.reassign.problem import objections
from anypool.planner.reassign.rules import may_shift, may_swap
from anypool.planner.reassign.tables import COST, State, Tables, reprice, state, tables
from anypool.planner.reassign.walk import walk
from tests.unit.reassign_judge import Instance, Machine

BUDGET = 1 << 60
PROCESSES, MACHINES = 5, 4
Where = tuple[int, ...]


@pytest.fixture(scope="module")
def instance() -> Instance:
    """Return a pair in two places, one that needs it near, and a pair of large ones."""
    places = [(0, 0), (0, 1), (1, 1), (1, 2)]
    rows = [
        Machine(near, place, [6, 7], [3, 4], [abs(m - n) for n in range(MACHINES)])
        for m, (near, place) in enumerate(places)
    ]
    return Instance(
        resources=[(1, 3), (0, 2)],
        machines=rows,
        services=[(2, []), (0, [0]), (0, [])],
        processes=[(0, [3, 2], 1), (0, [2, 3], 2), (1, [1, 1], 1), (2, [3, 2], 3), (2, [2, 4], 1)],
        balances=[(0, 1, 2, 1)],
        weights=(1, 5, 2),
        home=[0, 2, 0, 1, 3],
    )


@pytest.fixture(scope="module")
def judged(instance: Instance) -> dict[Where, bool]:
    """Return for every assignment whether it is allowed."""
    every = product(range(MACHINES), repeat=PROCESSES)
    return {where: instance.allowed(list(where)) for where in every}


def _with(where: Where, ways: list[tuple[int, int]]) -> Where:
    after = list(where)
    for process, target in ways:
        after[process] = target
    return tuple(after)


def test_the_checker_allows_what_the_definition_allows(
    instance: Instance, judged: dict[Where, bool]
) -> None:
    problem = read(instance.model(), instance.assignment())
    for where, allowed in judged.items():
        assert (not objections(problem, np.array(where))) == allowed
    reasons = [instance.fits, instance.apart, instance.near]
    for reason in reasons:
        others = [one for one in reasons if one is not reason]
        assert any(
            not reason(list(where)) and all(one(list(where)) for one in others) for where in judged
        )


def test_every_shift(instance: Instance, judged: dict[Where, bool]) -> None:
    problem = read(instance.model(), instance.assignment())
    t = tables(problem)
    for where in _allowed(judged):
        s = state(problem, t, np.array(where))
        before = instance.cost(list(where))
        for process in range(PROCESSES):
            added = changes(t, s, process)
            for target in set(range(MACHINES)) - {where[process]}:
                after = _with(where, [(process, target)])
                left = after_shift(t, s, process, target, BUDGET)
                assert (left >= 0 and may_shift(t, s, process, target)) == judged[after]
                assert (int(added[target]) < IMPOSSIBLE) == judged[after]
                if judged[after]:
                    assert BUDGET - left == instance.cost(list(after)) - before
                    assert int(added[target]) == BUDGET - left


def test_every_exchange_and_every_chain(instance: Instance, judged: dict[Where, bool]) -> None:
    problem = read(instance.model(), instance.assignment())
    t = tables(problem)
    for where in _allowed(judged):
        s = state(problem, t, np.array(where))
        before = instance.cost(list(where))
        for one, other in permutations(range(PROCESSES), 2):
            here, there = where[one], where[other]
            for third in range(MACHINES):
                if here == there or third == there:
                    continue
                after = _with(where, [(one, there), (other, third)])
                left = after_chain(t, s, (one, other), third, BUDGET)
                may = may_swap(t, s, one, other) if third == here else _may(t, s, one, other, third)
                assert (left >= 0) == instance.fits(list(after))
                if may or third == here:  # a chain may be refused for what is between its moves
                    assert (left >= 0 and may) == judged[after]
                if left >= 0:
                    assert BUDGET - left == instance.cost(list(after)) - before


def test_every_shift_where_machines_may_be_too_full(instance: Instance) -> None:
    problem = read(instance.model(), instance.assignment())
    t, prices = tables(problem), [3, 4]
    every = product(range(MACHINES), repeat=PROCESSES)
    for where in [one for one in every if instance.apart(list(one))][::3]:
        s = state(problem, t, np.array(where))
        reprice(problem, s, np.array(prices))
        before = instance.priced(list(where), prices)
        for process in range(PROCESSES):
            target = (where[process] + 1) % MACHINES
            after = list(_with(where, [(process, target)]))
            left = after_shift(t, s, process, target, BUDGET)
            assert BUDGET - left == instance.priced(after, prices) - before


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_walks_of_each_kind_of_move_stay_allowed(
    instance: Instance, judged: dict[Where, bool], kind: int
) -> None:
    problem = read(instance.model(), instance.assignment())
    t = tables(problem)
    s = state(problem, t, problem.home)
    heats, seed, taken = np.array([1000.0, 0.0, 0.0, 0.0, 0.0]), np.array([1, 2, 3, 4]), 0
    heats[2 + kind] = 0.7
    for _ in range(400):
        taken += walk(t, s, seed, 3, heats)
        assert judged[tuple(s.where.tolist())]
        assert int(s.totals[COST]) == instance.cost(s.where.tolist())
    assert taken > 40


def _allowed(judged: dict[Where, bool]) -> list[Where]:
    found = [where for where, allowed in judged.items() if allowed]
    assert len(found) > 20
    return found


def _may(t: Tables, s: State, one: int, other: int, third: int) -> bool:
    """Return whether a chain may be made, one move after the other."""
    there = int(s.where[other])
    if not may_shift(t, s, other, third):
        return False
    shift(t, s, other, third)
    may = may_shift(t, s, one, there)
    shift(t, s, other, there)
    renew(t, s, third)
    renew(t, s, there)
    return may
