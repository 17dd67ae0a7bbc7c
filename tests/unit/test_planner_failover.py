"""Restarts after a failure: judged against planning again the slow way, on tight pools."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from anypool.errors import NotFound
from anypool.model import (
    HOLDS_MEMORY,
    Apart,
    Bound,
    Component,
    Exclusive,
    Headroom,
    HostId,
    HostState,
    Inventory,
    Licence,
    MaxVms,
    OnHosts,
    Pinned,
    PolicyId,
    Priority,
    Ready,
    ReadyKind,
    Restart,
    Rule,
    Service,
    ServiceId,
    Spread,
    StateReason,
    Strength,
    Together,
    VmCopy,
    VmId,
    VmState,
)
from anypool.planner.failover import (
    Failure,
    How,
    Recovery,
    every,
    of_datastore,
    of_domain,
    of_hosts,
    plan_recovery,
    proofs,
)
from anypool.planner.rules import Rulebook
from tests.strategies import SHARED, host, inventories, pool, vm
from tests.unit.failure_judge import Judge, Verdict

H0, H1, H2 = (HostId(f"h{n}") for n in range(3))
GIB = 1024

RULES: tuple[Rule, ...] = (
    Apart(),
    Apart(domain="rack"),
    Together(),
    Together(domain="rack"),
    Exclusive(prefix="app:"),
    Spread(domain="rack", minimum=2),
    OnHosts(hosts=""),
    OnHosts(hosts="", avoid=True),
    Licence(hosts="", sockets=4),
    MaxVms(maximum=3),
    Headroom(memory_percent=20),
    Headroom(vcpus_percent=60),
    Pinned(),
    *(Restart(priority=priority) for priority in Priority),
)


def bound(name: str, rule: Rule, **more: object) -> Bound:
    return Bound(policy=PolicyId(name), rule=rule, **more)  # type: ignore[arg-type]


@st.composite
def ruled(draw: st.DrawFn) -> tuple[Inventory, tuple[Bound, ...], tuple[Service, ...]]:
    """A tight pool with racks and power feeds, rules of all kinds, and a service."""
    world = draw(inventories())
    for record in list(world.hosts.values()):
        tags = {
            draw(st.sampled_from(("rack:a", "rack:b"))),
            draw(st.sampled_from(("power:x", "p"))),
        }
        state = HostState.UP if draw(st.integers(0, 3)) else record.state
        its_pool = draw(st.sampled_from(("default", "default", "default", "lab")))
        changed = replace(record, tags=frozenset(tags), sockets=2, state=state, pool=its_pool)
        world = world.with_host(changed)
    for other in list(world.vms.values()):
        tags = draw(st.sets(st.sampled_from(("app:a", "app:b")), max_size=1))
        moving = draw(st.sampled_from([StateReason.NONE] * 15 + [StateReason.MIGRATING]))
        cores = draw(st.sampled_from((1, 1, 1, 4, 9)))
        changed_vm = replace(other, tags=frozenset(tags), vcpus=cores, reason=moving)
        world = world.with_vm(changed_vm)
    some_vms = st.frozensets(st.sampled_from(sorted(world.vms) or [VmId("none")]), max_size=6)
    some_hosts = st.frozensets(st.sampled_from(sorted(world.hosts)), min_size=1)
    bounds = tuple(
        bound(
            f"p{number}",
            rule,
            vms=draw(some_vms) if not isinstance(rule, MaxVms | Headroom) else frozenset(),
            hosts=draw(some_hosts),
            strength=draw(st.sampled_from((Strength.MUST, Strength.MUST, Strength.SHOULD))),
        )
        for number, rule in enumerate(draw(st.lists(st.sampled_from(RULES), max_size=4)))
    )
    return world, bounds, draw(services(world))


@st.composite
def services(draw: st.DrawFn, world: Inventory) -> tuple[Service, ...]:
    names = sorted(vm.name for vm in world.vms.values())
    if len(names) < 3 or draw(st.booleans()):
        return ()
    db, app, web = names[0], names[1], names[2:4]
    slow = Ready(
        when=draw(st.sampled_from(list(ReadyKind))), delay_s=draw(st.sampled_from((0.0, 3.0)))
    )
    components = (
        Component(name="web", vms=tuple(web), after=("app",)),
        Component(name="db", vms=(db,), ready=slow),
        Component(name="app", vms=(app,), after=("db",), ready=slow),
    )
    return (Service(id=ServiceId("shop"), components=components),)


def seen(recovery: Recovery) -> dict[str, Verdict]:
    """A recovery as the judge writes it."""
    found: dict[str, Verdict] = {}
    for fate in recovery.fates:
        if fate.why is None:
            found[fate.vm] = Verdict(fate.host, starts_ms=fate.starts_ms)
            continue
        code = "rule" if fate.why.code.startswith("rule.") else fate.why.code
        short = dict(fate.why.facts).get("short", 0) if code == "host.memory" else 0
        assert isinstance(short, int)
        found[fate.vm] = Verdict(None, code, short)
    return found


@pytest.mark.thorough
@settings(max_examples=60)
@given(ruled(), st.data())
def test_a_restart_is_what_planning_again_the_slow_way_gives(
    drawn: tuple[Inventory, tuple[Bound, ...], tuple[Service, ...]], data: st.DataObject
) -> None:
    world, bounds, its_services = drawn
    judge, rules = Judge(world, bounds, its_services), Rulebook(bounds)
    failures = [one for one in every(world) if one.datastore is None]
    failures.append(of_hosts(data.draw(st.sets(st.sampled_from(sorted(world.hosts)), min_size=1))))
    for failure in failures:
        found = plan_recovery(world, failure, rules, its_services)
        assert seen(found) == judge.after(set(failure.hosts)), failure


def test_every_vm_that_ran_there_has_a_fate_and_no_other() -> None:
    world = pool(3).with_vm(vm(1, "h0")).with_vm(vm(2, "h0", state=VmState.STOPPED))
    world = world.with_vm(vm(3, "h1")).with_vm(vm(4, "h0", state=VmState.UNKNOWN))
    found = plan_recovery(world, of_hosts([H0]))
    assert {fate.vm for fate in found.fates} == {"v1", "v4"}
    assert all(fate.home == H0 and fate.host in (H1, H2) for fate in found.fates)


def test_the_vms_of_a_host_are_spread_over_those_that_are_roomy() -> None:
    world = pool(4)
    for number in range(3):
        world = world.with_vm(vm(number, "h0"))
    found = plan_recovery(world, of_hosts([H0]))
    assert sorted(str(fate.host) for fate in found.fates) == ["h1", "h2", "h3"]
    assert {fate.how for fate in found.fates} == {How.ROOMY}


def test_higher_priority_goes_first_and_has_the_room() -> None:
    world = pool(2, memory_mib=4 * GIB)
    for number in range(4):
        world = world.with_vm(vm(number, "h0"))
    world = world.with_vm(vm(9, "h1", memory_mib=3 * GIB))
    high = bound("gold", Restart(priority=Priority.HIGHEST), vms=frozenset({VmId("v3")}))
    found = plan_recovery(world, of_hosts([H0]), Rulebook((high,)))
    assert [fate.vm for fate in found.restarted] == ["v3"]
    (lost, *_) = found.lost
    assert lost.why is not None
    assert dict(lost.why.facts) == {"short": GIB, "need": GIB, "free": 0}
    assert lost.near == H1


def test_a_lower_priority_waits_until_all_above_are_ready() -> None:
    world = pool(3).with_vm(vm(1, "h0")).with_vm(vm(2, "h0"))
    low = bound("late", Restart(priority=Priority.LOW), vms=frozenset({VmId("v1")}))
    ready = Ready(when=ReadyKind.DELAY, delay_s=30.0)
    service = Service(
        id=ServiceId("s"), components=(Component(name="c", vms=("vm2",), ready=ready),)
    )
    found = plan_recovery(world, of_hosts([H0]), Rulebook((low,)), (service,))
    assert [(fate.vm, fate.starts_ms) for fate in found.fates] == [("v2", 0), ("v1", 30_500)]


def test_what_others_wait_for_inherits_their_priority() -> None:
    world = pool(3).with_vm(vm(1, "h0")).with_vm(vm(2, "h0")).with_vm(vm(3, "h0"))
    gold = bound("gold", Restart(priority=Priority.HIGHEST), vms=frozenset({VmId("v2")}))
    components = (
        Component(name="db", vms=("vm1",)),
        Component(name="web", vms=("vm2",), after=("db",)),
    )
    service = Service(id=ServiceId("shop"), components=components)
    found = plan_recovery(world, of_hosts([H0]), Rulebook((gold,)), (service,))
    assert [fate.vm for fate in found.fates] == ["v1", "v2", "v3"]
    assert found.fates[1].after == ("v1",)
    assert [fate.starts_ms for fate in found.fates] == [0, 500, 1000]


def test_a_vm_does_not_restart_without_what_it_needs() -> None:
    world = pool(2).with_vm(vm(1, "h0")).with_vm(vm(2, "h0", memory_mib=512))
    off = bound("off", Restart(priority=Priority.DISABLED), vms=frozenset({VmId("v1")}))
    components = (
        Component(name="db", vms=("vm1",)),
        Component(name="web", vms=("vm2",), after=("db",)),
    )
    service = Service(id=ServiceId("shop"), components=components)
    found = plan_recovery(world, of_hosts([H0]), Rulebook((off,)), (service,))
    codes = {fate.vm: fate.why.code for fate in found.lost if fate.why is not None}
    assert codes == {"v1": "fail.disabled", "v2": "fail.needs"}


def test_a_vm_of_which_a_copy_may_live_elsewhere_is_not_restarted() -> None:
    copy = VmCopy(host=H1, state=VmState.UNKNOWN)
    world = pool(3).with_vm(vm(1, "h0", copies=(copy,)))
    (fate,) = plan_recovery(world, of_hosts([H0])).fates
    assert fate.why is not None
    assert (fate.host, fate.why.code) == (None, "vm.copies")
    (fate,) = plan_recovery(world, of_hosts([H0, H1])).fates
    assert fate.host == H2


def test_a_copy_on_a_host_without_power_is_to_be_proven_and_no_hindrance() -> None:
    copy = VmCopy(host=H1, state=VmState.UNKNOWN)
    world = pool(3).with_vm(vm(1, "h0", copies=(copy,)))
    off = world.with_host(replace(world.hosts[H1], state=HostState.OFF))
    found = plan_recovery(off, of_hosts([H0]))
    assert [fate.host for fate in found.fates] == [H2]
    assert [dict(why.facts)["host"] for why in proofs(found, off)] == ["host0", "host1"]


def test_the_constraint_that_keeps_a_vm_down_is_named() -> None:
    def code(world: Inventory) -> str:
        (fate,) = plan_recovery(world, of_hosts([H0])).fates
        assert fate.why is not None
        return fate.why.code

    def two(**changes: object) -> Inventory:
        return pool(1).with_host(host(1, **changes))

    assert code(two(networks=frozenset()).with_vm(vm(1, "h0"))) == "host.network"
    assert code(two(datastores=frozenset()).with_vm(vm(1, "h0"))) == "host.datastore"
    assert code(two(arch="aarch64").with_vm(vm(1, "h0"))) == "host.arch"
    assert code(two(maintenance=True).with_vm(vm(1, "h0"))) == "is.maintenance"
    assert code(two(observe_only=True).with_vm(vm(1, "h0"))) == "host.observe-only"
    assert code(two(state=HostState.UNKNOWN).with_vm(vm(1, "h0"))) == "fail.nobody"
    assert code(two(cpus=2).with_vm(vm(1, "h0", vcpus=4))) == "host.full"
    assert code(two().with_vm(vm(1, "h0", disks=vm(2, "h0").disks, vcpus=9))) == "host.full"


def test_a_vm_does_not_restart_in_another_pool() -> None:
    world = pool(2).with_host(host(2, pool="lab", memory_mib=64 * GIB))
    world = world.with_vm(vm(1, "h0", memory_mib=6 * GIB)).with_vm(vm(2, "h2"))
    assert [fate.host for fate in plan_recovery(world, of_hosts([H0])).fates] == [H1]
    (fate,) = plan_recovery(world, of_hosts([H2])).fates
    assert fate.why is not None
    assert (fate.why.code, dict(fate.why.facts)) == ("fail.pool", {"pool": "lab"})


def test_a_host_to_avoid_is_taken_only_if_there_is_no_other() -> None:
    world = pool(3).with_vm(vm(1, "h0"))
    avoid = OnHosts(hosts="", avoid=True)
    rules = Rulebook(
        (
            bound(
                "not-h1",
                avoid,
                vms=frozenset({VmId("v1")}),
                hosts=frozenset({H1}),
                strength=Strength.SHOULD,
            ),
        )
    )
    assert [fate.host for fate in plan_recovery(world, of_hosts([H0]), rules).fates] == [H2]
    both = plan_recovery(world, of_hosts([H0, H2]), rules)
    assert [fate.host for fate in both.fates] == [H1]


def test_packing_saves_vms_that_spreading_would_lose() -> None:
    """Two hosts have 3 and 4 GiB free; the first VM, of 3 GiB, must not go to the wider one."""
    world = pool(3, memory_mib=4 * GIB).with_host(host(1, memory_mib=3 * GIB))
    world = world.with_host(host(0, memory_mib=16 * GIB))
    for number, size in enumerate((3, 2, 2)):
        world = world.with_vm(vm(number, "h0", memory_mib=size * GIB))
    found = plan_recovery(world, of_hosts([H0]))
    assert not found.lost
    assert {fate.how for fate in found.fates} == {How.TIGHT}


def test_a_datastore_takes_its_vms_with_it() -> None:
    world = pool(3).with_vm(vm(1, "h0")).with_vm(vm(2, "h1", disks=()))
    (fate,) = plan_recovery(world, of_datastore(SHARED)).fates
    assert (fate.vm, fate.host) == ("v1", None)


def test_failures_are_hosts_and_the_domains_that_hosts_name() -> None:
    world = pool(1).with_host(host(1, tags=frozenset({"rack:a", "power:x", "site:s", "blue"})))
    world = world.with_host(host(2, tags=frozenset({"rack:a"})))
    found = {(one.kind, one.name): one.hosts for one in every(world)}
    assert found["rack", "rack:a"] == {H1, H2}
    assert found["power", "power:x"] == found["site", "site:s"] == {H1}
    assert ("blue", "blue") not in found
    assert of_domain(world, "rack:a") == Failure(
        kind="rack", name="rack:a", hosts=frozenset({H1, H2})
    )
    with pytest.raises(NotFound):
        of_domain(world, "rack:z")


def test_what_must_be_proven_is_said_of_each_host_that_had_vms() -> None:
    world = pool(4).with_vm(vm(1, "h0")).with_vm(vm(2, "h1"))
    found = plan_recovery(world, of_hosts([H0, H1, H2]))
    assert [dict(one.facts)["host"] for one in proofs(found, world)] == ["host0", "host1"]


def test_nothing_runs_twice_whatever_fails() -> None:
    world = pool(3).with_vm(vm(1, "h0")).with_vm(vm(2, "h1"))
    for failure in every(world):
        found = plan_recovery(world, failure)
        stays = {v.id for v in world.vms.values() if v.host not in failure.hosts}
        moved = [fate.vm for fate in found.restarted]
        assert len(moved) == len(set(moved))
        assert not stays & set(moved)
        assert all(world.vms[key].state in HOLDS_MEMORY for key in moved)
