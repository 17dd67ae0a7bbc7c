"""Plans that are made again without some VMs and hosts."""

import pytest

from anypool.errors import NoPlan
from anypool.model import HostId, Inventory, MaxVms, PlanId, Policy, PolicyId, RolloutWish, VmId
from anypool.plan import MigrateVm, Plan
from anypool.planner.rules import Rulebook
from anypool.planner.saving import Order
from anypool.planner.wish import Inputs, decode_inputs, encode_inputs, planned
from anypool.planner.wishes import (
    AnyWish,
    BalanceHosts,
    CreateVms,
    EvacuateHost,
    MaintainHosts,
    MaintainPool,
    MigrateOne,
    SavePower,
    StartOne,
)
from anypool.planner.without import Without, about, name_of, read, reduced, remade, said, taken_out
from tests.strategies import pool, vm

NOW = PlanId("plan-1")
KEPT = Policy(id=PolicyId("few"), scope="", rule=MaxVms(maximum=99))


def crowded() -> Inventory:
    world = pool(4)
    for number in range(8):
        world = world.with_vm(vm(number, "h0", memory_mib=512 * (1 + number % 3)))
    return world


def out_of(world: Inventory, wish: AnyWish, out: Without) -> tuple[Plan, AnyWish, Inputs]:
    policies = (KEPT, *said(out, world, NOW))
    rules = Rulebook.on(policies, world)
    plan, again = remade(reduced(wish, out, world), world, rules)
    return plan, again, Inputs(wish=again, policies=policies)


def moved(plan: Plan) -> dict[VmId, HostId]:
    return {
        step.action.vm: step.action.target for step in plan if isinstance(step.action, MigrateVm)
    }


def balance(world: Inventory) -> BalanceHosts:
    return BalanceHosts(hosts=frozenset(world.hosts), name="all")


def test_a_vm_that_is_taken_out_stays_and_a_host_gets_nothing() -> None:
    world = crowded()
    whole = moved(out_of(world, balance(world), Without())[0])
    vm_, host = next(iter(whole.items()))
    out = Without(vms=frozenset({vm_}), hosts=frozenset({host}))
    left = moved(out_of(world, balance(world), out)[0])
    assert left
    assert vm_ not in left
    assert host not in left.values()


def test_a_host_is_emptied_past_one_that_is_taken_out() -> None:
    world = crowded()
    wish = EvacuateHost(host=HostId("h0"))
    assert HostId("h1") in moved(out_of(world, wish, Without())[0]).values()
    plan = out_of(world, wish, Without(hosts=frozenset({HostId("h1")})))[0]
    assert len(moved(plan)) == 8
    assert HostId("h1") not in moved(plan).values()


def test_a_host_is_not_emptied_while_a_vm_that_is_taken_out_is_there() -> None:
    world = crowded()
    with pytest.raises(NoPlan) as refused:
        out_of(world, EvacuateHost(host=HostId("h0")), Without(vms=frozenset({VmId("v1")})))
    assert "taken out: VM vm1" in str(refused.value.refusals)


def test_what_was_taken_out_is_kept_and_comes_to_the_same_plan() -> None:
    world = crowded()
    out = Without(vms=frozenset({VmId("v3")}), hosts=frozenset({HostId("h2")}))
    plan, _, inputs = out_of(world, balance(world), out)
    again = decode_inputs(encode_inputs(inputs, plan))
    assert planned(again, world, Rulebook.on(again.policies, world)).steps[0].action in {
        step.action for step in plan
    }
    assert read(again.policies, world) == out
    assert [name_of(one) for one in taken_out(again.policies)] == ["vm3", "host2"]
    assert {one.description for one in taken_out(again.policies)} == {NOW}
    assert read(again.policies, world.without_vm(VmId("v3"))).vms == frozenset()


def test_what_a_wish_is_about_is_known() -> None:
    h0, v1 = HostId("h0"), VmId("v1")
    assert about(EvacuateHost(host=h0)) == Without(hosts=frozenset({h0}))
    assert about(MigrateOne(vm=v1)) == Without(vms=frozenset({v1}))
    assert about(MigrateOne(vm=v1, target=h0)).hosts == {h0}
    assert about(StartOne(vm=v1)).vms == {v1}
    assert about(CreateVms(wishes=())) == Without()
    assert about(balance(crowded())) == Without()


def test_wishes_about_many_hosts_lose_those_that_are_out_or_gone() -> None:
    world, out = crowded(), Without(hosts=frozenset({HostId("h1")}), vms=frozenset({VmId("v1")}))
    hosts = (HostId("h0"), HostId("h1"), HostId("gone"))
    rollout = RolloutWish(hosts=hosts)
    made = reduced(MaintainPool(pool="default", rollout=rollout), out, world)
    assert isinstance(made, MaintainPool)
    assert made.rollout.hosts == (HostId("h0"),)
    wave = reduced(MaintainHosts(pool="default", hosts=hosts, rollout=rollout), out, world)
    assert isinstance(wave, MaintainHosts)
    assert wave.hosts == (HostId("h0"),)
    saving = reduced(SavePower(order=Order(hosts=frozenset(hosts))), out, world)
    assert isinstance(saving, SavePower)
    assert (saving.order.keep, saving.order.left_alone) == (out.hosts, out.vms)
    assert HostId("gone") not in saving.order.hosts
