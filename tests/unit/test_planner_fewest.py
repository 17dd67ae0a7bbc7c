"""Consolidation: load curves are added up hour by hour, by a judge that shares no code."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from anypool.model import (
    Apart,
    Curve,
    Failover,
    Headroom,
    HostId,
    Inventory,
    OnHosts,
    Pinned,
    Policy,
    PolicyId,
    Rule,
    Strength,
    Together,
    VmId,
    VmState,
)
from anypool.plan import EnterMaintenance, MigrateVm, Plan, names_in, outcome, render
from anypool.plan.check import objections
from anypool.planner.failover import of_hosts, recover
from anypool.planner.failover.ground import Ground
from anypool.planner.failover.order import Order
from anypool.planner.fewest import Wish, consolidated, plan_consolidation, problem_of
from anypool.planner.fewest.search import Search
from anypool.planner.fewest.state import State
from anypool.planner.fewest.survive import Survival
from anypool.planner.rules import NO_RULES, Rulebook
from tests.strategies import host, inventories, pool, vm
from tests.unit.curve_judge import busiest, fewest, in_use, measured, overloaded, weeks
from tests.unit.test_planner_rebalance import in_order
from tests.unit.test_rules import ruled


def wish_of(world: Inventory, rules: Rulebook = NO_RULES, **more: object) -> Wish:
    return replace(Wish(hosts=frozenset(world.hosts), name="all", rules=rules), **more)


def week(night: float, day: float, begin: int = 8) -> Curve:
    """Eight busy hours of each day, the others quiet."""
    hours = [day if (hour - begin) % 24 < 8 else night for hour in range(168)]
    return Curve(high=np.array(hours, dtype=float), mean=np.array(hours, dtype=float))


def book(world: Inventory, **rules: Rule) -> Rulebook:
    def scope(rule: Rule) -> str:
        return "" if isinstance(rule, Headroom | Failover) else "tag = web"

    policies = (Policy(id=PolicyId(n), scope=scope(r), rule=r) for n, r in rules.items())
    return Rulebook.on(tuple(policies), world)


def told(plan: Plan, world: Inventory) -> str:
    return render(plan, names_in(world))


def spread(vms: int, hosts: int = 4, **more: object) -> Inventory:
    world = pool(hosts, cpus=8, memory_mib=16384)
    for number in range(vms):
        world = world.with_vm(vm(number, f"h{number % hosts}", vcpus=4, **more))
    return world


@given(st.data())
@settings(max_examples=25)
def test_no_hour_of_no_host_is_overbooked_in_any_order_the_engine_may_take(
    data: st.DataObject,
) -> None:
    world, rules = data.draw(ruled())
    curves = data.draw(measured(world))
    plan = plan_consolidation(world, wish_of(world, rules, curves=curves, headroom_percent=10))
    assert objections(plan, world, rules.bounds) == ()
    assert overloaded(plan, world, curves, 10) == []
    other = data.draw(st.composite(in_order)(plan))
    assert objections(other, world, rules.bounds) == ()
    assert overloaded(other, world, curves, 10) == []


@given(st.data())
@settings(max_examples=15)
def test_a_second_run_on_the_outcome_of_the_first_is_empty(data: st.DataObject) -> None:
    world, rules = data.draw(ruled())
    curves = data.draw(measured(world))
    plan = plan_consolidation(world, wish_of(world, rules, curves=curves))
    after = outcome(plan, world)
    again = plan_consolidation(after, wish_of(after, rules.bound_to(after), curves=curves))
    assert again.steps == ()


@given(st.data())
@settings(max_examples=15)
def test_what_is_said_to_become_empty_does_and_the_bound_is_below(data: st.DataObject) -> None:
    world = data.draw(inventories())
    curves = data.draw(measured(world))
    made = consolidated(world, wish_of(world, curves=curves))
    found, after = made.found, in_use(outcome(made.plan, world))
    assert not {found.problem.hosts[row] for row in found.empty} & after
    assert len(found.problem.hosts) - len(found.empty) >= max(found.bound, len(after))
    assert made.plan == plan_consolidation(world, wish_of(world, curves=curves))


@given(st.data())
@settings(max_examples=25)
def test_the_bound_is_never_above_what_trying_everything_finds(data: st.DataObject) -> None:
    world = pool(3, cpus=4, memory_mib=4096)
    for number in range(data.draw(st.integers(1, 5))):
        size = data.draw(st.integers(1, 3)) * 1024
        home = next((h for h in sorted(world.hosts) if world.memory_free_mib(h) >= size), None)
        if home is not None:
            world = world.with_vm(vm(number, home, memory_mib=size))
    curves = {key: data.draw(weeks()) for key in sorted(world.vms)}
    made = consolidated(world, wish_of(world, curves=curves, headroom_percent=0))
    best = fewest(world, curves, 0)
    assert made.found.bound <= best
    if not overfull(world, curves):
        assert best <= len(in_use(outcome(made.plan, world)))


def overfull(world: Inventory, curves: dict[VmId, Curve]) -> bool:
    return any(busiest(world, curves, key) > 1 for key in world.hosts)


@given(st.data())
@settings(max_examples=15)
def test_any_failure_is_survived_without_the_emptied_hosts(data: st.DataObject) -> None:
    world = pool(4, memory_mib=8192)
    for number in range(data.draw(st.integers(1, 8))):
        size = data.draw(st.integers(1, 3)) * 1024
        home = HostId(f"h{number % 4}")
        if world.memory_free_mib(home) >= size:
            world = world.with_vm(vm(number, home, memory_mib=size))
    curves = {key: week(10, 30) for key in world.vms}
    made = consolidated(world, wish_of(world, curves=curves, failures=1))
    empty = {made.found.problem.hosts[row] for row in made.found.empty}
    after = outcome(made.plan, world)
    for key in empty:
        after = after.without_host(key)
    if not made.found.survives:
        return
    for key in sorted(after.hosts):
        lost = recover(Ground(after, NO_RULES), Order(after, NO_RULES), of_hosts((key,))).lost
        assert not lost, (key, lost)


def test_vms_busy_at_different_hours_share_a_host_and_peaks_are_not_summed() -> None:
    world = spread(3, 2)
    turns = {VmId(f"v{n}"): week(20, 320, begin=8 * n) for n in range(3)}
    alike = {VmId(f"v{n}"): week(20, 320, begin=8) for n in range(3)}
    by_turns = consolidated(world, wish_of(world, curves=turns))
    assert len(by_turns.found.empty) == 1
    assert len(consolidated(world, wish_of(world, curves=alike)).found.empty) == 0
    assert "2 -> 1 hosts; no placement needs fewer" in by_turns.plan.goal


def test_each_step_says_what_it_empties_how_busy_the_target_gets_and_what_else_there_was() -> None:
    world = spread(4)
    plan = plan_consolidation(world, wish_of(world, curves={v: week(30, 150) for v in world.vms}))
    text = told(plan, world)
    assert "4 -> 1 hosts" in text
    assert "empties host0; host1 is then 38 % busy in its busiest hour, Mon 08:00" in text
    assert "costs 34 move-seconds in 3 migrations of 3 GiB" in text
    assert "is to become empty itself" in text
    assert "empty afterwards: host0, host2, host3" in text


def test_a_host_too_busy_at_one_hour_is_refused_with_that_hour() -> None:
    world = pool(3, cpus=4, memory_mib=16384)
    for number in range(3):
        world = world.with_vm(vm(number, f"h{number}", vcpus=4))
    curves = {VmId("v0"): week(10, 200, 8), VmId("v1"): week(10, 200, 8),
              VmId("v2"): week(10, 200, 16)}  # fmt: skip
    plan = plan_consolidation(world, wish_of(world, curves=curves))
    assert "would be 100 % busy on Mon 08:00, 80 % are allowed" in told(plan, world)


def test_unmeasured_vms_count_with_their_configured_sizes_and_are_named() -> None:
    world = spread(4)
    curves = {VmId("v0"): week(5, 10)}
    made = consolidated(world, wish_of(world, curves=curves, headroom_percent=0))
    assert len(made.found.empty) == 2
    assert "3 VMs were measured in fewer than 24 hours" in made.plan.goal
    assert "vm1, vm2, vm3" in made.plan.goal
    hours = np.where(np.arange(168) < 23, 1.0, np.nan)
    short = {key: Curve(high=hours, mean=hours) for key in world.vms}
    assert "4 VMs were measured" in plan_consolidation(world, wish_of(world, curves=short)).goal
    enough = wish_of(world, curves=short, least_hours=20)
    assert "of 4 VMs some hours of the week are unknown" in plan_consolidation(world, enough).goal


def test_pinned_and_left_alone_vms_keep_their_hosts_and_the_plan_says_why() -> None:
    world = spread(4)
    world = world.with_vm(replace(world.vms[VmId("v0")], tags=frozenset({"web"})))
    curves = {key: week(5, 10) for key in world.vms}
    made = consolidated(
        world,
        wish_of(world, book(world, stay=Pinned()), curves=curves,
                left_alone=frozenset({VmId("v1")})),
    )  # fmt: skip
    hosts = made.found.problem.hosts
    assert {hosts[row] for row in made.found.empty} == {HostId("h2"), HostId("h3")}
    assert made.found.bound == 2
    text = told(made.plan, world)
    assert "host0 cannot be emptied: policy stay" in text
    assert "host1 cannot be emptied: vm1 is not to be touched by automation" in text


def test_rules_are_kept_apart_together_and_headroom() -> None:
    world = spread(4, memory_mib=2048)
    for number in range(3):
        record = world.vms[VmId(f"v{number}")]
        world = world.with_vm(replace(record, tags=frozenset({"web"})))
    curves = {key: week(5, 10) for key in world.vms}
    apart = consolidated(world, wish_of(world, book(world, far=Apart()), curves=curves))
    assert len(apart.found.empty) == 1
    assert apart.found.bound == 3
    roomy = consolidated(
        world, wish_of(world, book(world, free=Headroom(memory_percent=75)), curves=curves)
    )
    assert len(roomy.found.empty) == 2


def test_racks_are_kept_though_the_numbers_do_not_know_them() -> None:
    world = spread(4, 4)
    for number in range(4):
        tags = frozenset({f"rack:r{number // 2}"})
        world = world.with_host(host(number, cpus=8, memory_mib=16384, tags=tags))
        if number in (0, 3):
            record = world.vms[VmId(f"v{number}")]
            world = world.with_vm(replace(record, tags=frozenset({"web"})))
    curves = {key: week(5, 10) for key in world.vms}
    rules = book(world, racks=Apart(domain="rack"))
    made = consolidated(world, wish_of(world, rules, curves=curves))
    assert len(made.found.empty) == 2
    assert objections(made.plan, world, rules.bounds) == ()


def test_an_hour_that_nobody_measured_counts_as_the_busiest_known_one() -> None:
    world = spread(2, 2)
    full = week(20, 300)
    part = Curve(high=np.where(full.high > 100, full.high, np.nan), mean=full.mean)
    curves = {VmId("v0"): week(20, 360, begin=20), VmId("v1"): full}
    assert len(consolidated(world, wish_of(world, curves=curves)).found.empty) == 1
    curves[VmId("v1")] = part
    assert consolidated(world, wish_of(world, curves=curves)).found.empty == ()


def test_vms_that_belong_together_leave_together() -> None:
    world = pool(3, memory_mib=8192)
    for number in range(2):
        world = world.with_vm(vm(number, "h0", memory_mib=1024, tags=frozenset({"web"})))
    world = world.with_vm(vm(2, "h1", memory_mib=6144)).with_vm(vm(3, "h2", memory_mib=7168))
    rules = book(world, near=Together())
    curves = {key: week(5, 10) for key in world.vms}
    plan = plan_consolidation(world, wish_of(world, rules, curves=curves))
    assert {step.action.target for step in plan} == {HostId("h1")}  # type: ignore[union-attr]
    assert objections(plan, world, rules.bounds) == ()


def test_a_preference_is_not_given_up() -> None:
    world = spread(2, 2)
    rules = Rulebook.on(
        (Policy(id=PolicyId("like"), scope="", rule=OnHosts(hosts="name = host0"),
                strength=Strength.SHOULD),), world,
    )  # fmt: skip
    curves = {key: week(5, 10) for key in world.vms}
    plan = plan_consolidation(world, wish_of(world, rules, curves=curves))
    assert [step.action.target for step in plan] == [HostId("h0")]  # type: ignore[union-attr]


def test_a_smaller_vm_makes_room_for_a_larger_one() -> None:
    world = pool(3, memory_mib=8192)
    sizes = {"h0": [5], "h1": [3, 3], "h2": [5]}
    for number, (home, size) in enumerate((h, s) for h, some in sizes.items() for s in some):
        world = world.with_vm(vm(number, home, memory_mib=size * 1024))
    curves = {key: week(1, 1) for key in world.vms}
    made = consolidated(world, wish_of(world, curves=curves))
    assert len(made.found.empty) == 1
    swapped = pool(3, memory_mib=8192)
    sizes = {"h0": [4], "h1": [2, 4], "h2": [3, 1, 2]}
    for number, (home, size) in enumerate((h, s) for h, some in sizes.items() for s in some):
        swapped = swapped.with_vm(vm(number, home, memory_mib=size * 1024))
    curves = {key: week(1, 1) for key in swapped.vms}
    plan = plan_consolidation(swapped, wish_of(swapped, curves=curves))
    assert "makes room for vm0" in told(plan, swapped)
    assert len(in_use(outcome(plan, swapped))) == 2


def test_where_emptying_gets_stuck_all_vms_are_packed_anew() -> None:
    rng = np.random.default_rng(4)
    world, sizes = pool(20, cpus=10, memory_mib=10_000), rng.integers(5, 60, (40, 2))
    curves = {}
    for number, (cpu, memory) in enumerate(sizes.tolist()):
        world = world.with_vm(vm(number, f"h{number % 20}", memory_mib=memory * 100))
        curves[VmId(f"v{number}")] = week(cpu * 10, cpu * 10)
    wish = wish_of(world, curves=curves, headroom_percent=0)
    alone = Search(State(world, wish, problem_of(world, wish)), wish, Survival(world, wish))
    before, made = alone.run(world), consolidated(world, wish)
    assert len(made.found.empty) > len(before.empty)
    assert overloaded(made.plan, world, curves, 0) == []
    assert objections(made.plan, world) == ()
    after = outcome(made.plan, world)
    again = wish_of(after, curves=curves, headroom_percent=0)
    assert plan_consolidation(after, again).steps == ()


def test_a_failure_that_was_asked_for_keeps_a_host() -> None:
    world = spread(4, memory_mib=4096)
    curves = {key: week(5, 10) for key in world.vms}
    plain = consolidated(world, wish_of(world, curves=curves))
    safe = consolidated(world, wish_of(world, curves=curves, failures=1))
    assert (len(plain.found.empty), len(safe.found.empty)) == (3, 2)
    assert safe.found.bound == 2
    assert "1 failure is survived without them" in safe.plan.goal
    policy = book(world, n1=Failover(failures=1))
    assert len(consolidated(world, wish_of(world, policy, curves=curves)).found.empty) == 2


def test_an_empty_host_counts_as_needed_if_a_failure_needs_it() -> None:
    world = pool(3, memory_mib=8192)
    world = world.with_vm(vm(0, "h0", memory_mib=6144))
    curves = {VmId("v0"): week(5, 10)}
    made = consolidated(world, wish_of(world, curves=curves, failures=1))
    assert len(made.found.empty) == 1
    assert made.plan.steps == ()
    assert "2 hosts are needed" in made.plan.goal


def test_many_hosts_are_judged_at_the_end_and_failures_are_still_survived() -> None:
    world = pool(64, memory_mib=8192)
    for number in range(64):
        world = world.with_vm(vm(number, f"h{number}", memory_mib=2048))
    curves = {key: week(5, 10) for key in world.vms}
    made = consolidated(world, wish_of(world, curves=curves, failures=1))
    assert made.found.survives
    assert 64 - len(made.found.empty) == 17
    after = outcome(made.plan, world)
    again = consolidated(after, wish_of(after, curves=curves, failures=1))
    assert again.plan.steps == ()


def test_emptied_hosts_are_closed_on_demand_after_their_last_move() -> None:
    world = spread(3, 3)
    world = world.with_vm(vm(9, "h0", state=VmState.STOPPED))
    curves = {key: week(5, 10) for key in world.vms}
    plan = plan_consolidation(world, wish_of(world, curves=curves, close=True))
    moves = [s.action for s in plan if isinstance(s.action, MigrateVm)]
    closed = {s.action.host: s.after for s in plan if isinstance(s.action, EnterMaintenance)}
    assert {move.source for move in moves} == set(closed)
    assert all(closed.values())
    assert objections(plan, world) == ()


def test_a_search_that_is_stopped_says_so() -> None:
    world = spread(4)
    curves = {key: week(5, 10) for key in world.vms}
    plan = plan_consolidation(world, wish_of(world, curves=curves), lambda: True)
    assert plan.steps == ()
    assert "the time was up" in plan.goal


@pytest.mark.parametrize("hosts", [0, 1])
def test_a_pool_too_small_has_nothing_to_consolidate(hosts: int) -> None:
    world = pool(hosts)
    plan = plan_consolidation(world, wish_of(world))
    assert plan.steps == ()


def test_closed_and_silent_hosts_get_nothing() -> None:
    world = spread(2, 2)
    world = world.with_host(host(1, maintenance=True, cpus=8, memory_mib=16384))
    curves = {key: week(5, 10) for key in world.vms}
    assert plan_consolidation(world, wish_of(world, curves=curves)).steps == ()
