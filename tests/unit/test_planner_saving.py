"""Saving power: judged by the checker and by what is left, on tight pools."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from anypool.errors import Conflict, NoPlan, NotSupported
from anypool.model import (
    HOLDS_MEMORY,
    Bound,
    Failover,
    HostId,
    HostState,
    Inventory,
    PolicyId,
    Usage,
    VmState,
)
from anypool.model.curve import HOURS
from anypool.model.energy import Tariff, Watts
from anypool.plan import (
    EnterMaintenance,
    LeaveMaintenance,
    MigrateVm,
    Plan,
    PowerOffHost,
    PowerOnHost,
    Step,
    VerifyHost,
    encode_plan,
    outcome,
    reason,
)
from anypool.plan.check import objections
from anypool.planner.failover import spares
from anypool.planner.rules import Rulebook
from anypool.planner.saving import Order, plan_saving, plan_wake_proof
from anypool.planner.saving import save as saver
from anypool.planner.saving.gain import gained
from tests.strategies import host, inventories, pool, vm

H0, H1, H2 = HostId("h0"), HostId("h1"), HostId("h2")
NOW = 1_000_000.0
IDLE = Usage(cpu_percent=5.0)


def proven(inventory: Inventory) -> Inventory:
    """Every host was seen to wake an hour ago."""
    for one in inventory.hosts.values():
        inventory = inventory.with_host(replace(one, wake_proven_at=NOW - 3600))
    return inventory


def order(inventory: Inventory, **changes: object) -> Order:
    usages = dict.fromkeys(inventory.vms.keys(), IDLE)
    values: dict[str, object] = {"hosts": frozenset(inventory.hosts), "name": "p", "now": NOW}
    return Order(**(values | {"usages": usages} | changes))  # type: ignore[arg-type]


def three() -> Inventory:
    """Three hosts of 8 GiB, with one VM of 1 GiB on each of the first two."""
    return proven(pool(3).with_vm(vm(0, "h0")).with_vm(vm(1, "h1")))


def switched(plan: Plan) -> list[str]:
    names = {PowerOffHost: "off", PowerOnHost: "on"}
    return [
        f"{names[type(s.action)]} {s.action.host}"
        for s in plan
        if isinstance(s.action, PowerOffHost | PowerOnHost)
    ]


def codes(plan: Plan) -> list[str]:
    assert plan.aim is not None
    told = dict(plan.aim.facts)["told"]
    assert isinstance(told, tuple)
    return [one.code for one in told]  # type: ignore[union-attr]


def settled(world: Inventory, wish: Order, rules: Rulebook) -> tuple[Inventory, list[str]]:
    """Plan and do until nothing is due; every plan passes the checker."""
    done: list[str] = []
    for _ in range(20):
        plan = plan_saving(world, wish, rules)
        assert objections(plan, world, rules.bounds) == ()
        if not plan.steps:
            return world, done
        done += switched(plan)
        world = outcome(plan, world)
    raise AssertionError(f"it never ends: {done}")


def test_empty_host_is_closed_first_and_one_a_round() -> None:
    world = three()
    plan = plan_saving(world, order(world))
    assert switched(plan) == ["off h2"]
    assert [type(s.action) for s in plan] == [EnterMaintenance, PowerOffHost]
    after = outcome(plan, world)
    assert after.hosts[H2].power_saved
    assert after.hosts[H2].state is HostState.OFF


def test_host_is_woken_above_the_high_mark_and_not_below_it() -> None:
    world = three()
    world = outcome(plan_saving(world, order(world)), world)
    usages = dict.fromkeys(world.vms.keys(), Usage(cpu_percent=650.0))
    plan = plan_saving(world, order(world, usages=usages))
    assert switched(plan) == ["on h2"]
    assert [type(s.action) for s in plan] == [PowerOnHost, VerifyHost, LeaveMaintenance]
    usages = dict.fromkeys(world.vms.keys(), Usage(cpu_percent=500.0))
    assert not plan_saving(world, order(world, usages=usages)).steps


@pytest.mark.parametrize("mark", [{"power_saved": False}, {"state": HostState.UNKNOWN}])
def test_host_that_others_switched_off_is_never_woken(mark: dict[str, object]) -> None:
    world = three()
    asleep = replace(world.hosts[H2], state=HostState.OFF, maintenance=True, power_saved=True)
    world = world.with_host(replace(asleep, **mark))
    usages = dict.fromkeys(world.vms.keys(), Usage(cpu_percent=790.0))
    plan = plan_saving(world, order(world, usages=usages, low_percent=0.0))
    assert not plan.steps
    assert codes(plan) == ["saving.none-asleep"]


def test_only_host_seen_to_wake_lately_is_closed() -> None:
    world = three()
    for known, code in ((0.0, "saving.unproven"), (1.0, "saving.proven-long-ago")):
        bare = world
        for one in world.hosts.values():
            bare = bare.with_host(replace(one, wake_proven_at=known))
        plan = plan_saving(bare, order(bare, proven_s=3600.0))
        assert not plan.steps
        assert code in repr(plan.aim)


def test_schedule_reserve_and_overrides_are_kept() -> None:
    world = three()
    assert not plan_saving(world, order(world, may_close=False)).steps
    assert not plan_saving(world, order(world, all_up=True)).steps
    assert not plan_saving(world, order(world, keep=frozenset(world.hosts))).steps
    plan = plan_saving(world, order(world, reserve=1, keep=frozenset({H1})))
    assert switched(plan) == ["off h0"]  # h2 stays as the empty one
    asleep = outcome(plan_saving(world, order(world)), world)
    assert switched(plan_saving(asleep, order(asleep, all_up=True))) == ["on h2"]
    assert switched(plan_saving(asleep, order(asleep, reserve=1))) == ["on h2"]
    alone = order(world, left_alone=frozenset(world.vms), keep=frozenset({H2}))
    assert "saving.alone" in repr(plan_saving(world, alone).aim)


def test_vms_do_not_move_to_hosts_out_of_scope() -> None:
    world = three()
    plan = plan_saving(world, order(world, hosts=frozenset({H0})))
    assert not plan.steps
    plan = plan_saving(world, order(world, hosts=frozenset({H0, H1})))
    targets = {s.action.target for s in plan if isinstance(s.action, MigrateVm)}
    assert targets <= {H0, H1}
    assert targets


def test_plan_says_what_is_saved_and_which_hosts_stay() -> None:
    world = three()
    watts = {key: Watts(idle=100.0, full=300.0, off=5.0) for key in world.hosts}
    plan = plan_saving(world, order(world, watts=watts, keep=frozenset({H2})))
    assert codes(plan) == ["saving.watts", "saving.kwh", "saving.stays"]
    assert "95 W" in plan.goal
    assert "2.28 kWh a day" in plan.goal


def test_money_and_co2_are_those_of_a_day_at_the_mean_of_the_week() -> None:
    world = three()
    watts = {key: Watts(idle=100.0, full=300.0) for key in world.hosts}
    half = HOURS // 2
    tariff = Tariff(price=(0.2,) * half + (0.4,) * half, co2_g=(500.0,) * HOURS, currency="EUR")
    plan = plan_saving(world, order(world, watts=watts, tariff=tariff))
    assert "2.40 kWh" in plan.goal
    assert "0.72 EUR a day" in plan.goal
    assert "1.20 kg CO2" in plan.goal


@pytest.mark.parametrize(
    ("host_id", "file", "told"),
    [
        ("h2", True, ["saving.measured", "saving.watts 115"]),  # empty: measured beats the file
        ("h2", False, ["saving.measured", "saving.watts 120"]),
        ("h0", True, ["saving.measured", "saving.watts 95"]),  # what its VMs take goes with them
        ("h0", False, ["saving.measured", "saving.at-most 120"]),
    ],
)
def test_measured_watts_count_where_nothing_runs(host_id: str, file: bool, told: list[str]) -> None:
    world = three()
    watts = dict.fromkeys(world.hosts, Watts(idle=100.0, full=300.0, off=5.0)) if file else {}
    wish = order(world, watts=watts, drawn=dict.fromkeys(world.hosts, 120.0))
    found = list(gained(world.host(HostId(host_id)), wish, empty=host_id == "h2"))
    seen = [one.code for one in found[:1]]
    seen += [f"{one.code} {dict(one.facts)['watts']}" for one in found[1:2]]
    assert seen == told


def test_empty_host_that_only_the_age_of_its_proof_keeps_on_is_proven_anew() -> None:
    world = three()
    old = replace(world.host(H2), wake_proven_at=NOW - 31 * 86_400)
    world = world.with_host(old)
    keep = frozenset({H0, H1})
    assert not plan_saving(world, order(world, keep=keep)).steps
    plan = plan_saving(world, order(world, keep=keep, renew=True))
    assert plan.aim is not None
    assert plan.aim.code == "aim.power-renew"
    assert switched(plan) == ["off h2", "on h2"]
    assert [type(step.action) for step in plan][-2:] == [VerifyHost, LeaveMaintenance]
    assert not objections(plan, world)
    after = outcome(plan, world)
    assert not after.host(H2).maintenance


@pytest.mark.parametrize("why", ["never", "busy", "reserve", "closed", "later"])
def test_proofs_are_not_renewed_where_a_host_is_wanted_or_a_person_decides(why: str) -> None:
    world = three()
    old = replace(world.host(H2), wake_proven_at=0.0 if why == "never" else NOW - 31 * 86_400)
    world = world.with_host(old)
    if why == "busy":
        world = world.with_vm(vm(2, "h2"))
    changes: dict[str, object] = {"reserve": 1} if why == "reserve" else {}
    changes |= {"may_close": False} if why == "later" else {}
    changes |= {"keep": frozenset({H0, H1, H2})} if why == "closed" else {"keep": {H0, H1}}
    changes["keep"] = frozenset(changes["keep"])  # type: ignore[call-overload]
    assert not plan_saving(world, order(world, renew=True, **changes)).steps


def test_proofs_that_end_soon_are_named() -> None:
    world = three()
    world = world.with_host(replace(world.host(H1), wake_proven_at=NOW - 28 * 86_400))
    plan = plan_saving(world, order(world, keep=frozenset(world.hosts)))
    assert codes(plan).count("saving.ending") == 1
    assert "the proof that host1 wakes ends in 2 days" in plan.goal


def failover(world: Inventory, failures: int = 1) -> Rulebook:
    rule = Failover(failures=failures)
    return Rulebook((Bound(policy=PolicyId("n+1"), rule=rule, hosts=frozenset(world.hosts)),))


def test_never_below_what_failures_need() -> None:
    world = three()
    after, done = settled(world, order(world, low_percent=74.0), failover(world))
    assert done == ["off h2"]
    assert all(one.holds for one in spares(after, failover(world).bounds))
    after, done = settled(world, order(world, low_percent=74.0), Rulebook())
    assert done == ["off h2", "off h0"]
    woken = plan_saving(after, order(after, failures=1))
    assert len(switched(woken)) == 1


def test_checker_sees_a_planner_that_forgets_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    world = proven(pool(2).with_vm(vm(0, "h0")).with_vm(vm(1, "h1")))
    rules = failover(world)
    monkeypatch.setattr(saver, "spares", lambda *_, **__: ())
    plan = plan_saving(world, order(world), rules)
    assert switched(plan)
    assert [one.code for one in objections(plan, world, rules.bounds)] == ["spare.short"]


def test_checker_sees_a_planner_that_leaves_vms_behind() -> None:
    world = three()
    why = reason("saving.closed")
    closed = (EnterMaintenance(host=H0), PowerOffHost(host=H0))
    steps = tuple(Step(number=n, action=a, why=why) for n, a in enumerate(closed, 1))
    found = [one.code for one in objections(Plan(goal="", steps=steps), world)]
    assert found == ["check.still-runs", "check.still-runs"]
    bare = Plan(goal="", steps=(Step(number=1, action=PowerOffHost(host=H2), why=why),))
    assert [one.code for one in objections(bare, world)] == ["check.off-open"]
    with pytest.raises(Conflict):
        outcome(bare, world)


def test_checker_sees_who_wakes_or_opens_what_is_not_ours() -> None:
    world = three()
    off = world.with_host(replace(world.hosts[H2], state=HostState.OFF, maintenance=True))
    why = reason("saving.closed")
    wake = Plan(goal="", steps=(Step(number=1, action=PowerOnHost(host=H2), why=why),))
    assert [one.code for one in objections(wake, off)] == ["check.not-ours"]
    with pytest.raises(Conflict):
        outcome(wake, off)
    opened = Plan(goal="", steps=(Step(number=1, action=LeaveMaintenance(host=H2), why=why),))
    assert [one.code for one in objections(opened, off)] == ["check.opened-off"]
    ours = off.with_host(replace(off.hosts[H2], power_saved=True))
    acts = (PowerOnHost(host=H2), LeaveMaintenance(host=H2))
    hasty = Plan(goal="", steps=tuple(Step(number=n, action=a, why=why)
                                      for n, a in enumerate(acts, 1)))  # fmt: skip
    assert [one.code for one in objections(hasty, ours)] == ["check.unverified"]


@given(inventories(), st.integers(0, 1), st.integers(0, 1), st.integers(5, 70))
def test_tight_pools_settle_with_nothing_lost(
    world: Inventory, failures: int, reserve: int, low: int
) -> None:
    world = proven(world)
    wish = order(world, failures=failures, reserve=reserve, low_percent=float(low))
    rules = Rulebook()
    held = Rulebook((Bound(policy=PolicyId("r"), rule=Failover(failures=1),
                           hosts=wish.hosts),)) if failures else rules  # fmt: skip
    before = all(one.holds for one in spares(world, held.bounds))
    after, done = settled(world, wish, held)
    assert {v.id: v.state for v in after.vms.values()} == {
        v.id: v.state for v in world.vms.values()
    }
    for one in after.hosts.values():
        if one.state is HostState.OFF:
            assert one.power_saved
            assert not [v for v in after.vms_on(one.id) if v.state in HOLDS_MEMORY]
    if before:
        assert all(one.holds for one in spares(after, held.bounds))
    assert not [one for one in done if one.startswith("on")]  # nothing is closed and woken


@given(inventories())
def test_equal_pools_give_equal_bytes(world: Inventory) -> None:
    world = proven(world)
    once, again = (plan_saving(world, order(world)) for _ in range(2))
    assert encode_plan(once) == encode_plan(again)


def test_pool_without_hosts_is_said_to_be_so() -> None:
    plan = plan_saving(three(), order(three(), hosts=frozenset()))
    assert codes(plan) == ["saving.no-hosts"]


def test_proof_empties_cycles_verifies_and_opens() -> None:
    world = three()
    plan = plan_wake_proof(world, H0)
    kinds = [type(s.action) for s in plan]
    assert kinds == [
        MigrateVm, EnterMaintenance, PowerOffHost, PowerOnHost, VerifyHost, LeaveMaintenance,
    ]  # fmt: skip
    assert objections(plan, world) == ()
    after = outcome(plan, world)
    assert after.hosts[H0].state is HostState.UP
    assert not after.hosts[H0].maintenance
    assert [s.after for s in plan][2:] == [frozenset({n}) for n in (2, 3, 4, 5)]


def test_proof_is_refused_where_it_cannot_be() -> None:
    world = three()
    bare = world.with_host(replace(world.hosts[H2], capabilities=frozenset()))
    with pytest.raises(NotSupported):
        plan_wake_proof(bare, H2)
    down = world.with_host(replace(world.hosts[H2], state=HostState.OFF))
    with pytest.raises(Conflict):
        plan_wake_proof(down, H2)
    tight = proven(pool(2, memory_mib=2048))
    for number in range(4):
        tight = tight.with_vm(vm(number, f"h{number % 2}", state=VmState.RUNNING))
    with pytest.raises(NoPlan):
        plan_wake_proof(tight, H0)
    closed = world.with_host(host(2, maintenance=True))
    assert len(plan_wake_proof(closed, H2).steps) == 3
