"""Reassignment: costs, constraints and changes of cost as the definitions say, by another judge."""

from itertools import product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from anypool.errors import Invalid
from anypool.exchange.roadef import read, write
from anypool.planner.reassign import core, cost, lower_bound, search
from anypool.planner.reassign.core import Core
from anypool.planner.reassign.course import Course, Kind
from anypool.planner.reassign.gains import after_chain, after_shift
from anypool.planner.reassign.moves import renew, shift
from anypool.planner.reassign.plain import IMPOSSIBLE, changes
from anypool.planner.reassign.problem import objections
from anypool.planner.reassign.rules import may_shift, may_swap
from anypool.planner.reassign.tables import CLOCK, COST, State, Tables, reprice, state, tables
from anypool.planner.reassign.walk import walk
from tests.unit.reassign_judge import (
    HELD_AT_HOME,
    ONLY_BY_EXCHANGE,
    Instance,
    Machine,
    instances,
)


@settings(max_examples=25, deadline=None)
@given(instances(processes=4, machines=3))
def test_cost_and_constraints_are_those_of_the_definition(instance: Instance) -> None:
    problem = read(instance.model(), instance.assignment())
    for where in product(range(len(instance.machines)), repeat=len(instance.home)):
        found = np.array(where)
        assert cost(problem, found) == instance.cost(list(where))
        assert (not objections(problem, found)) == instance.allowed(list(where))
        assert lower_bound(problem) <= instance.cost(list(where))


UNORDERED = ("gain", "stamp", "version", "traded", "first", "next", "last")
"""What depends on how an assignment came about; so does CLOCK in `totals`."""

BUDGET = 1 << 60
"""More than anything costs."""


def _books_agree(s: State, anew: State) -> None:
    """Compare what is kept with what is counted anew, and the list of each machine's processes."""
    for name in s._fields:
        kept, counted = getattr(s, name), getattr(anew, name)
        if name == "totals":
            kept, counted = np.delete(kept, CLOCK), np.delete(counted, CLOCK)
        if name not in UNORDERED:
            assert (kept == counted).all(), name
    for machine, process in enumerate(s.first.tolist()):
        listed, before = [], -1
        while process >= 0:
            assert s.last[process] == before
            listed.append(process)
            before, process = process, int(s.next[process])
        assert sorted(listed) == np.flatnonzero(s.where == machine).tolist()


Ways = list[tuple[int, int]]
"""Moves in their order: a process and where it goes."""


def _drawn(data: st.DataObject, s: State, machines: int) -> tuple[str, Ways]:
    """Draw a shift, an exchange or a chain."""
    processes = st.integers(0, len(s.where) - 1)
    one, other, third = (
        data.draw(processes),
        data.draw(processes),
        data.draw(st.integers(0, machines - 1)),
    )
    here, there = int(s.where[one]), int(s.where[other])
    kind = data.draw(st.sampled_from(["shift", "swap", "chain"]))
    if kind == "shift":
        return kind, [(one, third)] if third != here else []
    if here == there:
        return kind, []
    if kind == "swap":
        return kind, [(one, there), (other, here)]
    return kind, [(other, third), (one, there)] if third not in (here, there) else []


def _judged(t: Tables, s: State, kind: str, ways: Ways) -> tuple[int, bool]:
    """Return what is left of the budget after moves, and whether services allow them."""
    if kind == "shift":
        ((one, target),) = ways
        return after_shift(t, s, one, target, BUDGET), may_shift(t, s, one, target)
    if kind == "swap":
        (one, _), (other, here) = ways
        return after_chain(t, s, (one, other), here, BUDGET), may_swap(t, s, one, other)
    (other, third), (one, there) = ways
    left = after_chain(t, s, (one, other), third, BUDGET)
    if not may_shift(t, s, other, third):
        return left, False
    shift(t, s, other, third)
    may = may_shift(t, s, one, there)
    shift(t, s, other, there)
    for machine in (third, there):
        renew(t, s, machine)
    return left, may


@settings(max_examples=60, deadline=None)
@given(instances(), st.data())
def test_a_change_is_what_a_move_adds_to_the_cost(instance: Instance, data: st.DataObject) -> None:
    problem = read(instance.model(), instance.assignment())
    t = tables(problem)
    s = state(problem, t, problem.home)
    for _ in range(8):
        kind, ways = _drawn(data, s, len(instance.machines))
        where = s.where.tolist()
        for process, machine in ways:
            where[process] = machine
        if not ways:
            continue
        left, may = _judged(t, s, kind, ways)
        if kind == "chain":
            assert (left >= 0) == instance.fits(where)
            assert not may or instance.allowed(where) or left < 0
        else:
            assert (left >= 0 and may) == instance.allowed(where)
        if kind == "shift":
            _plain_agrees(t, s, ways[0], instance, where)
        if left < 0 or not may:
            continue
        assert int(s.totals[COST]) + BUDGET - left == instance.cost(where)
        touched = {int(s.where[process]) for process, _ in ways} | {place for _, place in ways}
        for process, machine in ways:
            shift(t, s, process, machine)
        for machine in touched:
            renew(t, s, machine)
        _books_agree(s, state(problem, t, np.array(where)))


def _plain_agrees(
    t: Tables, s: State, way: tuple[int, int], instance: Instance, where: list[int]
) -> None:
    process, target = way
    change = int(changes(t, s, process)[target])
    assert (change < IMPOSSIBLE) == instance.allowed(where)
    if change < IMPOSSIBLE:
        assert int(s.totals[COST]) + change == instance.cost(where)


@settings(max_examples=3, deadline=None)
@given(instances(processes=5, machines=3))
@example(ONLY_BY_EXCHANGE)
@example(HELD_AT_HOME)
def test_the_search_finds_the_best_of_small_instances(instance: Instance) -> None:
    problem = read(instance.model(), instance.assignment())
    best = instance.best()
    for seed in range(12):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(core, "STEPS", 200)
            *_, last = search(problem, lambda steps: steps / (12 * 200), seed=seed)
        where = last.where.tolist()
        assert instance.allowed(where)
        assert instance.cost(where) == last.cost >= best
        if last.cost == best:
            return
    pytest.fail(f"twelve searches end at {last.cost} at best, and the best is {best}")


@pytest.fixture
def instance() -> Instance:
    """Return a service of three in two places, one that needs it, and three machines."""
    rows = [Machine(m % 2, m, [20, 20], [5, 20], [int(m != n) for n in range(4)]) for m in range(4)]
    return Instance(
        resources=[(0, 10), (1, 1)],
        machines=rows,
        services=[(2, []), (0, [0]), (0, [])],
        processes=[(0, [4, 4], 1)] * 3 + [(1, [3, 2], 1)] + [(2, [2, 1], 2)],
        balances=[(0, 1, 1, 10)],
        weights=(1, 10, 100),
        home=[0, 1, 2, 0, 0],
    )


def test_the_same_seed_and_steps_give_the_same_assignments(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "STEPS", 60)
    problem = read(instance.model(), instance.assignment())
    runs = []
    for _ in range(2):
        *_, last = search(problem, lambda steps: steps / (12 * 60), cores=2, seed=3)
        runs.append((last.cost, last.where.tolist()))
    assert runs[0] == runs[1]


def test_a_walk_keeps_its_books(instance: Instance) -> None:
    problem = read(instance.model(), instance.assignment())
    t = tables(problem)
    s = state(problem, t, problem.home)
    heats = np.array([30.0, 0.0, 0.3, 0.2, 0.1])
    assert walk(t, s, np.array([1, 2, 3, 4]), 900, heats) > 10
    assert instance.allowed(s.where.tolist())
    _books_agree(s, state(problem, t, s.where.copy()))


@settings(max_examples=15, deadline=None)
@given(instances(), st.integers(1, 2**31))
def test_machines_may_be_too_full_at_a_price_and_nothing_else_is_broken(
    instance: Instance, seed: int
) -> None:
    problem = read(instance.model(), instance.assignment())
    t = tables(problem)
    s = state(problem, t, problem.home)
    prices = [1 + r for r in range(len(instance.resources))]
    reprice(problem, s, np.array(prices))
    for _ in range(4):
        heats = np.array([20.0, 5.0, 0.3, 0.1, 0.1])
        walk(t, s, np.array([seed, 2, 3, 4]), 40, heats)
        where = s.where.tolist()
        assert instance.apart(where)
        assert instance.near(where)
        assert int(s.totals[COST]) == instance.priced(where, prices)
        _plain_changes_agree(instance, s, prices)


def _plain_changes_agree(instance: Instance, s: State, prices: list[int]) -> None:
    """Compare what numpy says of the first process with the definition, for each machine."""
    problem = read(instance.model(), instance.assignment())
    added = changes(tables(problem), s, 0)
    for machine in range(len(instance.machines)):
        where = s.where.tolist()
        where[0] = machine
        may = instance.apart(where) and instance.near(where)
        assert (int(added[machine]) < IMPOSSIBLE) == may
        if may:
            assert int(s.totals[COST]) + int(added[machine]) == instance.priced(where, prices)


@settings(max_examples=15, deadline=None)
@given(instances(processes=8, machines=3), st.integers(1, 2**31))
def test_trades_keep_their_books_and_break_nothing(instance: Instance, seed: int) -> None:
    problem = read(instance.model(), instance.assignment())
    t = tables(problem)
    s = state(problem, t, problem.home)
    for _ in range(20):
        heats = np.array([30.0, 0.0, 0.0, 0.0, 1.0])
        walk(t, s, np.array([seed, 2, 3, 4]), 6, heats)
        seed += 1
        assert instance.allowed(s.where.tolist())
        assert int(s.totals[COST]) == instance.cost(s.where.tolist())
        _books_agree(s, state(problem, t, s.where.copy()))


def test_a_trade_puts_a_large_process_where_several_small_ones_are() -> None:
    rows = [Machine(0, m, [7, 7], [safe, 7], [0, 0]) for m, safe in enumerate((4, 6))]
    instance = Instance(
        resources=[(0, 10), (0, 1)],
        machines=rows,
        services=[(0, []) for _ in range(3)],
        processes=[(0, [6, 0], 0), *((s, [2, 0], 0) for s in (1, 2))],
        balances=[],
        weights=(0, 0, 0),
        home=[0, 1, 1],
    )
    problem = read(instance.model(), instance.assignment())
    t = tables(problem)
    s = state(problem, t, problem.home)
    walk(t, s, np.array([1, 2, 3, 4]), 40, np.array([0.1, 0.0, 0.0, 0.0, 1.0]))
    assert s.where[0] == 1
    assert int(s.totals[COST]) == instance.best()


@pytest.fixture
def tempting() -> Instance:
    """Return two processes that are cheapest on a machine with one unit too little for both."""
    sizes = [(8, 0), (7, 6)]
    rows = [Machine(0, m, [c, 9], [safe, 9], [0, 0]) for m, (c, safe) in enumerate(sizes)]
    return Instance(
        resources=[(0, 100), (0, 1)],
        machines=rows,
        services=[(0, []), (0, [])],
        processes=[(0, [4, 0], 0), (1, [4, 0], 0)],
        balances=[],
        weights=(0, 0, 0),
        home=[0, 0],
    )


def test_a_machine_that_is_still_too_full_at_the_end_is_given_up(
    tempting: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "STEPS", 5)
    problem = read(tempting.model(), tempting.assignment())
    one = Core(problem, tables(problem), 1, 0)
    ended = False

    def at(steps: int) -> float:
        nonlocal ended
        if ended or steps > 500:
            return 1.0
        ended = one.too_full > 0
        monkeypatch.setattr(core, "STEPS", 0 if ended else 5)
        return 0.95 if ended else 0.2

    one.cycle(Kind(relaxed=True, pull=0.0), problem.home, at)
    assert ended
    assert one.too_full == 0


def test_being_too_full_is_paid_for_until_no_machine_is(instance: Instance) -> None:
    problem = read(instance.model(), instance.assignment())
    course = Course(problem, Kind(relaxed=True, pull=0.0))
    first, second = course.at(0.85, True).prices, course.at(0.86, True).prices
    assert (first > 0).all()
    assert (second > first).any()
    assert not course.at(0.87, False).prices.any()


def test_what_is_kept_is_allowed_though_it_is_cheaper_to_pay_for_too_full_a_machine(
    tempting: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "STEPS", 5)
    problem = read(tempting.model(), tempting.assignment())
    one = Core(problem, tables(problem), 1, 0)
    too_full = 0

    def at(steps: int) -> float:
        nonlocal too_full
        too_full += int(one.too_full > 0)
        assert tempting.allowed(one.where.tolist())
        return steps / 400

    assert one.cycle(Kind(relaxed=True, pull=0.0), problem.home, at) == one.cost == tempting.best()
    assert too_full > 5


def test_a_search_ends_with_what_is_allowed(instance: Instance) -> None:
    problem = read(instance.model(), instance.assignment())
    for found in search(problem, lambda steps: steps / (6 * 100), cores=2, seed=5):
        assert instance.allowed(found.where.tolist())
        assert instance.cost(found.where.tolist()) == found.cost


def test_a_model_that_is_read_is_written_as_an_assignment(instance: Instance) -> None:
    problem = read(instance.model(), instance.assignment())
    assert write(problem.home) == instance.assignment()


WRONG = (
    ("2\n0 10\n1 1\n", "2\n0 x\n1 1\n", "the model, line 2: 'x' is not a whole number"),
    ("2\n0 10\n1 1\n", "2\n7 10\n1 1\n", "the model, line 2: a resource must begin with"),
    ("2\n0 10\n1 1\n", "2\n0 -10\n1 1\n", "the model, line 2: a number is not in 0 to"),
    ("\n1 3 2 1\n", "\n9 3 2 1\n", "line 17: there is no service 9, the last is 2"),
    ("\n0 1 0\n", "\n0 1 5\n", "line 11: there is no service 5"),
    ("\n0 1 1 10", "\n0 2 1 10", "there is no resource 2"),
    ("1 10 100\n", "1 10\n", "the model, line 21: the file ends where the weights"),
    ("1 10 100\n", "1 10 100\n3\n", "the model, line 22: 1 more numbers"),
    ("\n4\n", "\n0\n", "line 4: there are 0 machines"),
    ("\n4\n", "\n4000000000\n", "ends where 4000000000 machines"),
    ("1 10 100\n", "4294967296 1 1\n", "line 21: a number is not in"),
)


@pytest.mark.parametrize(("right", "wrong", "message"), WRONG)
def test_what_is_wrong_in_a_model_is_told_with_its_line(
    instance: Instance, right: str, wrong: str, message: str
) -> None:
    text = instance.model().replace("0 1 1\n10\n", "0 1 1 10\n")
    assert text.count(right) >= 1
    with pytest.raises(Invalid, match=message):
        read(text.replace(right, wrong, 1), instance.assignment())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the file ends"),
        (" \n", "line 1: the file ends"),
        ("0 1 2 0", "the assignment, line 1: the file ends"),
        ("0 1 2\n0 4\n", "the assignment, line 2: there is no machine 4"),
        ("0 1 2 0 0 0\n", "1 more numbers"),
        ("0 0 2 0 0\n", "service 0 has two processes on machine 0"),
    ],
)
def test_what_is_wrong_in_an_assignment_is_told(
    instance: Instance, text: str, message: str
) -> None:
    with pytest.raises(Invalid, match=message):
        read(instance.model(), text)


def test_costs_that_may_be_too_large_to_count_are_refused(instance: Instance) -> None:
    text = (
        instance.model()
        .replace("\n0 10\n", "\n0 4294967295\n")
        .replace(" 20 20 ", " 4294967295 20 ")
    )
    with pytest.raises(Invalid, match="too much to count exactly"):
        read(text, instance.assignment())
