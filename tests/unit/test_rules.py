"""Rules: planners keep every must that held, judged by the checker that shares no code."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from anypool.errors import AnypoolError, Conflict, Invalid, NoPlan
from anypool.model import (
    HOLDS_MEMORY,
    Apart,
    Bound,
    Exclusive,
    Headroom,
    HostId,
    Inventory,
    Licence,
    MaxVms,
    NoMigration,
    OnHosts,
    Pinned,
    Policy,
    PolicyId,
    Protected,
    Rule,
    Spread,
    Strength,
    Together,
    VmId,
    VmState,
)
from anypool.plan import MigrateVm, Plan, Step, StopHow, StopVm, names_in, reason, render
from anypool.plan.check import objections
from anypool.plan.rulecheck import breaches
from anypool.planner import plan_action, plan_evacuation, plan_migrate, plan_start
from anypool.planner.rules import NO_RULES, Rulebook, bind, checked, contradiction
from tests.strategies import host, inventories, pool, vm

H0 = HostId("h0")
RACKS = ("rack:a", "rack:b", "rack:c")

RULES: tuple[Rule, ...] = (
    Apart(),
    Apart(domain="rack"),
    Together(),
    Together(domain="rack"),
    Exclusive(prefix="app:"),
    Spread(domain="rack", minimum=2),
    OnHosts(hosts="tag = fast"),
    OnHosts(hosts="tag = fast", avoid=True),
    Licence(hosts="tag = fast", sockets=4),
    NoMigration(source="tag = fast", target="tag = slow"),
    MaxVms(maximum=3),
    Headroom(memory_percent=20),
    Headroom(vcpus_percent=40),
    Pinned(),
)


@st.composite
def ruled(draw: st.DrawFn, rules: tuple[Rule, ...] = RULES) -> tuple[Inventory, Rulebook]:
    world = draw(inventories())
    for record in list(world.hosts.values()):
        tags = {draw(st.sampled_from(RACKS)), draw(st.sampled_from(("fast", "slow")))}
        sockets = draw(st.sampled_from((1, 2, 2)))
        world = world.with_host(replace(record, tags=frozenset(tags), sockets=sockets))
    for other in list(world.vms.values()):
        tags = draw(st.sets(st.sampled_from(("web", "db", "app:a", "app:b")), max_size=2))
        world = world.with_vm(replace(other, tags=frozenset(tags)))
    chosen = draw(st.lists(st.sampled_from(rules), min_size=1, max_size=3))
    policies = tuple(
        policy(f"p{number}", rule, draw(st.sampled_from(("tag = web", "tag = db", "name != x"))))
        for number, rule in enumerate(chosen)
    )
    return world, Rulebook.on(policies, world)


def policy(name: str, rule: Rule, scope: str, strength: Strength = Strength.MUST) -> Policy:
    if isinstance(rule, MaxVms | Headroom):
        scope = "tag = fast"
    return checked(Policy(id=PolicyId(name), scope=scope, rule=rule, strength=strength))


@pytest.mark.thorough
@given(ruled())
def test_an_evacuation_breaks_no_must_that_held(scene: tuple[Inventory, Rulebook]) -> None:
    world, rules = scene
    try:
        plan = plan_evacuation(world, H0, rules)
    except (NoPlan, Conflict):
        return
    assert objections(plan, world, rules.bounds) == ()


@pytest.mark.thorough
@given(ruled(), st.integers(0, 12))
def test_a_migration_breaks_no_must_that_held(
    scene: tuple[Inventory, Rulebook], number: int
) -> None:
    world, rules = scene
    try:
        plan = plan_migrate(world, VmId(f"v{number}"), rules, target=None)
    except AnypoolError:
        return
    assert objections(plan, world, rules.bounds) == ()


@pytest.mark.thorough
@given(ruled(tuple(r for r in RULES if not isinstance(r, Together | Spread))), st.integers(0, 12))
def test_what_the_rules_forbid_is_what_the_checker_objects_to(
    scene: tuple[Inventory, Rulebook], number: int
) -> None:
    """The planner is no stricter than the checker, host by host, where nothing was broken."""
    world, rules = scene
    machine = world.vms.get(VmId(f"v{number}"))
    if machine is None or machine.host is None or machine.state not in HOLDS_MEMORY:
        return
    if any(breaches(world, rules.bounds).values()):
        return
    needs = rules.needs(world, machine)
    for home in world.hosts.values():
        if home.id == machine.host:
            continue
        action = MigrateVm(vm=machine.id, source=machine.host, target=home.id)
        plan = Plan(goal="", steps=(Step(number=1, action=action, why=reason("place.stays")),))
        broken = [o for o in objections(plan, world, rules.bounds) if o.code == "check.rule"]
        assert (needs.refusal(home) is None) == (not broken)


def two_racks(count: int = 4) -> Inventory:
    world = pool(count)
    for number in range(count):
        rack = frozenset({RACKS[number % 2]})
        world = world.with_host(host(number, tags=rack, sockets=2))
    return world


def book(world: Inventory, *policies: Policy) -> Rulebook:
    return Rulebook.on(policies, world)


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (Apart(), "policy p: vm2 runs there, and they are to be apart"),
        (Apart(domain="rack"), "policy p: vm2 runs in rack:b too, and they are to be apart"),
        (OnHosts(hosts="name = host2"), "policy p names other hosts"),
        (OnHosts(hosts="name = host1", avoid=True), "policy p excludes the host"),
        (Licence(hosts="name = host2"), "policy p: the host is not licensed"),
        (
            NoMigration(source="name = host0", target="name = host1"),
            "policy p forbids the migration from here to there",
        ),
    ],
)
def test_a_refusal_names_the_policy_and_the_reason(rule: Rule, why: str) -> None:
    world = two_racks().with_vm(vm(1, "h0", tags=frozenset({"web"})))
    world = world.with_vm(vm(2, "h1", tags=frozenset({"web"})))
    rules = book(world, policy("p", rule, "tag = web"))
    plan = plan_migrate(world, VmId("v1"), rules, target=None)
    assert f"vm1 on host1: {why}" in render(plan, names_in(world))
    with pytest.raises(NoPlan, match="host1"):
        plan_migrate(world, VmId("v1"), rules, target=HostId("h1"))


def test_a_preference_yields_where_a_must_does_not() -> None:
    world = two_racks(2).with_vm(vm(1, "h0", tags=frozenset({"web"})))
    world = world.with_vm(vm(2, "h1", tags=frozenset({"web"})))
    wish = policy("p", Apart(), "tag = web", Strength.SHOULD)
    plan = plan_migrate(world, VmId("v1"), book(world, wish), target=None)
    assert isinstance(plan.steps[0].action, MigrateVm)
    with pytest.raises(NoPlan):
        plan_migrate(
            world, VmId("v1"), book(world, replace(wish, strength=Strength.MUST)), target=None
        )


def test_a_preference_outweighs_memory() -> None:
    world = two_racks(3).with_vm(vm(1, "h0", tags=frozenset({"web"})))
    world = world.with_vm(vm(2, "h1", tags=frozenset({"web"})))
    world = world.with_vm(vm(3, "h2", memory_mib=4096))
    plan = plan_migrate(world, VmId("v1"), NO_RULES, target=None)
    assert plan.steps[0].action == MigrateVm(vm=VmId("v1"), source=H0, target=HostId("h1"))
    rules = book(world, policy("p", Apart(), "tag = web", Strength.SHOULD))
    plan = plan_migrate(world, VmId("v1"), rules, target=None)
    assert plan.steps[0].action == MigrateVm(vm=VmId("v1"), source=H0, target=HostId("h2"))


def test_a_group_that_belongs_together_leaves_together() -> None:
    world = pool(3)
    for number in range(3):
        world = world.with_vm(vm(number, "h0", tags=frozenset({"db"})))
    rules = book(world, policy("p", Together(), "tag = db"))
    plan = plan_evacuation(world, H0, rules)
    targets = {s.action.target for s in plan.steps if isinstance(s.action, MigrateVm)}
    assert len(targets) == 1
    assert objections(plan, world, rules.bounds) == ()


def test_a_protected_vm_is_not_stopped_and_a_pinned_one_not_moved() -> None:
    world = pool(2).with_vm(vm(1, "h0"))
    action = StopVm(vm=VmId("v1"), host=H0, how=StopHow.POWER_OFF)
    kept = book(world, policy("keep", Protected(), "name = vm1"))
    with pytest.raises(Conflict, match="policy keep protects the VM"):
        plan_action(world, action, "ada", kept)
    plan = plan_action(world, action, "ada")
    assert [o.code for o in objections(plan, world, kept.bounds)] == ["check.rule"]
    with pytest.raises(Conflict, match="policy stay pins the VM"):
        plan_migrate(
            world, VmId("v1"), book(world, policy("stay", Pinned(), "name = vm1")), target=None
        )


def test_unknown_sockets_count_as_too_many_only_where_sockets_are_counted() -> None:
    world = pool(2).with_vm(vm(1, "h0"))
    free = book(world, policy("p", Licence(hosts="name != none"), "name = vm1"))
    assert plan_migrate(world, VmId("v1"), free, target=None)
    counted = book(world, policy("p", Licence(hosts="name != none", sockets=8), "name = vm1"))
    with pytest.raises(NoPlan, match="nobody says how many sockets"):
        plan_migrate(world, VmId("v1"), counted, target=None)


def test_a_rule_that_binds_nobody_binds_nobody() -> None:
    world = pool(2).with_vm(vm(1, "h0"))
    rules = book(world, policy("p", OnHosts(hosts="name = host1", avoid=True), "tag = none"))
    assert plan_migrate(world, VmId("v1"), rules, target=None)


def test_a_start_obeys_too() -> None:
    stopped = vm(1, "h0", state=VmState.STOPPED, tags=frozenset({"web"}))
    world = pool(2).with_vm(stopped).with_vm(vm(2, "h0", tags=frozenset({"web"})))
    rules = book(world, policy("p", Apart(), "tag = web"))
    with pytest.raises(NoPlan, match="vm2 runs there"):
        plan_start(world, VmId("v1"), rules)
    assert plan_start(world, VmId("v1"))


@pytest.mark.parametrize(
    ("scope", "rule", "why"),
    [
        ("host where name = x", Apart(), "vm"),
        ("tag = web", OnHosts(hosts="vm where name = x"), "host"),
        ("tag = web limit 3", Apart(), "limit"),
        ("tga = web", Apart(), "tga"),
        ("tag = web", Spread(domain="rack", minimum=1), "says nothing"),
        ("tag = web", Headroom(), "says nothing"),
        ("tag = web", Headroom(memory_percent=100), "100 %"),
        ("tag = web", MaxVms(maximum=-1), "fewer than 0"),
        ("tag = web", Licence(hosts="tag = x", sockets=-1), "cannot be licensed"),
    ],
)
def test_words_that_make_no_sense_are_refused(scope: str, rule: Rule, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        checked(Policy(id=PolicyId("p"), scope=scope, rule=rule))


def test_a_pin_is_no_preference() -> None:
    with pytest.raises(Invalid, match="mere preference"):
        policy("p", Pinned(), "tag = web", Strength.SHOULD)


def contradicting(world: Inventory, *policies: Policy) -> tuple[str, ...]:
    found = contradiction(bind(policies, world), world)
    return () if found is None else found.policies


def test_the_smallest_contradicting_set_is_named() -> None:
    world = two_racks()
    for number in range(3):
        world = world.with_vm(vm(number, "h0", tags=frozenset({"web"})))
    apart = policy("apart", Apart(domain="rack"), "tag = web")
    assert contradicting(world, apart) == ("apart",), "three VMs, two racks"
    two = policy("two", Apart(), "tag = web")
    together = policy("one", Together(), "name in (vm1, vm2)")
    assert contradicting(world, two) == ()
    assert contradicting(world, two, together) == ("one", "two")
    here = policy("here", OnHosts(hosts="name = host0"), "tag = web")
    there = policy("there", OnHosts(hosts="name = host1"), "name = vm1")
    unrelated = policy("unrelated", Spread(domain="rack", minimum=2), "name = vm0")
    assert contradicting(world, here, unrelated, there) == ("here", "there")
    nobody = policy("nobody", MaxVms(maximum=0), "")
    assert contradicting(world.with_host(host(0, tags=frozenset({"fast"}))), nobody, here) == (
        "here",
        "nobody",
    )


def test_a_large_group_is_settled_by_matching() -> None:
    world = pool(60)
    for number in range(61):
        world = world.with_vm(vm(number, "h0", tags=frozenset({"web"})))
    apart = policy("apart", Apart(), "tag = web")
    assert contradicting(world, apart) == ("apart",)
    assert contradicting(world.without_vm(VmId("v60")), apart) == ()


@pytest.mark.thorough
@given(ruled(tuple(r for r in RULES if not isinstance(r, NoMigration | Headroom))))
def test_what_is_called_a_contradiction_has_no_assignment(
    scene: tuple[Inventory, Rulebook],
) -> None:
    """Against every assignment of the VMs concerned, judged by the checker."""
    world, rules = scene
    world = Inventory(hosts=world.hosts, datastores=world.datastores)
    for other in scene[0].vms.values():
        if len(world.vms) < 4:
            world = world.with_vm(other)
    bounds = tuple(
        replace(bound, vms=bound.vms & world.vms.keys())
        for bound in rules.bounds
        if not isinstance(bound.rule, Licence | MaxVms)
    )
    vms = sorted({key for bound in bounds for key in bound.vms})
    possible = any(
        keeps(world, bounds, dict(zip(vms, homes, strict=True)))
        for homes in itertools.product(sorted(world.hosts), repeat=len(vms))
    )
    assert (contradiction(bounds, world) is None) == possible


def keeps(world: Inventory, bounds: tuple[Bound, ...], homes: dict[VmId, HostId]) -> bool:
    pins = {vm for bound in bounds if isinstance(bound.rule, Pinned) for vm in bound.vms}
    if any(world.vms[vm].host not in (None, homes[vm]) for vm in pins):
        return False
    for key, home in homes.items():
        world = world.with_vm(replace(world.vms[key], host=home, state=VmState.RUNNING))
    return not any(breaches(world, bounds).values())


@pytest.mark.parametrize(("target", "broken"), [("h1", False), ("h3", True)])
def test_a_licence_that_is_broken_may_come_to_need_fewer_hosts(target: str, broken: bool) -> None:
    """Six sockets instead of four: a move onto a host that has it already is a way out."""
    world = pool(4)
    for number, sockets in enumerate((2, 3, 1, 1)):
        world = world.with_host(replace(world.hosts[HostId(f"h{number}")], sockets=sockets))
    for number in range(3):
        world = world.with_vm(vm(number, f"h{number}"))
    rules = book(world, policy("p", Licence(hosts="", sockets=4), "name != x"))
    action = MigrateVm(vm=VmId("v2"), source=HostId("h2"), target=HostId(target))
    plan = Plan(goal="", steps=(Step(number=1, action=action, why=reason("place.stays")),))
    assert bool(objections(plan, world, rules.bounds)) is broken
