"""Capacity, consolidation and ranking against judges that try everything and share no code."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anypool.errors import Invalid
from anypool.planner.capacity import Pool, capacity
from anypool.planner.consolidate import (
    best_fit,
    consolidate,
    decreasing,
    first_fit,
    lower_bound,
)
from anypool.planner.rank import Weight, best, points

Sizes = list[int]


def places(sizes: Sizes, rooms: Sizes) -> bool:
    """Return whether all sizes find room, by trying everything."""
    if not sizes:
        return True
    first, *rest = sizes
    for index, room in enumerate(rooms):
        if room >= first and places(rest, [*rooms[:index], room - first, *rooms[index + 1 :]]):
            return True
    return False


def survives(pool: list[tuple[int, Sizes]], added: Sizes, size: int, failures: int) -> bool:
    """Return whether every combination of failing hosts is absorbed."""
    free = [room - size * count for (room, _), count in zip(pool, added, strict=True)]
    if min(free) < 0:
        return False
    held = [[*vms, *[size] * count] for (_, vms), count in zip(pool, added, strict=True)]
    hosts = range(len(pool))
    return all(
        places(
            sorted((one for host in failed for one in held[host]), reverse=True),
            [free[host] for host in hosts if host not in failed],
        )
        for failed in combinations(hosts, failures)
    )


POOLS = st.lists(
    st.tuples(st.integers(0, 9), st.lists(st.sampled_from((1, 2, 3)), max_size=3)),
    min_size=2,
    max_size=4,
)


def as_arrays(pool: list[tuple[int, Sizes]]) -> Pool:
    held = [(size, host) for host, (_, vms) in enumerate(pool) for size in vms]
    return Pool(
        free=np.array([[room for room, _ in pool]], dtype=np.int64),
        memory=np.array([size for size, _ in held], dtype=np.int64),
        placed=np.array([host for _, host in held], dtype=np.int64),
    )


@given(POOLS, st.sampled_from((1, 2, 3)), st.integers(0, 1))
def test_what_is_counted_fits_and_survives(
    pool: list[tuple[int, Sizes]], size: int, failures: int
) -> None:
    found = capacity(as_arrays(pool), np.array([size]), failures)
    if found.count >= 0:
        assert int(found.on_host.sum()) == found.count
        assert survives(pool, found.on_host.tolist(), size, failures)
    assert found.count <= found.bound
    assert found.exact


@given(POOLS.filter(lambda pool: len(pool) <= 3), st.sampled_from((2, 3)))
@settings(max_examples=50)
def test_no_spread_of_more_than_the_bound_survives(
    pool: list[tuple[int, Sizes]], size: int
) -> None:
    found = capacity(as_arrays(pool), np.array([size]), 1)
    best = max(
        (
            sum(added)
            for added in product(*(range(room // size + 1) for room, _ in pool))
            if survives(pool, list(added), size, 1)
        ),
        default=-1,
    )
    assert found.count <= best <= found.bound


def test_large_vms_keep_room_in_one_piece() -> None:
    pool = Pool(
        free=np.full((1, 4), 10),
        memory=np.zeros(0, dtype=np.int64),
        placed=np.zeros(0, dtype=np.int64),
    )
    assert capacity(pool, np.array([5]), 0).count == 8
    assert capacity(pool, np.array([5]), 1).count == 6
    assert capacity(pool, np.array([5]), 3).count == 2


def test_many_hosts_are_judged_by_the_safe_bound() -> None:
    hosts = 200
    pool = Pool(
        free=np.full((2, hosts), 100),
        memory=np.full(hosts, 4),
        placed=np.arange(hosts),
    )
    found = capacity(pool, np.array([4, 1]), 3)
    assert not found.exact
    assert found.bound * 0.95 < found.count <= found.bound
    assert capacity(pool, np.array([4, 50]), 3).count == 2 * hosts


def test_capacity_refuses_what_makes_no_sense() -> None:
    pool = as_arrays([(3, []), (3, [])])
    for size, failures in (([0], 0), ([1, 1], 0), ([1], 2), ([1], -1)):
        with pytest.raises(Invalid):
            capacity(pool, np.array(size), failures)


def fewest(sizes: list[tuple[int, int]], room: int) -> int:
    """Return the fewest hosts by trying everything."""
    for hosts in range(1, len(sizes) + 1):
        for host in product(range(hosts), repeat=len(sizes)):
            loads = [
                [
                    sum(size[c] for size, at in zip(sizes, host, strict=True) if at == h)
                    for c in (0, 1)
                ]
                for h in range(hosts)
            ]
            if all(load <= room for pair in loads for load in pair):
                return hosts
    raise AssertionError("one host each is always enough")


@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10)), min_size=1, max_size=5))
@settings(max_examples=60)
def test_the_bound_is_below_and_the_packing_above_the_best(sizes: list[tuple[int, int]]) -> None:
    demand = np.array(sizes, dtype=float)
    packing = consolidate(demand, np.array([10.0, 10.0]))
    best = fewest(sizes, 10)
    assert packing.bound == lower_bound(demand / 10) <= best <= packing.hosts
    assert packing.hosts <= best + 1


@given(st.integers(0, 10_000))
@settings(max_examples=25)
def test_no_host_is_overfull_and_best_fit_is_never_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    demand = rng.integers(1, 40, (60, 3)).astype(float)
    capacity_of_each = np.array([64.0, 80.0, 100.0])
    packing = consolidate(demand, capacity_of_each)
    for host in range(packing.hosts):
        assert (demand[packing.host == host].sum(axis=0) <= capacity_of_each + 1e-6).all()
        assert (packing.host == host).any()
    share = demand / capacity_of_each
    assert packing.hosts <= best_fit(share, decreasing(share)).max() + 1
    assert packing.hosts <= first_fit(share, np.arange(60)).max() + 1
    assert packing.bound <= packing.hosts


def test_vms_that_are_busy_at_different_hours_share_a_host() -> None:
    day, night = [8.0, 1.0, 4.0], [1.0, 8.0, 4.0]
    packing = consolidate(np.array([day, day, night, night]), np.array([10.0, 10.0, 16.0]))
    assert packing.hosts == packing.bound == 2
    assert packing.gap == 0
    assert consolidate(np.array([[8.0, 4.0]] * 4), np.array([10.0, 16.0])).hosts == 4


def test_large_vms_raise_the_bound_above_the_sum() -> None:
    assert lower_bound(np.full((6, 1), 0.51)) == 6
    assert lower_bound(np.full((6, 1), 0.34)) == 3


def test_consolidation_refuses_what_fits_nowhere() -> None:
    room = np.array([4.0, 4.0])
    for demand in ([[5.0, 1.0]], [[-1.0, 1.0]], [[float("nan"), 1.0]], [[1.0]]):
        with pytest.raises(Invalid):
            consolidate(np.array(demand), room)
    assert consolidate(np.zeros((0, 2)), room).hosts == 0


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(-3, 3)), max_size=12), st.integers(1, 4))
def test_points_are_ranks_times_factors(columns: list[tuple[int, int]], most: int) -> None:
    """A rank is the number of hosts with the same value or a worse one."""
    weights = (
        Weight(value=np.array([memory for memory, _ in columns], np.int64), factor=3),
        Weight(value=np.array([load / 7 for _, load in columns]), factor=2),
    )
    found = points(weights, len(columns))
    assert found.tolist() == [
        3 * sum(other[0] <= mine[0] for other in columns)
        + 2 * sum(other[1] <= mine[1] for other in columns)
        for mine in columns
    ]
    order = sorted(range(len(columns)), key=lambda host: (-found[host], host))
    assert best(found, most).tolist() == order[:most]
