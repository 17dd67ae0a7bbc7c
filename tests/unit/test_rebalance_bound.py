"""The bound on the imbalance: below every placement there is, and told in the plan."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anypool.planner.balance import Problem
from anypool.planner.rebalance import Aim, plan_rebalance, uneven
from anypool.planner.rebalance.bound import least_percent
from tests.strategies import pool, vm

PLAIN = [4000.0, 4000.0, 4000.0]


def problem(demand: list[float], capacity: list[float], stays: list[bool]) -> Problem:
    vms, hosts = len(demand), len(capacity)
    return Problem(
        demand=np.array([demand]),
        base=np.zeros((1, hosts)),
        capacity=np.array([capacity]),
        weight=np.array([1.0]),
        need=np.zeros((1, vms), dtype=np.int64),
        room=np.ones((1, hosts), dtype=np.int64),
        placed=np.arange(vms, dtype=np.int64) % hosts,
        counted=np.ones(hosts, dtype=np.bool_),
        movable=~np.array(stays, dtype=np.bool_),
    )


def best(given: Problem) -> float:
    """The least imbalance by trying every placement."""
    free = np.flatnonzero(given.movable)
    found = []
    for homes in product(range(given.hosts), repeat=len(free)):
        placed = given.placed.copy()
        placed[free] = homes
        found.append(uneven(given, placed).percent)
    return min(found)


@given(st.data())
@settings(max_examples=25)
def test_no_placement_is_below_the_bound(data: st.DataObject) -> None:
    vms = data.draw(st.integers(1, 4))
    demand = data.draw(st.lists(st.integers(0, 4000), min_size=vms, max_size=vms))
    stays = data.draw(st.lists(st.booleans(), min_size=vms, max_size=vms))
    sizes = st.lists(st.sampled_from([1000, 4000, 9000]), min_size=3, max_size=3)
    capacity = data.draw(st.one_of(st.just(PLAIN), sizes))
    given = problem([float(one) for one in demand], [float(one) for one in capacity], stays)
    assert least_percent(given) <= best(given) + 1e-9


@pytest.mark.parametrize(
    ("demand", "capacity", "stays", "expected"),
    [
        ([4000.0], PLAIN, [False], 47.14),  # one VM is on one host
        ([1000.0] * 3, PLAIN, [False] * 3, 0.0),
        ([4000.0, 1000.0, 1000.0], PLAIN, [True, False, False], 35.36),
        ([3000.0, 1000.0], [4000.0, 2000.0], [True, False], 12.5),
    ],
)
def test_the_bound_is_reached_where_it_can_be(
    demand: list[float], capacity: list[float], stays: list[bool], expected: float
) -> None:
    given = problem(demand, capacity, stays)
    assert least_percent(given) == pytest.approx(expected, abs=0.01)
    assert best(given) == pytest.approx(expected, abs=0.01)


def test_a_plan_says_how_near_it_is() -> None:
    world = pool(3).with_vm(vm(1, "h0", memory_mib=4096)).with_vm(vm(2, "h0"))
    plan = plan_rebalance(world, Aim(hosts=frozenset(world.hosts), name="all"))
    (near,) = (one for one in plan.bounds if one.what == "imbalance")
    assert 0 < near.bound <= near.reached
    assert near.gap == 0
