"""Rolling maintenance, judged by independent checkers on tight pools."""

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from anypool.errors import NoPlan
from anypool.model import (
    HOLDS_MEMORY,
    Apart,
    Bound,
    Failover,
    HostId,
    HostState,
    Inventory,
    Pinned,
    PolicyId,
    Protected,
    RolloutWish,
    Snapshot,
    VmId,
    VmState,
)
from anypool.plan import (
    EnterMaintenance,
    HandOver,
    LeaveMaintenance,
    MigrateVm,
    Plan,
    StartVm,
    StopVm,
    VerifyHost,
    apply,
    encode_plan,
    outcome,
    say,
)
from anypool.plan.check import objections, violations
from anypool.plan.wavecheck import off_together
from anypool.planner.rolling import Stuck, Wave, fewest, forecast, plan_wave, terms
from anypool.planner.rules import Rulebook
from tests.strategies import host, inventories, pool, vm

H = [HostId(f"h{number}") for number in range(8)]


def wish(*hosts: HostId, **more: object) -> RolloutWish:
    return replace(RolloutWish(hosts=hosts), **more)


def every_host(world: Inventory) -> tuple[HostId, ...]:
    known = sorted(world.hosts.values(), key=lambda one: one.id)
    return tuple(one.id for one in known if one.state is HostState.UP and not one.maintenance)


def homes(world: Inventory) -> dict[VmId, HostId | None]:
    return {one.id: one.host for one in world.vms.values()}


@settings(deadline=None, max_examples=30)
@given(inventories(), st.integers(1, 3), st.booleans())
def test_every_wave_waits_for_the_verification_of_the_one_before(
    world: Inventory, most: int, put_back: bool
) -> None:
    wanted = wish(*every_host(world), max_hosts=most, put_back=put_back)
    try:
        found = forecast(world, wanted, "default")
    except NoPlan:
        return
    plan = found.plan
    assert off_together(plan, most) == ()
    assert sorted(one for wave in found.waves for one in wave) == sorted(wanted.hosts)
    assert found.fewest <= len(found.waves) <= len(wanted.hosts)
    verified: set[HostId] = set()
    begun: set[HostId] = set()
    for step in plan:
        wave = next(i for i, hosts in enumerate(found.waves) if _host(step.action, hosts))
        earlier = {one for hosts in found.waves[:wave] for one in hosts}
        assert earlier <= verified
        match step.action:
            case HandOver(host=one):
                begun.add(one)
            case VerifyHost(host=one):
                assert one in begun
                verified.add(one)
            case _:
                pass
    assert verified == set(wanted.hosts)


def _host(action: object, hosts: tuple[HostId, ...]) -> bool:
    """Whether an action is of the wave of these hosts: it empties, services or fills one."""
    if isinstance(action, MigrateVm):
        return action.source in hosts or action.target in hosts
    return getattr(action, "host", None) in hosts


@settings(deadline=None, max_examples=30)
@given(inventories(), st.integers(1, 3), st.booleans())
def test_no_step_breaks_what_held_and_all_run_again_at_the_end(
    world: Inventory, most: int, shut_down: bool
) -> None:
    wanted = wish(*every_host(world), max_hosts=most, shut_down=shut_down)
    try:
        plan = forecast(world, wanted, "default").plan
    except NoPlan:
        return
    before = violations(world)
    assert objections(plan, world) == ()
    after = world
    for step in plan:
        after = apply(step.action, after)
        assert violations(after) <= before
    assert {one.id: one.state for one in after.vms.values()} == {
        one.id: one.state for one in world.vms.values()
    }
    assert not any(after.hosts[one].maintenance for one in wanted.hosts)
    if not plan.rejected:
        assert homes(after) == homes(world)


@settings(deadline=None, max_examples=20)
@given(inventories())
def test_one_at_a_time_is_refused_only_if_no_order_works(world: Inventory) -> None:
    wanted = wish(*every_host(world)[:3])
    try:
        forecast(world, wanted, "default")
    except NoPlan:
        on = terms(world, wanted)
        for order in permutations(wanted.hosts):
            state: Inventory | None = world
            for one in order:
                wave = plan_wave(state, (one,), on) if state is not None else None
                state = wave.after if isinstance(wave, Wave) else None
            assert state is None


@settings(deadline=None, max_examples=20)
@given(inventories(), st.integers(1, 3))
def test_no_partition_has_fewer_waves_than_the_bound(world: Inventory, most: int) -> None:
    hosts = every_host(world)[:4]
    wanted = wish(*hosts, max_hosts=most)
    on = terms(world, wanted)
    least = fewest(world, hosts, on)
    for parts in _partitions(hosts):
        if len(parts) >= least or any(len(part) > most for part in parts):
            continue
        state: Inventory | None = world
        for part in parts:
            wave = plan_wave(state, part, on) if state is not None else None
            state = wave.after if isinstance(wave, Wave) else None
        assert state is None


def _partitions(hosts: tuple[HostId, ...]) -> list[list[tuple[HostId, ...]]]:
    if not hosts:
        return [[]]
    found: list[list[tuple[HostId, ...]]] = []
    for rest in _partitions(hosts[1:]):
        found.append([(hosts[0],), *rest])
        found += [[*rest[:i], (hosts[0], *part), *rest[i + 1 :]] for i, part in enumerate(rest)]
    return found


@pytest.mark.parametrize("most", [1, 2, 3, 5])
def test_as_many_as_allowed_are_off_together_and_never_more(most: int) -> None:
    found = forecast(pool(6).with_vm(vm(1, "h0")), wish(*H[:6], max_hosts=most), "default")
    assert off_together(found.plan, most) == ()
    assert off_together(found.plan, most - 1) != ()
    assert len(found.waves) == found.fewest == -(-6 // most)


def test_equal_pools_give_equal_bytes() -> None:
    world = pool(4).with_vm(vm(1, "h0")).with_vm(vm(2, "h1"))
    wanted = wish(*H[:4], max_hosts=2)
    one, other = (forecast(world, wanted, "default").plan for _ in range(2))
    assert encode_plan(one) == encode_plan(other)


def test_the_whole_way_of_one_host() -> None:
    world = pool(2).with_vm(vm(1, "h0"))
    plan = forecast(world, wish(H[0], hypervisor="9.2"), "default").plan
    kinds = [type(step.action) for step in plan]
    assert kinds == [
        MigrateVm, EnterMaintenance, HandOver, VerifyHost, LeaveMaintenance, MigrateVm
    ]  # fmt: skip
    assert [sorted(step.after) for step in plan] == [[], [1], [2], [3], [4], [5]]
    verify = plan.steps[3].action
    assert isinstance(verify, VerifyHost)
    assert verify.hypervisor == "9.2"
    assert verify.datastores == world.hosts[H[0]].datastores


def test_vms_stay_where_they_went_if_asked() -> None:
    world = pool(3).with_vm(vm(1, "h0"))
    plan = forecast(world, wish(H[0], put_back=False), "default").plan
    assert type(plan.steps[-1].action) is LeaveMaintenance
    assert outcome(plan, world).vms[VmId("v1")].host != H[0]


def test_what_blocks_is_named_with_the_reason_and_what_would_help() -> None:
    held = vm(1, "h0", snapshots=(Snapshot(name="before"),))
    with pytest.raises(NoPlan) as caught:
        forecast(pool(3).with_vm(held), wish(*H[:3]), "default")
    assert "vm1" in caught.value.message
    assert any("snapshot" in why for why in caught.value.refusals.values())
    assert "--shut-down" in (caught.value.hint or "")


def test_missing_memory_is_named_in_mib() -> None:
    world = pool(2)
    for number in range(2):
        world = world.with_vm(vm(number, f"h{number}", memory_mib=5 * 1024))
    with pytest.raises(NoPlan) as caught:
        forecast(world, wish(H[0]), "default")
    assert "vm0" in caught.value.message
    assert "2 GiB" in (caught.value.hint or "")


def test_a_silent_host_is_no_candidate() -> None:
    world = pool(3).with_host(host(1, state=HostState.UNKNOWN))
    with pytest.raises(NoPlan) as caught:
        forecast(world, wish(*H[:3]), "default")
    assert "host1" in caught.value.message


def test_what_cannot_move_is_shut_down_and_started_again_if_asked() -> None:
    held = vm(1, "h0", snapshots=(Snapshot(name="before"),))
    plan = forecast(pool(3).with_vm(held), wish(H[0], shut_down=True), "default").plan
    kinds = [type(step.action) for step in plan]
    assert kinds[0] is StopVm
    assert kinds[-1] is StartVm
    protected = Rulebook([Bound(policy=PolicyId("p"), rule=Protected(), vms=frozenset({held.id}))])
    with pytest.raises(NoPlan):
        forecast(pool(3).with_vm(held), wish(H[0], shut_down=True), "default", protected)


def test_a_pinned_vm_names_its_policy() -> None:
    bound = Bound(policy=PolicyId("stay"), rule=Pinned(), vms=frozenset({VmId("v1")}))
    with pytest.raises(NoPlan) as caught:
        forecast(pool(3).with_vm(vm(1, "h0")), wish(H[0]), "default", Rulebook([bound]))
    assert any("stay" in why for why in caught.value.refusals.values())


def racks(count: int, *names: str) -> Inventory:
    world = pool(count)
    for number in range(count):
        tags = frozenset({f"rack:{names[number % len(names)]}"})
        world = world.with_host(host(number, tags=tags))
    return world


def test_hosts_of_two_racks_are_never_off_together_unless_allowed() -> None:
    world = racks(6, "a", "b")
    found = forecast(world, wish(*H[:6], max_hosts=3), "default")
    assert len(found.waves) == found.fewest == 2
    for wave in found.waves:
        assert len({tag for one in wave for tag in world.hosts[one].tags}) == 1
    mixed = forecast(racks(4, "a", "b"), wish(*H[:4], max_hosts=3), "default")
    assert len(mixed.waves) == 2
    across = forecast(racks(4, "a", "b"), wish(*H[:4], max_hosts=3, across=True), "default")
    assert len(across.waves[0]) == 3


def test_the_fewest_waves_are_told() -> None:
    world = pool(6)
    for number in range(6):
        world = world.with_vm(vm(number, f"h{number}", memory_mib=4096))
    found = forecast(world, wish(*H[:6], max_hosts=6), "default")
    assert (len(found.waves), found.fewest) == (2, 2)


def test_apart_is_kept_while_hosts_are_away() -> None:
    world = pool(3).with_vm(vm(1, "h0")).with_vm(vm(2, "h1"))
    both = frozenset({VmId("v1"), VmId("v2")})
    bounds = [Bound(policy=PolicyId("apart"), rule=Apart(), vms=both)]
    found = forecast(world, wish(*H[:3], max_hosts=2), "default", Rulebook(bounds))
    assert objections(found.plan, world, tuple(bounds)) == ()
    assert all(len(wave & {H[0], H[1]}) < 2 for wave in map(set, found.waves))


def test_so_many_are_off_that_failures_are_still_survived() -> None:
    world = pool(5)
    for number in range(5):
        world = world.with_vm(vm(number, f"h{number}", memory_mib=4096))
    keep = [Bound(policy=PolicyId("keep"), rule=Failover(failures=1), hosts=frozenset(H[:5]))]
    free = forecast(world, wish(*H[:5], max_hosts=2), "default")
    kept = forecast(world, wish(*H[:5], max_hosts=2), "default", Rulebook(keep))
    assert len(free.waves) == 3
    assert len(kept.waves) == 5
    waived = wish(*H[:5], max_hosts=2, waive=True)
    assert len(forecast(world, waived, "default", Rulebook(keep)).waves) == 3


def test_too_little_for_a_failure_meanwhile_is_told_with_the_way_round_it() -> None:
    world = pool(3)
    for number in range(3):
        world = world.with_vm(vm(number, f"h{number}", memory_mib=4096))
    keep = [Bound(policy=PolicyId("keep"), rule=Failover(failures=1), hosts=frozenset(H[:3]))]
    with pytest.raises(NoPlan) as caught:
        forecast(world, wish(*H[:3]), "default", Rulebook(keep))
    assert "--ignore-failover" in (caught.value.hint or "")


def test_a_host_that_is_closed_already_is_handed_over_as_it_is() -> None:
    world = pool(3).with_host(host(0, maintenance=True, state=HostState.UNKNOWN))
    world = world.with_vm(vm(1, "h0", state=VmState.UNKNOWN))
    wave = plan_wave(world, (H[0],), terms(world, wish(H[0])))
    assert isinstance(wave, Wave)
    kinds = [type(step.action) for step in wave.steps]
    assert kinds == [HandOver, VerifyHost, LeaveMaintenance]


def test_hosts_together_need_room_on_the_others() -> None:
    world = pool(3)
    for number in range(3):
        world = world.with_vm(vm(number, f"h{number}", memory_mib=4096))
    stuck = plan_wave(world, (H[0], H[1]), terms(world, wish(*H[:2], max_hosts=2)))
    assert isinstance(stuck, Stuck)
    assert stuck.vms


def broken_plan() -> tuple[Plan, Inventory]:
    world = pool(4).with_vm(vm(1, "h0")).with_vm(vm(2, "h1"))
    return forecast(world, wish(H[0], H[1]), "default").plan, world


def test_the_judge_sees_a_wave_that_does_not_wait() -> None:
    plan, _ = broken_plan()
    assert off_together(plan, 1) == ()
    loose = replace(
        plan, steps=tuple(replace(s, after=frozenset(a for a in s.after if a > 6))
                          if s.number > 6 else s for s in plan)
    )  # fmt: skip
    (found,) = off_together(loose, 1)
    assert "h0" in say(found)
    assert off_together(loose, 2) == ()


def test_the_judge_sees_a_host_that_is_opened_unverified_or_handed_over_open() -> None:
    plan, world = broken_plan()

    def without(kind: type) -> Plan:
        kept = [step for step in plan if not isinstance(step.action, kind)]
        numbered = [replace(s, number=i, after=frozenset()) for i, s in enumerate(kept, 1)]
        return replace(plan, steps=tuple(numbered))

    def codes(kind: type) -> set[str]:
        return {why.code for why in objections(without(kind), world)}

    assert objections(plan, world) == ()
    assert "check.unverified" in codes(VerifyHost)
    assert "check.handed-open" in codes(EnterMaintenance)
    moves = [s for s in plan if not isinstance(s.action, MigrateVm | EnterMaintenance)]
    closed = Inventory(*world)
    for one in (H[0], H[1]):
        closed = closed.with_host(replace(closed.hosts[one], maintenance=True))
    bare = [replace(s, number=i, after=frozenset()) for i, s in enumerate(moves, 1)]
    found = objections(replace(plan, steps=tuple(bare)), closed)
    assert {why.code for why in found} == {"check.unserviced"}
    assert all(one.state in HOLDS_MEMORY for one in closed.vms.values())
