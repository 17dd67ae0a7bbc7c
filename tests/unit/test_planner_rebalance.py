"""Balancing a pool: every order the engine may take is judged, and a second run is empty."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from anypool.model import (
    Apart,
    HostId,
    HostState,
    Inventory,
    OnHosts,
    Pinned,
    Policy,
    PolicyId,
    Rule,
    Snapshot,
    Strength,
    Usage,
    VmId,
)
from anypool.plan import MigrateVm, Plan, Step, names_in, outcome, render
from anypool.plan.check import objections
from anypool.planner.rebalance import Aim, Weights, numbers_of, plan_rebalance, uneven
from anypool.planner.rules import NO_RULES, Rulebook
from tests.strategies import SHARED, host, inventories, pool, vm
from tests.unit.test_rules import ruled


def aim_of(inventory: Inventory, rules: Rulebook = NO_RULES, **more: object) -> Aim:
    return replace(Aim(hosts=frozenset(inventory.hosts), name="all", rules=rules), **more)


def percent(inventory: Inventory, aim: Aim) -> float:
    numbers = numbers_of(inventory, aim.hosts, NO_RULES, aim.usages, aim.weights)
    return uneven(numbers.problem).percent


def crowded(vms: int = 6, **more: object) -> Inventory:
    inventory = pool(3)
    for number in range(vms):
        inventory = inventory.with_vm(vm(number, "h0", **more))
    return inventory


def moves(plan: Plan) -> list[tuple[VmId, HostId, HostId]]:
    actions = [step.action for step in plan]
    return [(a.vm, a.source, a.target) for a in actions if isinstance(a, MigrateVm)]


def policy(name: str, rule: Rule, scope: str, strength: Strength = Strength.MUST) -> Policy:
    return Policy(id=PolicyId(name), scope=scope, rule=rule, strength=strength)


def in_order(draw: st.DrawFn, plan: Plan) -> Plan:
    """Return the plan in another order that its `after` allows."""
    left, taken, steps = list(plan.steps), list[int](), list[Step]()
    while left:
        ready = [step for step in left if step.after <= set(taken)]
        step = draw(st.sampled_from(ready))
        left.remove(step)
        taken.append(step.number)
        steps.append(replace(step, number=len(steps) + 1, after=frozenset()))
    return replace(plan, steps=tuple(steps))


@given(st.data())
@settings(max_examples=60)
def test_no_order_the_engine_may_take_breaks_a_rule_or_overfills_a_host(
    data: st.DataObject,
) -> None:
    world, rules = data.draw(ruled())
    plan = plan_rebalance(world, aim_of(world, rules))
    assert objections(plan, world, rules.bounds) == ()
    other = data.draw(st.composite(in_order)(plan))
    assert objections(other, world, rules.bounds) == ()


@given(ruled())
@settings(max_examples=40)
def test_a_second_run_on_the_outcome_of_the_first_is_empty(
    scene: tuple[Inventory, Rulebook],
) -> None:
    world, rules = scene
    plan = plan_rebalance(world, aim_of(world, rules))
    after = outcome(plan, world)
    assert moves(plan_rebalance(after, aim_of(after, rules.bound_to(after)))) == []


def test_the_reserve_does_not_count_on_a_place_that_a_vm_left_for_good() -> None:
    world = pool(4)
    for number, size in enumerate([3072, 3072, 3072, 4096]):
        world = world.with_host(host(number, memory_mib=size))
    world = world.with_host(host(1, memory_mib=3072, networks=frozenset()))
    stays = {"snapshots": (Snapshot(name="before"),)}
    for number, (on, size) in enumerate([("h0", 2048), ("h1", 1024), ("h0", 1024)]):
        world = world.with_vm(vm(number, on, memory_mib=size, **stays))
    world = world.with_vm(vm(3, "h1", memory_mib=1024)).with_vm(vm(4, "h2", memory_mib=3072))
    plan = plan_rebalance(world, aim_of(world))
    assert moves(plan)
    after = outcome(plan, world)
    assert moves(plan_rebalance(after, aim_of(after))) == []


@given(inventories())
@settings(max_examples=40)
def test_the_hosts_are_more_alike_afterwards_and_the_same_pool_gives_the_same_plan(
    world: Inventory,
) -> None:
    aim = aim_of(world)
    plan = plan_rebalance(world, aim)
    assert plan == plan_rebalance(world, aim)
    if moves(plan):
        assert percent(outcome(plan, world), aim) < percent(world, aim)


@given(inventories())
@settings(max_examples=40)
def test_a_run_that_is_begun_again_after_any_step_makes_the_moves_that_are_left(
    world: Inventory,
) -> None:
    plan = plan_rebalance(world, aim_of(world))
    if len({move[0] for move in moves(plan)}) < len(plan.steps):
        return  # a VM that goes twice by itself would be shortened differently
    for done in range(1, len(plan.steps)):
        if "changes places" in render(plan, names_in(world)):
            return
        part = replace(plan, steps=plan.steps[:done])
        middle = outcome(part, world)
        assert moves(plan_rebalance(middle, aim_of(middle))) == moves(plan)[done:]


def test_each_step_says_what_it_relieves_and_what_else_there_was() -> None:
    world = crowded()
    plan = plan_rebalance(world, aim_of(world))
    text = render(plan, names_in(world))
    assert "balance all: imbalance 17.68 -> 0.00 %" in text
    assert "memory: host0 75 -> 62 %, host1 0 -> 12 %" in text
    assert "vm0 on host2: would lead to an imbalance of" in text
    assert len(plan.steps) == 4


def test_load_counts_beside_memory_and_a_weight_of_nothing_leaves_it_out() -> None:
    world = pool(2)
    for number, home in enumerate(("h0", "h0", "h1", "h1")):
        world = world.with_vm(vm(number, home, vcpus=2))
    usages = {VmId("v0"): Usage(cpu_percent=190.0), VmId("v1"): Usage(cpu_percent=180.0)}
    usages |= {VmId(f"v{n}"): Usage(cpu_percent=5.0) for n in (2, 3)}
    plan = plan_rebalance(world, aim_of(world, usages=usages))
    assert len(moves(plan)) == 2
    assert "CPU: host0" in render(plan, names_in(world))
    blind = aim_of(world, usages=usages, weights=Weights(cpu=0))
    assert moves(plan_rebalance(world, blind)) == []


def test_pinned_and_left_alone_vms_stay() -> None:
    world = crowded(4)
    rules = Rulebook.on((policy("stay", Pinned(), "name in (vm0, vm1)"),), world)
    plan = plan_rebalance(world, aim_of(world, rules, left_alone=frozenset({VmId("v2")})))
    assert [move[0] for move in moves(plan)] == [VmId("v3")]


def test_hosts_without_the_storage_the_network_or_an_open_door_get_nothing() -> None:
    world = crowded(6)
    world = world.with_host(host(1, datastores=frozenset(), memory_mib=8192))
    assert {target for _, _, target in moves(plan_rebalance(world, aim_of(world)))} == {"h2"}
    world = world.with_host(host(2, maintenance=True))
    assert moves(plan_rebalance(world, aim_of(world))) == []
    world = world.with_host(host(2, state=HostState.UNKNOWN))
    assert moves(plan_rebalance(world, aim_of(world))) == []
    world = world.with_host(host(2, datastores=frozenset({SHARED}), networks=frozenset()))
    assert moves(plan_rebalance(world, aim_of(world))) == []


def test_a_scope_of_two_pools_moves_nothing_between_them() -> None:
    world = crowded(4).with_host(host(3, pool="lab")).with_host(host(4, pool="lab"))
    for number in (10, 11):
        world = world.with_vm(vm(number, "h3"))
    plan = plan_rebalance(world, aim_of(world))
    pools = {key: record.pool for key, record in world.hosts.items()}
    assert {pools[target] for _, _, target in moves(plan)} == {"default", "lab"}
    assert all(pools[source] == pools[target] for _, source, target in moves(plan))


def test_a_preference_is_not_given_up_for_balance() -> None:
    world = crowded(6)
    rules = Rulebook.on(
        (policy("like", OnHosts(hosts="name = host0"), "", Strength.SHOULD),), world
    )
    assert moves(plan_rebalance(world, aim_of(world, rules))) == []


def test_racks_are_kept_though_the_numbers_do_not_know_them() -> None:
    world = pool(4)
    for number in range(4):
        world = world.with_host(host(number, tags=frozenset({f"rack:r{number // 2}"})))
    for number in range(6):
        tags = frozenset({"web"}) if number < 2 else frozenset[str]()
        world = world.with_vm(vm(number, "h0" if number != 1 else "h2", tags=tags))
    rules = Rulebook.on((policy("apart", Apart(domain="rack"), "tag = web"),), world)
    plan = plan_rebalance(world, aim_of(world, rules))
    assert objections(plan, world, rules.bounds) == ()
    assert len(moves(plan)) >= 2


def test_a_rule_that_is_broken_is_mended_first() -> None:
    world = crowded(2)
    rules = Rulebook.on((policy("apart", Apart(), "name != x"),), world)
    plan = plan_rebalance(world, aim_of(world, rules))
    assert "mends a broken rule" in render(plan, names_in(world))
    assert len(moves(plan)) == 1


def test_no_more_moves_at_once_than_wanted() -> None:
    world = crowded()
    plan = plan_rebalance(world, aim_of(world, at_once=1))
    assert [step.after for step in plan] == [frozenset(), {1}, {2}, {3}]
    two = plan_rebalance(world, aim_of(world, at_once=2))
    assert [step.after for step in two] == [frozenset(), frozenset(), {1}, {2}]


@pytest.mark.parametrize("hosts", [0, 1])
def test_a_pool_too_small_has_nothing_to_balance(hosts: int) -> None:
    world = pool(hosts)
    if hosts:
        world = world.with_vm(vm(0, "h0"))
    plan = plan_rebalance(world, aim_of(world))
    assert plan.steps == ()
    assert "nothing is worth moving" in plan.goal


def test_a_move_waits_for_the_one_that_makes_room_for_it() -> None:
    world = pool(3)
    for number in range(4):
        world = world.with_vm(vm(number, "h0", vcpus=2, tags=frozenset({"busy"})))
    for number in range(4, 12):
        world = world.with_vm(vm(number, "h1"))
    usages = {VmId(f"v{n}"): Usage(cpu_percent=190.0 if n < 4 else 1.0) for n in range(12)}
    rules = Rulebook.on(
        (policy("not-2", OnHosts(hosts="name = host2", avoid=True), "tag = busy"),), world
    )
    plan = plan_rebalance(world, aim_of(world, rules, usages=usages))
    arrivals = [step for step in plan if step.action.target == HostId("h1")]  # type: ignore[union-attr]
    assert arrivals
    leavers = {s.number for s in plan if s.action.source == HostId("h1")}  # type: ignore[union-attr]
    assert all(step.after & leavers for step in arrivals)
