"""Services: their order, what starts when, what stops first."""

import pytest
from msgspec.structs import replace

from anypool.errors import Conflict, NoPlan
from anypool.model import (
    Component,
    Health,
    Inventory,
    Member,
    Probe,
    ProbeKind,
    Ready,
    ReadyKind,
    Service,
    ServiceId,
    ServiceState,
    Vm,
    VmId,
    VmState,
    rolled_up,
)
from anypool.plan import AwaitReady, Plan, StartVm, StopVm, outcome
from anypool.plan.check import objections
from anypool.planner import in_order, plan_service_start, plan_service_stop
from anypool.planner.serve import Members
from tests.unit.test_planner_evacuate import host, pool, vm

PROBED = Probe(kind=ProbeKind.TCP, address="{vm}.lan", port=5432)
SHOP = Service(
    id=ServiceId("shop"),
    components=(
        Component(name="web", vms=("vm3", "vm4"), after=("db", "cache")),
        Component(name="db", vms=("vm1",), ready=Ready(when=ReadyKind.PROBE), probe=PROBED),
        Component(
            name="cache", vms=("vm2",), ready=Ready(when=ReadyKind.DELAY, delay_s=3), after=("db",)
        ),
    ),
)


def world(state: VmState = VmState.STOPPED) -> tuple[Inventory, Members]:
    vms = {f"vm{n}": vm(n, f"h{n % 2}", state=state, memory_mib=512) for n in (1, 2, 3, 4)}
    inventory = pool(2)
    for one in vms.values():
        inventory = inventory.with_vm(one)
    return inventory, {c.name: tuple(vms[name] for name in c.vms) for c in SHOP.components}


def told(plan: Plan) -> list[tuple[str, str, list[int]]]:
    rows = []
    for step in plan:
        assert isinstance(step.action, StartVm | StopVm | AwaitReady)
        rows.append((type(step.action).__name__, str(step.action.vm), sorted(step.after)))
    return rows


def test_a_start_goes_in_order_and_waits_until_each_is_ready() -> None:
    inventory, members = world()
    plan = plan_service_start(inventory, SHOP, members)
    assert told(plan) == [
        ("StartVm", "v1", []),
        ("AwaitReady", "v1", [1]),
        ("StartVm", "v2", [2]),
        ("AwaitReady", "v2", [3]),
        ("StartVm", "v3", [2, 4]),
        ("StartVm", "v4", [2, 4]),
    ]
    assert objections(plan, inventory) == ()
    after = outcome(plan, inventory)
    assert {one.state for one in after.vms.values()} == {VmState.RUNNING}


def test_what_runs_is_not_started_but_still_waited_for() -> None:
    inventory, members = world()
    db = replace(members["db"][0], state=VmState.RUNNING)
    inventory, members = inventory.with_vm(db), {**members, "db": (db,)}
    plan = plan_service_start(inventory, SHOP, members)
    assert told(plan)[:2] == [("AwaitReady", "v1", []), ("StartVm", "v2", [1])]


def test_a_stop_goes_the_other_way() -> None:
    inventory, members = world(VmState.RUNNING)
    plan = plan_service_stop(inventory, SHOP, members)
    assert told(plan) == [
        ("StopVm", "v3", []),
        ("StopVm", "v4", []),
        ("StopVm", "v2", [1, 2]),
        ("StopVm", "v1", [1, 2, 3]),
    ]
    assert objections(plan, inventory) == ()


def test_a_part_that_is_stopped_already_is_waited_through() -> None:
    inventory, members = world(VmState.RUNNING)
    cache = replace(members["cache"][0], state=VmState.STOPPED)
    inventory, members = inventory.with_vm(cache), {**members, "cache": (cache,)}
    assert told(plan_service_stop(inventory, SHOP, members))[-1] == ("StopVm", "v1", [1, 2])


def test_components_that_wait_for_each_other_are_refused() -> None:
    circle = (Component(name="a", vms=("x",), after=("b",)), Component(name="b", after=("a",)))
    with pytest.raises(Conflict, match="a, b"):
        in_order(circle)


def test_no_room_is_said_for_the_vm_that_finds_none() -> None:
    inventory, members = world()
    tight = inventory.with_host(host(0, memory_mib=600)).with_host(host(1, memory_mib=600))
    with pytest.raises(NoPlan, match="vm3 cannot start on host1"):
        plan_service_start(tight, SHOP, members)


def test_an_unknown_vm_is_not_started() -> None:
    inventory, members = world()
    db = replace(members["db"][0], state=VmState.UNKNOWN)
    with pytest.raises(Conflict, match="unknown"):
        plan_service_start(inventory.with_vm(db), SHOP, {**members, "db": (db,)})


def member(state: str, health: Health = Health.UNPROBED, there: bool = True) -> Member:
    key = VmId("v") if there else None
    return Member(component="c", name="v", vm=key, state=state, health=health)


@pytest.mark.parametrize(
    ("members", "state"),
    [
        ((member("running"), member("running", Health.HEALTHY)), ServiceState.UP),
        ((member("running"), member("running", Health.UNKNOWN)), ServiceState.UNKNOWN),
        ((member("running"), member("running", Health.UNHEALTHY)), ServiceState.DEGRADED),
        ((member("running"), member("stopped")), ServiceState.DEGRADED),
        ((member("stopped"), member("crashed")), ServiceState.DOWN),
        ((member("stopped"), member("unknown")), ServiceState.UNKNOWN),
        ((member("running"), member("missing", there=False)), ServiceState.INCOMPLETE),
    ],
)
def test_the_state_of_all_in_one_word(members: tuple[Member, ...], state: ServiceState) -> None:
    assert rolled_up(members) is state


def test_members_are_named_in_order_or_given() -> None:
    made = Component(name="web", image="debian", count=2)
    assert SHOP.members(made) == ("shop-web-1", "shop-web-2")
    assert SHOP.members(SHOP.components[0]) == ("vm3", "vm4")
    assert isinstance(world()[1]["db"][0], Vm)
