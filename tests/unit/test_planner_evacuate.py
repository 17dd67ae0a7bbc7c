"""Evacuation, judged by the independent checker on tight pools."""

import itertools

import pytest
from hypothesis import given
from msgspec.structs import replace

from anypool.errors import Conflict, NoPlan
from anypool.model import (
    HOLDS_MEMORY,
    Capability,
    Host,
    HostId,
    HostState,
    Inventory,
    NetworkId,
    Nic,
    Snapshot,
    StateReason,
    Vm,
    VmCopy,
    VmId,
    VmState,
)
from anypool.plan import (
    MigrateVm,
    Plan,
    Reason,
    Step,
    apply,
    encode_plan,
    names_in,
    outcome,
    priced,
    reason,
    render,
)
from anypool.plan.check import objections, violations
from anypool.plan.price import CostModel
from anypool.planner import evacuate, plan_evacuation
from anypool.planner.place import refusal
from tests.strategies import host, inventories, pool, vm

H0 = HostId("h0")


@given(inventories())
def test_evacuated_host_is_closed_and_nobody_is_lost(world: Inventory) -> None:
    try:
        plan = plan_evacuation(world, H0)
    except (NoPlan, Conflict):
        return
    after = outcome(plan, world)
    assert after.hosts[H0].maintenance
    assert not [v for v in after.vms_on(H0) if v.state in HOLDS_MEMORY]
    assert {v.id: v.state for v in after.vms.values()} == {
        v.id: v.state for v in world.vms.values()
    }


@given(inventories())
def test_no_step_breaks_a_rule_that_held(world: Inventory) -> None:
    try:
        plan = plan_evacuation(world, H0)
    except (NoPlan, Conflict):
        return
    before = violations(world)
    assert objections(plan, world) == ()
    for step in plan:
        world = apply(step.action, world)
        assert violations(world) <= before


@given(inventories())
def test_equal_pools_give_equal_bytes(world: Inventory) -> None:
    shuffled = Inventory(
        **{name: getattr(world, name) for name in ("datastores", "networks", "images")}
    )
    for record in sorted(world.hosts.values(), key=lambda h: h.id, reverse=True):
        shuffled = shuffled.with_host(record)
    for other in sorted(world.vms.values(), key=lambda v: v.id, reverse=True):
        shuffled = shuffled.with_vm(other)
    try:
        plan = plan_evacuation(world, H0)
    except (NoPlan, Conflict):
        return
    assert encode_plan(plan) == encode_plan(plan_evacuation(shuffled, H0))


def could_live(world: Inventory, machine: Vm, home: HostId) -> bool:
    """Whether a host could take a VM if nothing else ran; written from the rules, not the code."""
    there = world.hosts[home]
    needs_disks = {disk.datastore for disk in machine.disks}
    needs_networks = {nic.network for nic in machine.nics}
    return (
        there.state is HostState.UP
        and not there.maintenance
        and machine.memory_mib <= there.memory_mib - there.reserved_mib
        and machine.vcpus <= there.cpus
        and needs_disks <= there.datastores
        and needs_networks <= there.networks
    )


def feasible(world: Inventory) -> bool:
    """Try every assignment, judged by the independent checker."""
    running = [v for v in world.vms_on(H0) if v.state in HOLDS_MEMORY]
    if any(v.state not in (VmState.RUNNING, VmState.PAUSED) or v.snapshots for v in running):
        return False
    others = [[h for h in world.hosts if h != H0 and could_live(world, v, h)] for v in running]
    for homes in itertools.product(*others):
        steps = tuple(
            Step(
                number=n,
                action=MigrateVm(vm=v.id, source=H0, target=home),
                why=reason("place.stays"),
            )
            for n, (v, home) in enumerate(zip(running, homes, strict=True), 1)
        )
        if not objections(Plan(goal="", steps=steps), world):
            return True
    return False


@given(inventories())
def test_a_plan_is_found_exactly_when_there_is_one(world: Inventory) -> None:
    if world.hosts[H0].state is not HostState.UP:
        with pytest.raises(Conflict, match="unknown"):
            plan_evacuation(world, H0)
    elif feasible(world):
        assert plan_evacuation(world, H0).steps
    else:
        with pytest.raises(NoPlan) as caught:
            plan_evacuation(world, H0)
        assert caught.value.refusals


def test_preview_reads_well() -> None:
    world = pool(2).with_vm(vm(1, "h0", memory_mib=2048))
    plan = priced(plan_evacuation(world, H0), world, CostModel(), slots=2)
    assert render(plan, names_in(world)) == (
        "Plan: evacuate host0 (2 steps, about 21 s, 2 GiB to copy, longest pause 50 ms)\n"
        "  1. migrate vm1: host0 -> host1  - most free memory: 6 GiB left there afterwards\n"
        "  2. enter maintenance on host0  - no VM runs here any more  [after 1]"
    )


def test_rejected_alternatives_carry_numbers() -> None:
    world = pool(3).with_host(host(2, memory_mib=2048)).with_vm(vm(1, "h0", memory_mib=4096))
    text = render(plan_evacuation(world, H0), names_in(world))
    assert "vm1 on host2: memory 2 GiB short: needs 4 GiB, 2 GiB free" in text


def test_every_stuck_vm_is_named_with_every_reason() -> None:
    world = pool(3).with_host(host(1, maintenance=True)).with_host(host(2, memory_mib=512))
    world = world.with_vm(vm(1, "h0"))
    with pytest.raises(NoPlan) as caught:
        plan_evacuation(world, H0)
    assert caught.value.refusals == {
        "vm1 on host1": "host is in maintenance",
        "vm1 on host2": "memory 512 MiB short: needs 1 GiB, 512 MiB free",
    }


def test_unknown_vm_blocks_with_its_reason() -> None:
    world = pool(2).with_vm(vm(1, "h0", state=VmState.UNKNOWN))
    with pytest.raises(NoPlan) as caught:
        plan_evacuation(world, H0)
    assert caught.value.refusals == {"vm1": "vm1 is unknown: its host does not answer"}


def test_largest_goes_first_and_the_emptiest_takes_it() -> None:
    world = pool(3).with_vm(vm(1, "h0")).with_vm(vm(2, "h0", memory_mib=4096))
    world = world.with_vm(vm(3, "h1", memory_mib=2048))
    moves = [s.action for s in plan_evacuation(world, H0) if isinstance(s.action, MigrateVm)]
    assert [(m.vm, m.target) for m in moves] == [("v2", "h2"), ("v1", "h1")]


def test_host_that_cannot_migrate_keeps_its_vms() -> None:
    still = frozenset(Capability) - {Capability.LIVE_MIGRATION}
    world = pool(2).with_host(host(0, capabilities=still)).with_vm(vm(1, "h0"))
    with pytest.raises(NoPlan, match="cannot be emptied"):
        plan_evacuation(world, H0)


def test_spreading_alone_would_fail_here() -> None:
    """Spreading puts v1 onto h1, which v2 and v3 need, because h2 lacks their network."""
    world = (
        pool(3)
        .with_host(host(1, memory_mib=4096))
        .with_host(host(2, memory_mib=3072, networks=frozenset()))
    )
    world = world.with_vm(vm(1, "h0", memory_mib=2048, nics=()))
    world = world.with_vm(vm(2, "h0", memory_mib=2048, name="zzz")).with_vm(vm(3, "h0"))
    world = world.with_vm(vm(4, "h0", nics=()))
    targets = {s.action.vm: s.action.target for s in plan_evacuation(world, H0).steps[:-1]}  # type: ignore[union-attr]
    del targets[VmId("v4")]
    assert targets == {"v1": "h2", "v2": "h1", "v3": "h1"}


def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count how often the search asks whether a VM fits on a host."""
    asked: list[str] = []

    def counted(world: Inventory, one: Vm, there: Host) -> Reason | None:
        asked.append(one.id)
        return refusal(world, one, there)

    monkeypatch.setattr(evacuate, "refusal", counted)
    return asked


def test_vm_that_no_host_takes_ends_the_search_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = pool(60)
    for number in range(1, 9):
        world = world.with_vm(vm(number, "h0", memory_mib=512))
    world = world.with_vm(
        vm(
            9,
            "h0",
            memory_mib=256,
            name="a",
            nics=(Nic(mac="52:54:00:00:00:09", network=NetworkId("lost")),),
        )
    )
    asked = looks(monkeypatch)
    with pytest.raises(NoPlan) as caught:
        plan_evacuation(world, H0)
    assert {text.split()[0] for text in caught.value.refusals} == {"a"}
    assert len(asked) < 200


def test_search_among_very_many_hosts_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    world = pool(40)
    for number in range(1, 80):
        world = world.with_vm(vm(number, "h0", memory_mib=world.host(H0).memory_mib // 2 + 1))
    asked = looks(monkeypatch)
    monkeypatch.setattr(evacuate, "SEARCH_LOOKS", 800)
    with pytest.raises(NoPlan):
        plan_evacuation(world, H0)
    assert len(asked) < 3000


def test_a_copy_on_a_host_without_power_pins_nobody() -> None:
    copy = VmCopy(host=HostId("h1"), state=VmState.UNKNOWN)
    world = pool(3).with_vm(vm(1, "h0", copies=(copy,)))
    world = world.with_host(replace(world.hosts[HostId("h1")], state=HostState.OFF))
    first, _ = plan_evacuation(world, H0).steps
    assert first.action.target == "h2"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"snapshots": (Snapshot(name="s"),)}, "vm1 has 1 snapshot, which pins it to its host"),
        (
            {"copies": (VmCopy(host=HostId("h1"), state=VmState.STOPPED),)},
            "vm1 is known on 1 more host: remove the other copy first",
        ),
        ({"reason": StateReason.INCOMING}, "vm1 is in the middle of a migration"),
        ({"state": VmState.SUSPENDED}, "vm1 is suspended: nothing to migrate"),
    ],
)
def test_what_pins_a_vm_is_said(changes: dict[str, object], why: str) -> None:
    with pytest.raises(NoPlan) as caught:
        plan_evacuation(pool(2).with_vm(vm(1, "h0", **changes)), H0)
    assert caught.value.refusals == {"vm1": why}
