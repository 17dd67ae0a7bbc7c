"""Failover capacity: every sequence of failures, a safe bound, and what a plan takes of it."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from anypool.errors import Invalid
from anypool.model import (
    HOLDS_MEMORY,
    Apart,
    Bound,
    DatastoreId,
    Disk,
    Failover,
    HostId,
    HostState,
    Inventory,
    Pinned,
    Policy,
    PolicyId,
    Strength,
    VmId,
    VmState,
)
from anypool.plan import Plan, say
from anypool.planner import plan_evacuation, plan_start
from anypool.planner.failover import Outlook, Recovery, deathmap, recover, spares, told, weakened
from anypool.planner.failover import spare as module
from anypool.planner.rules import NO_RULES, checked
from tests.strategies import host, pool, vm
from tests.unit.failure_judge import Judge

H0 = HostId("h0")
GIB = 1024


def survive(world: Inventory, failures: int, strength: Strength = Strength.MUST) -> Bound:
    rule = Failover(failures=failures)
    hosts = frozenset(world.hosts)
    return Bound(policy=PolicyId("spare"), rule=rule, hosts=hosts, strength=strength)


def survives(world: Inventory, failures: int) -> bool:
    """Judge every sequence of failures by planning each the slow way."""
    if failures == 0:
        return True
    for first in sorted(world.hosts):
        if world.hosts[first].state is not HostState.UP:
            continue
        after = Judge(world).after({first})
        if any(verdict.host is None for verdict in after.values()):
            return False
        next_ = world
        for key, verdict in after.items():
            moved = replace(world.vms[VmId(key)], host=HostId(str(verdict.host)))
            next_ = next_.with_vm(moved)
        next_ = next_.with_host(replace(world.hosts[first], state=HostState.OFF))
        if not survives(next_, failures - 1):
            return False
    return True


@st.composite
def tight(draw: st.DrawFn) -> Inventory:
    count = draw(st.integers(3, 5))
    world = pool(count)
    for number in range(count):
        size = draw(st.integers(4, 12)) * GIB
        world = world.with_host(host(number, memory_mib=size))
    for number in range(draw(st.integers(1, 10))):
        home = HostId(f"h{draw(st.integers(0, count - 1))}")
        size = draw(st.integers(1, 3)) * GIB
        if world.memory_free_mib(home) >= size:
            world = world.with_vm(vm(number, home, memory_mib=size))
    return world


@settings(max_examples=25)
@given(tight(), st.integers(1, 2))
def test_small_pools_are_judged_exactly(world: Inventory, failures: int) -> None:
    (found,) = spares(world, (survive(world, failures),))
    assert found.exact
    assert found.holds == survives(world, failures)
    assert (found.fate is None) == found.holds


@settings(max_examples=25)
@given(st.lists(tight(), min_size=2, max_size=3), st.integers(1, 2))
def test_what_is_kept_of_one_pool_does_not_colour_the_next(
    worlds: list[Inventory], failures: int
) -> None:
    outlook = Outlook()
    first = worlds[0]
    for world in [first, first.with_vm(vm(50, "h0")), *worlds, first]:
        asked = (survive(world, failures),)
        assert spares(world, asked, outlook=outlook) == spares(world, asked)


def test_with_an_outlook_a_plan_costs_the_failures_it_touches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = pool(30).with_vm(vm(1, "h0")).with_vm(vm(2, "h1", state=VmState.STOPPED))
    outlook, bounds, planned = Outlook(), (survive(world, 1),), []
    spares(world, bounds, outlook=outlook)
    usual = recover

    def counted(*asked: Any) -> Recovery:
        planned.append(asked)
        return usual(*asked)

    monkeypatch.setattr(deathmap, "recover", counted)
    assert not weakened(plan_start(world, VmId("v2")), world, bounds, outlook)
    assert 0 < len(planned) <= 2


@settings(max_examples=25)
@given(tight())
def test_the_bound_never_promises_too_much(world: Inventory) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "EXACT", 0)
        (found,) = spares(world, (survive(world, 2),))
    assume(found.holds)
    assert not found.exact
    assert survives(world, 2)


def test_the_bound_holds_where_there_is_room() -> None:
    world = pool(30)
    for number in range(30):
        world = world.with_vm(vm(number, f"h{number}"))
    (found,) = spares(world, (survive(world, 2),))
    assert (found.holds, found.exact) == (True, False)
    apart = Bound(policy=PolicyId("apart"), rule=Apart(), vms=frozenset({VmId("v1"), VmId("v2")}))
    (found,) = spares(world, (survive(world, 2), apart))
    assert found.unproven
    assert say(told(found, world)) == (
        "policy spare: rules about VMs keep it from being proven that 2 failures are survived"
    )


def test_what_no_room_would_help_is_not_counted() -> None:
    local = (Disk(target="vda", volume="v", datastore=DatastoreId("local-h0")),)
    world = pool(3).with_vm(vm(1, "h0", disks=local)).with_vm(vm(2, "h0"))
    pin = Bound(policy=PolicyId("pin"), rule=Pinned(), vms=frozenset({VmId("v2")}))
    (found,) = spares(world, (survive(world, 1), pin))
    assert found.holds


def full(free_mib: int) -> Inventory:
    """Three hosts of 8 GiB that together have `free_mib` more than one failure needs."""
    world = pool(3)
    for number in range(2):
        world = world.with_vm(vm(number, f"h{number}", memory_mib=6 * GIB))
    return world.with_vm(vm(9, "h2", memory_mib=2 * GIB - free_mib, state=VmState.STOPPED))


def test_a_start_that_takes_the_spare_room_is_refused_with_what_is_missing() -> None:
    world = full(0).with_vm(vm(8, "h2", memory_mib=3 * GIB, state=VmState.STOPPED))
    bounds = (survive(world, 1),)
    assert weakened(plan_start(world, VmId("v9")), world, bounds) == ()
    (why,) = weakened(plan_start(world, VmId("v8")), world, bounds)
    assert say(why) == (
        "policy spare: when host0 had failed, VMs with 6 GiB in all would not restart, vm0 "
        "among them (memory 1 GiB short: needs 6 GiB, 5 GiB free)"
    )


def test_maintenance_that_takes_the_spare_room_is_refused() -> None:
    world = full(0)
    plan = plan_evacuation(world, HostId("h2"), NO_RULES)
    assert weakened(plan, world, (survive(world, 1),))
    assert not weakened(plan, world, (survive(world, 1, Strength.SHOULD),))
    assert not weakened(Plan(goal="nothing"), world, (survive(world, 1),))


def test_what_is_lacking_already_does_not_forbid_what_makes_it_no_worse() -> None:
    world = pool(2)
    for number in range(2):
        world = world.with_vm(vm(number, f"h{number}", memory_mib=5 * GIB))
    small = vm(7, "h0", memory_mib=GIB, state=VmState.STOPPED)
    world = world.with_vm(small)
    assert not spares(world, (survive(world, 1),))[0].holds
    assert not weakened(plan_start(world, VmId("v7")), world, (survive(world, 1),))
    large = world.with_vm(replace(small, memory_mib=3 * GIB))
    more = large.with_vm(vm(6, "h1", memory_mib=GIB))
    assert weakened(plan_start(more, VmId("v7")), more, (survive(more, 1),))


def test_sequences_are_those_of_different_hosts_that_are_up() -> None:
    world = pool(4).with_host(host(3, state=HostState.UNKNOWN))
    hosts = [HostId(f"h{n}") for n in range(3)]
    found = [one for one, _ in module._sequences(world, NO_RULES, hosts, 2)]
    assert [one for one in found if len(one) == 2] == list(permutations(hosts, 2))


@pytest.mark.parametrize("failures", [0, 9])
def test_a_policy_of_no_failures_is_refused(failures: int) -> None:
    rule = Failover(failures=failures)
    with pytest.raises(Invalid):
        checked(Policy(id=PolicyId("p"), scope="name != x", rule=rule))


def test_stopped_vms_need_no_spare_room() -> None:
    world = pool(2).with_vm(vm(1, "h0", memory_mib=8 * GIB, state=VmState.STOPPED))
    world = world.with_vm(vm(2, "h1", memory_mib=8 * GIB))
    assert all(one.state in HOLDS_MEMORY for one in world.vms.values() if one.id == "v2")
    assert spares(world, (survive(world, 1),))[0].holds
