"""The death map stays what planning every failure anew would give, whatever changes in the pool."""

import random
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from anypool.model import (
    Bound,
    Datastore,
    DatastoreId,
    Disk,
    Headroom,
    HostId,
    HostState,
    Inventory,
    MaxVms,
    Service,
    StateReason,
    VmCopy,
    VmId,
    VmState,
)
from anypool.planner.failover import DeathMap, Failure, deathmap, every, of_hosts, plan_recovery
from anypool.planner.rules import Rulebook
from tests.strategies import SHARED, host, pool, vm
from tests.unit.failure_judge import Judge
from tests.unit.test_planner_failover import ruled, seen

GIB = 1024
SAMPLED = 70  # of each of three pools


def judged(map_: DeathMap, bounds: tuple[Bound, ...], its: tuple[Service, ...] = ()) -> None:
    """Compare every failure of hosts with planning again the slow way, and each with a new map."""
    anew = DeathMap(map_.inventory, Rulebook(bounds), its)
    judge = Judge(map_.inventory, bounds, its)
    assert [one.failure for one in map_.all()] == [one.failure for one in anew.all()]
    for found, new in zip(map_.all(), anew.all(), strict=True):
        assert found.fates == new.fates, found.failure
        if found.failure.datastore is None:
            assert seen(found) == judge.after(set(found.failure.hosts)), found.failure


def crowded(seed: int, hosts: int, vms: int, full: float) -> Inventory:
    """A pool that is `full` by that share, with racks, power feeds and local disks."""
    rng = random.Random(seed)
    world = pool(0)
    for number in range(hosts):
        tags = frozenset({f"rack:r{number // 8}", f"power:p{number % 5}"})
        size = rng.choice((64, 96, 128)) * GIB
        local = DatastoreId(f"local-h{number}")
        world = world.with_datastore(Datastore(id=local, name=local))
        stores = frozenset({SHARED, local})
        world = world.with_host(
            host(number, memory_mib=size, cpus=64, tags=tags, datastores=stores)
        )
    for number in range(vms):
        size = rng.choice((2, 2, 4, 4, 8, 16, 32)) * GIB
        home = HostId(f"h{rng.randrange(hosts)}")
        room = world.memory_free_mib(home) - (1 - full) * world.hosts[home].memory_mib
        if room < size:
            continue
        store = SHARED if rng.random() < 0.97 else DatastoreId(f"local-{home}")
        disks = (Disk(target="vda", volume=f"v{number}", datastore=store),)
        world = world.with_vm(vm(number, home, memory_mib=size, disks=disks))
    return world


@pytest.mark.parametrize("full", [0.6, 0.8, 0.95])
def test_two_hundred_sampled_failures_are_what_planning_again_gives(full: float) -> None:
    world = crowded(7, 40, 900, full)
    map_, judge, rng = DeathMap(world), Judge(world), random.Random(1)
    single = [one for one in every(world) if one.datastore is None]
    lost = 0
    for _ in range(SAMPLED):
        failure: Failure = rng.choice(single)
        found = map_.get(failure)
        assert seen(found) == judge.after(set(failure.hosts)), failure
        lost += len(found.lost)
    for _ in range(20):
        several = of_hosts(HostId(f"h{n}") for n in rng.sample(range(40), 3))
        assert seen(plan_recovery(world, several)) == judge.after(set(several.hosts))
    assert lost, "a pool in which nothing is lost proves nothing"


def changed(world: Inventory, rng: random.Random) -> Inventory:
    """The pool after one change of a VM or host, drawn at random."""
    key = rng.choice(sorted(world.vms))
    old, hosts = world.vms[key], sorted(world.hosts)
    match rng.randrange(11):
        case 0:
            return world.with_vm(replace(old, state=VmState.STOPPED))
        case 1:
            return world.with_vm(replace(old, state=VmState.RUNNING))
        case 2 | 3:
            return world.with_vm(replace(old, host=rng.choice(hosts)))
        case 4:
            return world.with_vm(replace(old, memory_mib=rng.choice((1, 2, 4, 8)) * GIB))
        case 5:
            return world.without_vm(key)
        case 6:
            new = vm(rng.randrange(10_000, 20_000), rng.choice(hosts), memory_mib=4 * GIB)
            return world.with_vm(new)
        case 7:
            tags = frozenset({rng.choice(("app:a", "app:b"))})
            moving = rng.choice((StateReason.NONE, StateReason.MIGRATING))
            return world.with_vm(replace(old, tags=tags, reason=moving))
        case 8:
            record = world.hosts[rng.choice(hosts)]
            state = rng.choice((HostState.UP, HostState.UNKNOWN, HostState.OFF))
            return world.with_host(replace(record, state=state, maintenance=rng.random() < 0.3))
        case 9:
            there = rng.choice([one for one in hosts if one != old.host])
            return world.with_vm(replace(old, copies=(VmCopy(host=there, state=VmState.STOPPED),)))
        case _:
            record = world.hosts[rng.choice(hosts)]
            reserved = rng.choice((0, GIB, 8 * GIB))
            return world.with_host(replace(record, reserved_mib=reserved))


@pytest.mark.parametrize(("full", "many"), [(0.6, 100), (0.85, 6)])
def test_a_map_that_is_kept_up_is_one_made_anew(
    full: float, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deathmap, "MANY", many)
    world, rng = crowded(3, 24, 400, full), random.Random(11)
    map_ = DeathMap(world)
    again = []
    for _ in range(60):
        world = changed(world, rng)
        again.append(map_.advance(world))
        anew = DeathMap(world)
        for found, new in zip(map_.all(), anew.all(), strict=True):
            assert found.fates == new.fates, found.failure
    judged(map_, ())
    assert min(again) < len(list(map_.all())) / 4, (
        "a change that alters all failures proves nothing"
    )


@settings(max_examples=100)
@given(ruled(), st.randoms(use_true_random=False))
def test_rules_and_services_are_kept_up_too(
    drawn: tuple[Inventory, tuple[Bound, ...], tuple[Service, ...]], rng: random.Random
) -> None:
    world, bounds, its = drawn
    if not world.vms:
        return
    its = its if rng.random() < 0.5 else ()
    map_ = DeathMap(world, Rulebook(bounds), its)
    judged(map_, bounds, its)
    for _ in range(4):
        after = changed(world, rng)
        if its and len(after.vms) < len(world.vms):
            continue
        world = after if after.vms else world
        bounds = tuple(_rebound(bound, world, rng) for bound in bounds)
        map_.advance(world, Rulebook(bounds), its)
        judged(map_, bounds, its)


def _rebound(bound: Bound, world: Inventory, rng: random.Random) -> Bound:
    """Bind a rule to somebody else, as a query does when tags change."""
    if isinstance(bound.rule, MaxVms | Headroom) or rng.random() < 0.7:
        return bound
    some: frozenset[VmId] = frozenset(islice(sorted(world.vms), rng.randrange(5)))
    return replace(bound, vms=some)
