"""Plans made again: the same bytes from what was kept, whoever hashes; other planners beside."""

import hashlib
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from anypool.errors import Invalid
from anypool.model import (
    Apart,
    BookingId,
    Component,
    EndpointId,
    Failover,
    HostId,
    Inventory,
    MaxVms,
    Policy,
    PolicyId,
    RolloutWish,
    Service,
    ServiceId,
    Trace,
    TraceKind,
    Usage,
    VmCopy,
    VmId,
    VmState,
    VmWish,
)
from anypool.model.energy import Tariff, Watts
from anypool.plan import Correction, CostModel, Plan, Redeemed, StopVm, encode_plan
from anypool.planner.again import Again, Stored, Verdict, again, anew
from anypool.planner.figures import Figures
from anypool.planner.rules import Rulebook
from anypool.planner.variants import NEW, VARIANTS, variant
from anypool.planner.wish import Inputs, Terms, decode_inputs, encode_inputs, planned
from anypool.planner.wishes import (
    AnyWish,
    BalanceHosts,
    CreateVms,
    DoAction,
    EvacuateHost,
    FewestHosts,
    LeaveEndpoint,
    MaintainHosts,
    MaintainPool,
    MakeService,
    MigrateOne,
    RemoveOneCopy,
    Rounds,
    StartOne,
    StartService,
    StopService,
)
from tests.strategies import host, inventories, pool, vm

LEARNED = CostModel(corrections=(Correction(kind="migrate-vm", samples=9, time=1400),))
RULES = (
    Policy(
        id=PolicyId("few"), scope="host.name matches .*", rule=MaxVms(maximum=99), enabled=False
    ),
    Policy(id=PolicyId("apart"), scope="name in (vm1, vm2)", rule=Apart()),
)


def crowded(count: int = 8) -> Inventory:
    world = pool(4)
    for number in range(count):
        world = world.with_vm(vm(number, "h0", memory_mib=512 * (1 + number % 3)))
    twice = vm(51, "h1", state=VmState.STOPPED)
    left = VmCopy(host=HostId("h2"), state=VmState.STOPPED)
    world = world.with_vm(replace(twice, copies=(left,)))
    return world.with_vm(vm(50, "h1", state=VmState.STOPPED))


def balance(world: Inventory, **more: Any) -> BalanceHosts:
    usages = {key: Usage(cpu_percent=10.5, network_bytes_s=7.0) for key in sorted(world.vms)[:3]}
    return BalanceHosts(hosts=frozenset(world.hosts), name="all", usages=usages, **more)


SHOP = Service(id=ServiceId("shop"), components=(Component(name="web", image="x"),))
WISHES: dict[str, AnyWish] = {
    "evacuate": EvacuateHost(host=HostId("h0")),
    "start": StartOne(vm=VmId("v50")),
    "remove-copy": RemoveOneCopy(vm=VmId("v51"), host=HostId("h2"), who="ada"),
    "migrate": MigrateOne(vm=VmId("v1")),
    "migrate-there": MigrateOne(vm=VmId("v1"), target=HostId("h2")),
    "create": CreateVms(wishes=(VmWish(id=VmId("new"), name="new", memory_mib=256),)),
    "create-booked": CreateVms(
        wishes=(VmWish(id=VmId("new"), name="new", memory_mib=256),),
        host=HostId("h2"),
        redeems=(Redeemed(booking=BookingId("b"), host=HostId("h2"), memory_mib=256),),
    ),
    "action": DoAction(action=StopVm(vm=VmId("v1"), host=HostId("h0")), who="ada"),
    "fewest": FewestHosts(
        hosts=frozenset(crowded().hosts),
        name="all",
        curves={VmId("v1"): (np.full(168, 12.5).tobytes(), np.full(168, 3.25).tobytes())},
        least_hours=1,
        watts={HostId("h0"): Watts(idle=50.5, full=200.0)},
        tariff=Tariff(price=(0.25,) * 168, currency="EUR"),
        close=True,
    ),
    "make-service": MakeService(
        service=SHOP, wishes=(VmWish(id=VmId("s"), name="shop-web-1", memory_mib=256),)
    ),
    "start-service": StartService(service=SHOP, members={"web": (VmId("v50"),)}),
    "stop-service": StopService(service=SHOP, members={"web": (VmId("v2"),)}),
    "maintain": MaintainPool(
        pool="default", rollout=RolloutWish(hosts=(HostId("h0"), HostId("h1")))
    ),
    "wave": MaintainHosts(
        pool="default", hosts=(HostId("h0"),), rollout=RolloutWish(hosts=(HostId("h0"),))
    ),
    "leave": LeaveEndpoint(
        endpoint=EndpointId("e0"),
        traces=(Trace(kind=TraceKind.VM, name="vm1", vm=VmId("v1")),),
    ),
    "balance": balance(crowded()),
    "balance-cut": balance(crowded(), rounds=1),
}


def inputs_of(wish: AnyWish, policies: tuple[Policy, ...] = RULES, **more: Any) -> Inputs:
    return Inputs(wish=wish, policies=policies, terms=Terms(model=LEARNED, by="ada", **more))


def made(inputs: Inputs, world: Inventory) -> Plan:
    return planned(inputs, world, Rulebook.on(inputs.policies, world))


def stored(wish: AnyWish, world: Inventory, policies: tuple[Policy, ...] = RULES) -> Stored:
    """A plan as it comes back from the database."""
    inputs = inputs_of(wish, policies)
    plan = made(inputs, world)
    kept = decode_inputs(encode_inputs(inputs, plan))
    return Stored(plan=plan, body=encode_plan(plan), inventory=world, inputs=kept)


@pytest.mark.parametrize("name", WISHES)
def test_what_was_kept_makes_the_same_bytes(name: str) -> None:
    found = again(stored(WISHES[name], crowded()), variant(NEW))
    assert found.verdict is Verdict.SAME, found
    assert found.decided == found.found
    assert (found.fields, found.steps) == ((), ())


@given(inventories())
@settings(max_examples=8)
def test_any_pool_is_balanced_to_the_same_bytes_and_no_planner_is_objected_to(
    world: Inventory,
) -> None:
    kept = stored(balance(world), world, ())
    for planner in VARIANTS.values():
        found = again(kept, planner)
        if planner.name == NEW:
            assert found.verdict is Verdict.SAME
        if found.found is not None:
            assert found.found.violations == 0
            assert found.found.after is not None


def test_only_the_corrections_that_a_price_used_are_kept() -> None:
    inputs = inputs_of(WISHES["start"])
    kept = decode_inputs(encode_inputs(inputs, made(inputs, crowded())))
    assert kept.terms.model.corrections == ()
    inputs = inputs_of(WISHES["migrate"])
    kept = decode_inputs(encode_inputs(inputs, made(inputs, crowded())))
    assert kept.terms.model == LEARNED


def test_a_search_that_time_ended_is_ended_at_the_same_round_again() -> None:
    world, asked = crowded(12), 0

    def late() -> bool:
        nonlocal asked
        asked += 1
        return asked == 2  # says so once; from then on the search is over

    inputs = inputs_of(balance(world), ())
    rounds = Rounds(late=late)
    answers = [rounds() for _ in range(4)]
    assert answers == [False, True, True, True]
    assert rounds.ended == 1
    cut = replace(inputs, wish=balance(world, rounds=0))
    assert made(cut, world) == made(cut, world)
    assert len(made(cut, world).steps) < len(made(inputs, world).steps)


def test_what_is_otherwise_than_then_is_seen_and_named() -> None:
    kept = stored(WISHES["evacuate"], crowded())
    world = kept.inventory.with_host(host(1, memory_mib=2048))
    found = again(replace(kept, inventory=world), variant(NEW))
    assert found.verdict is Verdict.DIFFERS
    assert {"steps", "based_on"} <= set(found.fields)
    assert any(step.change != "same" for step in found.steps)
    price = replace(kept.inputs, terms=replace(kept.inputs.terms, model=CostModel()))
    found = again(replace(kept, inputs=price), variant(NEW))
    assert (found.verdict, found.fields) == (Verdict.DIFFERS, ("steps", "cost", "bounds"))
    none = kept.inventory
    for number in (1, 2, 3):
        none = none.with_host(host(number, maintenance=True))
    found = again(replace(kept, inventory=none), variant(NEW))
    assert found.verdict is Verdict.REFUSED
    assert "no place" in found.why
    assert found.decided is not None
    assert found.decided.violations > 0  # the checker sees the closed hosts by itself


def test_what_was_overruled_then_is_overruled_again() -> None:
    world = pool(2).with_vm(vm(1, "h0", memory_mib=5000)).with_vm(vm(2, "h1", memory_mib=2000))
    spare = (Policy(id=PolicyId("spare"), scope="state = up", rule=Failover(failures=1)),)
    wish = EvacuateHost(host=HostId("h1"))
    kept = inputs_of(wish, spare, waive=True)
    plan = made(kept, world)
    assert plan.waived
    body = encode_plan(plan)
    back = decode_inputs(encode_inputs(kept, plan))
    found = again(Stored(plan=plan, body=body, inventory=world, inputs=back), variant(NEW))
    assert found.verdict is Verdict.SAME


@pytest.mark.parametrize("name", [name for name in VARIANTS if name != NEW])
def test_every_planner_concerns_some_wish_and_is_measured_like_the_one_of_then(name: str) -> None:
    kinds = [again(stored(wish, crowded()), variant(name)) for wish in WISHES.values()]
    for found in kinds:
        assert found.decided is not None
        if found.found is not None:
            assert found.found.before == found.decided.before
    assert any(found.found is not None for found in kinds)
    assert any(found.verdict is Verdict.NOT_FOR_IT for found in kinds)


def test_planners_lead_to_what_they_say() -> None:
    world = crowded(12)
    tight = again(stored(WISHES["evacuate"], world), variant("tight"))
    assert tight.found is not None
    assert tight.decided is not None
    assert tight.found.after is not None
    assert tight.decided.after is not None
    assert tight.found.after > tight.decided.after
    first = again(stored(balance(world), world), variant("first"))
    assert first.found is not None
    assert first.decided is not None
    assert first.found.moves <= first.decided.moves


def test_an_inventory_without_a_plan_is_planned_by_both() -> None:
    world = crowded()
    inputs = inputs_of(balance(world), ())
    alone, both = anew(inputs, world, variant(NEW)), anew(inputs, world, variant("memory"))
    assert alone.decided is None
    assert alone.found == both.decided
    assert both.found is not None


def test_what_is_compared_has_no_floating_point_number() -> None:
    found: Again = again(stored(balance(crowded()), crowded()), variant("even"))

    def leaves(value: Any) -> list[Any]:
        if isinstance(value, dict):
            return [leaf for one in value.values() for leaf in leaves(one)]
        return [leaf for one in value for leaf in leaves(one)] if type(value) is list else [value]

    assert isinstance(found.found, Figures)
    for side in (found.decided, found.found):
        assert not any(isinstance(leaf, float) for leaf in leaves(msgspec.to_builtins(side)))


def test_inputs_of_another_release_are_refused_and_so_is_an_unknown_planner() -> None:
    inputs = inputs_of(WISHES["start"])
    data = encode_inputs(inputs, made(inputs, crowded()))
    for strange in (
        data.replace(b'"format":1', b'"format":9'),
        data.replace(b'"wish":"start"', b'"wish":"fly"'),
        data.replace(b'"slots"', b'"slits"'),
        b"{}",
    ):
        with pytest.raises(Invalid, match="inputs of the plan"):
            decode_inputs(strange)
    with pytest.raises(Invalid, match="no planner 'best'"):
        variant("best")


def every_byte() -> str:
    """Return the digest of all plans and inputs of this module."""
    total = hashlib.sha256()
    world = crowded(12)
    for wish in WISHES.values():
        found = stored(wish, world)
        total.update(found.body + encode_inputs(inputs_of(wish), found.plan))
    return total.hexdigest()
