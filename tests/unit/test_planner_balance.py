"""Balancing: every prefix of the moves is safe, the end is a local optimum, and it stays."""

import dataclasses
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings

from anypool.errors import Invalid
from anypool.planner.balance import Outcome, balance, score
from tests.unit.pool_judge import Pool, pools

PRICE = 0.01


def prefixes(pool: Pool, outcome: Outcome) -> list[tuple[bool, list[int]]]:
    """Return the placement after each move, and whether a whole step ended there."""
    placed, found = list(pool.placed), []
    for _, group in groupby(outcome.moves, key=lambda move: move.step):
        moves = list(group)
        for number, move in enumerate(moves, start=1):
            assert placed[move.vm] == move.source != move.target
            placed[move.vm] = move.target
            found.append((number == len(moves), list(placed)))
    assert placed == outcome.placed.tolist()
    return found


def spread_pool(hosts: int = 3, vms: int = 9) -> Pool:
    return Pool(
        demand=[[2.0] * vms, [1.0] * vms],
        capacity=[[40.0] * hosts, [1.0] * hosts],
        weight=[1.0, 1.0],
        need=[[2] * vms],
        room=[[40] * hosts],
        placed=[0] * vms,
        movable=[True] * vms,
        closed=[False] * hosts,
    )


@pytest.mark.thorough
@given(pools())
def test_every_prefix_keeps_limits_rules_and_reserve(pool: Pool) -> None:
    before = pool.placed
    for whole, after in prefixes(pool, balance(pool.problem())):
        assert not pool.harms(before, after) or (pool.together and not whole)
        if whole:
            assert not pool.harms(before, after)
            assert len(pool.broken(after)) <= len(pool.broken(before))
            before = after
        moved = [vm for vm in pool.vms if after[vm] != pool.placed[vm]]
        assert all(pool.movable[vm] and not pool.closed[after[vm]] for vm in moved)


@given(pools())
def test_scores_are_those_of_the_definition_and_each_step_pays(pool: Pool) -> None:
    outcome = balance(pool.problem())
    hosts = pool.closed.count(False)
    assert outcome.before == pytest.approx(pool.score(pool.placed))
    assert outcome.after == pytest.approx(pool.score(outcome.placed.tolist()))
    last, count = outcome.before, 0
    for move, (whole, after) in zip(outcome.moves, prefixes(pool, outcome), strict=True):
        count += 1
        if whole:
            assert move.after == pytest.approx(pool.score(after), abs=1e-6)
            assert last - move.after > count * PRICE / hosts - 1e-6
            last, count = move.after, 0


@given(pools(rules=False))
def test_nothing_better_is_one_move_or_exchange_away(pool: Pool) -> None:
    outcome = balance(pool.problem())
    placed = outcome.placed.tolist()
    hosts = pool.closed.count(False)
    for other in pool.single_changes(placed):
        moved = [vm for vm in pool.vms if other[vm] != placed[vm]]
        if any(pool.closed[other[vm]] or pool.closed[placed[vm]] for vm in moved):
            continue
        if not pool.harms(placed, other) and in_order(pool, placed, other, moved):
            gain = outcome.after - pool.score(other) - len(moved) * PRICE / hosts
            assert gain < 1e-6


def in_order(pool: Pool, placed: list[int], other: list[int], moved: list[int]) -> bool:
    """Return whether the VMs can go one after the other, each step without harm to the last.

    A host that holds too much from the start may be left by one VM and must not be filled up
    again by the other.
    """
    middles = ([other[vm] if vm == first else placed[vm] for vm in pool.vms] for first in moved)
    return any(not pool.harms(placed, mid) and not pool.harms(mid, other) for mid in middles)


@pytest.mark.thorough
@given(pools())
def test_a_second_run_has_nothing_to_do(pool: Pool) -> None:
    outcome = balance(pool.problem())
    assert outcome.complete
    assert balance(pool.problem(outcome.placed.tolist())).moves == ()


@given(pools(rules=False))
@settings(max_examples=40)
def test_a_run_begun_again_after_any_step_ends_the_same(pool: Pool) -> None:
    outcome = balance(pool.problem())
    for number, (whole, after) in enumerate(prefixes(pool, outcome), start=1):
        if whole:
            rest = balance(pool.problem(after))
            assert rest.placed.tolist() == outcome.placed.tolist()
            assert [(move.vm, move.target) for move in rest.moves] == [
                (move.vm, move.target) for move in outcome.moves[number:]
            ]


def test_a_crowded_host_is_spread_with_the_fewest_moves() -> None:
    outcome = balance(spread_pool().problem())
    assert len(outcome.moves) == 6
    assert outcome.after == pytest.approx(0)
    assert {move.why for move in outcome.moves} == {"spread"}


def test_an_exchange_where_no_single_move_helps() -> None:
    pool = spread_pool(hosts=2, vms=4)
    pool.placed = [0, 0, 1, 1]
    pool.demand[0] = [8.0, 8.0, 2.0, 2.0]
    pool.need = [[8, 8, 2, 2]]
    outcome = balance(pool.problem())
    assert [move.why for move in outcome.moves] == ["exchange", "exchange"]
    assert outcome.after == pytest.approx(0)


def test_a_price_that_is_too_high_means_no_moves() -> None:
    assert balance(spread_pool().problem(), price=100.0).moves == ()


def test_the_budget_ends_the_search_with_what_it_has() -> None:
    asked = iter([False, False, True])
    outcome = balance(spread_pool().problem(), lambda: next(asked))
    assert not outcome.complete
    assert len(outcome.moves) == 2
    assert balance(spread_pool().problem(), lambda: True).moves == ()


def test_a_closed_host_is_emptied_first() -> None:
    pool = spread_pool()
    pool.placed = [0, 0, 0, 1, 1, 1, 2, 2, 2]
    pool.closed = [False, False, True]
    outcome = balance(pool.problem())
    assert {move.vm for move in outcome.moves} == {6, 7, 8}
    assert [move.why for move in outcome.moves] == ["mend"] * 3


def test_a_group_moves_as_one_and_is_united_first() -> None:
    pool = spread_pool(hosts=2, vms=6)
    pool.placed = [0, 0, 0, 0, 0, 1]
    pool.together = [(0, 5)]
    outcome = balance(pool.problem())
    placed = outcome.placed.tolist()
    assert placed[0] == placed[5]
    assert "mend" in {move.why for move in outcome.moves}
    assert sorted(map(placed.count, (0, 1))) == [3, 3]


def test_a_large_uneven_pool_is_balanced_alike_each_time() -> None:
    rng = np.random.default_rng(7)
    hosts, vms = 70, 300
    memory = rng.choice([2, 4, 8, 16], vms)
    pool = spread_pool(hosts, vms)
    pool.demand = [memory.astype(float).tolist(), rng.random(vms).tolist()]
    pool.capacity = [rng.choice([200.0, 300.0], hosts).tolist(), [20.0] * hosts]
    pool.need, pool.room = [memory.tolist()], [[200] * hosts]
    pool.placed = rng.integers(0, hosts // 2, vms).tolist()
    problem = pool.problem()
    first, second = balance(problem), balance(problem)
    assert first.moves == second.moves
    assert first.after < first.before / 20
    assert first.after == pytest.approx(score(problem, first.placed))
    again = balance(dataclasses.replace(problem, placed=first.placed))
    assert again.moves == ()


def test_numbers_that_do_not_fit_together_are_refused() -> None:
    problem = spread_pool().problem()
    for wrong in (
        {"weight": np.ones(3)},
        {"capacity": problem.capacity * 0},
        {"placed": problem.placed + 9},
        {"need": -problem.need},
    ):
        with pytest.raises(Invalid):
            dataclasses.replace(problem, **wrong)  # type: ignore[arg-type]
