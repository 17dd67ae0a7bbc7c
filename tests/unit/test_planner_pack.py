"""Packing the VMs of a licence: fewer sockets, every rule kept, no VM twice."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from anypool.errors import Invalid
from anypool.model import (
    Apart,
    Bound,
    HostId,
    Inventory,
    Licence,
    MaxVms,
    Pinned,
    PolicyId,
    Rule,
    VmId,
)
from anypool.plan import outcome, vm_of
from anypool.plan.check import objections
from anypool.planner.pack import plan_packing
from anypool.planner.rules import Rulebook
from tests.strategies import inventories, pool, vm

PAID = PolicyId("paid")
OTHERS: tuple[Rule, ...] = (Apart(), Pinned(), MaxVms(maximum=3))


@st.composite
def licensed(draw: st.DrawFn) -> tuple[Inventory, tuple[Bound, ...]]:
    """A tight pool in which some VMs need a licence, some hosts have one."""
    world = draw(inventories())
    for record in list(world.hosts.values()):
        sockets = draw(st.sampled_from((1, 2, 4)))
        world = world.with_host(replace(record, sockets=sockets))
    some_vms = st.frozensets(st.sampled_from(sorted(world.vms) or [VmId("none")]), max_size=6)
    some_hosts = st.frozensets(st.sampled_from(sorted(world.hosts)), min_size=1)
    vms = draw(some_vms) & world.vms.keys()
    licence = Bound(
        policy=PAID, rule=Licence(hosts="", sockets=99), vms=vms, hosts=draw(some_hosts)
    )
    rule = draw(st.sampled_from(OTHERS))
    its_vms = frozenset() if isinstance(rule, MaxVms) else draw(some_vms) & world.vms.keys()
    other = Bound(policy=PolicyId("other"), rule=rule, vms=its_vms, hosts=draw(some_hosts))
    return world, (licence, other)


def sockets(world: Inventory, bound: Bound) -> int:
    """Count the sockets of licensed hosts in use, from the records."""
    homes = {v.host for v in world.vms.values() if v.id in bound.vms and v.state != "stopped"}
    return sum(h.sockets for h in world.hosts.values() if h.id in homes & bound.hosts)


def strays(world: Inventory, bound: Bound) -> int:
    return sum(
        v.host not in bound.hosts
        for v in world.vms.values()
        if v.id in bound.vms and v.state != "stopped" and v.host is not None
    )


@settings(max_examples=60)
@given(licensed())
def test_packing_keeps_all_rules_and_moves_nothing_in_vain(
    drawn: tuple[Inventory, tuple[Bound, ...]],
) -> None:
    world, bounds = drawn
    plan = plan_packing(world, PAID, Rulebook(bounds))
    assert objections(plan, world, bounds) == ()
    moved = [vm_of(step.action) for step in plan.steps]
    assert len(moved) == len(set(moved))
    after = outcome(plan, world)
    fewer = sockets(after, bounds[0]) < sockets(world, bounds[0])
    assert not moved or fewer or strays(after, bounds[0]) < strays(world, bounds[0])


def test_what_is_no_licence_cannot_be_packed() -> None:
    world = pool(2).with_vm(vm(1, "h0"))
    pin = Bound(policy=PolicyId("pin"), rule=Pinned(), vms=frozenset({VmId("v1")}))
    with pytest.raises(Invalid):
        plan_packing(world, PolicyId("pin"), Rulebook((pin,)))
    with pytest.raises(Invalid):
        plan_packing(world, PAID, Rulebook((pin,)))


def test_one_move_frees_a_host() -> None:
    world = pool(2).with_vm(vm(1, "h0")).with_vm(vm(2, "h1", memory_mib=2048))
    for record in list(world.hosts.values()):
        world = world.with_host(replace(record, sockets=2))
    licence = Bound(
        policy=PAID,
        rule=Licence(hosts="", sockets=4),
        vms=frozenset(world.vms),
        hosts=frozenset(world.hosts),
    )
    plan = plan_packing(world, PAID, Rulebook((licence,)))
    after = outcome(plan, world)
    assert {v.host for v in after.vms.values()} == {HostId("h1")}
    assert plan.goal == "pack the VMs of policy paid: 4 -> 2 licensed sockets in use"
    assert not plan_packing(after, PAID, Rulebook((licence,))).steps
