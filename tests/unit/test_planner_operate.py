"""Plans for single VMs."""

import pytest
from hypothesis import given
from msgspec.structs import replace

from anypool.errors import Conflict, NoPlan
from anypool.model import (
    DiskWish,
    HostId,
    Inventory,
    NetworkId,
    Nic,
    StateReason,
    VmCopy,
    VmId,
    VmState,
    VmWish,
)
from anypool.plan import CreateVm, PauseVm, ResumeVm, StartVm, outcome, say
from anypool.plan.check import objections, violations
from anypool.planner import plan_action, plan_create, plan_migrate, plan_start, refusal
from tests.strategies import SHARED, host, inventories, pool, vm

H0, H1 = HostId("h0"), HostId("h1")


def wish(number: int, memory_mib: int = 2048) -> VmWish:
    disk = DiskWish(target="vda", datastore=SHARED, size_bytes=1 << 26, volume=f"n{number}.qcow2")
    return VmWish(
        id=VmId(f"n{number}"),
        name=f"new{number}",
        memory_mib=memory_mib,
        disks=(disk,),
        nics=(Nic(mac=f"52:54:00:ff:00:{number:02x}", network=NetworkId("data")),),
    )


def test_vms_are_spread_and_start_after_they_are_made() -> None:
    plan = plan_create(pool(2), (wish(1), wish(2)), host=None, start=True)
    kinds = [(type(s.action), s.action.host, sorted(s.after)) for s in plan]  # type: ignore[union-attr]
    assert kinds == [
        (CreateVm, "h0", []),
        (StartVm, "h0", [1]),
        (CreateVm, "h1", []),
        (StartVm, "h1", [3]),
    ]


@given(inventories())
def test_created_vms_break_no_rule(world: Inventory) -> None:
    wishes = tuple(wish(number) for number in range(4))
    try:
        plan = plan_create(world, wishes, host=None, start=True)
    except NoPlan:
        return
    assert objections(plan, world) == ()
    assert violations(outcome(plan, world)) <= violations(world)


def test_memory_is_short_everywhere_and_the_answer_says_how_much() -> None:
    with pytest.raises(NoPlan) as caught:
        plan_create(pool(2), (wish(1, memory_mib=9216),), host=None, start=False)
    assert caught.value.refusals == {
        "host0": "memory 1 GiB short: needs 9 GiB, 8 GiB free",
        "host1": "memory 1 GiB short: needs 9 GiB, 8 GiB free",
    }


def test_an_empty_pool_says_what_to_do() -> None:
    with pytest.raises(NoPlan) as caught:
        plan_create(Inventory(), (wish(1),), host=None, start=False)
    assert "host add" in caught.value.hint


def test_named_host_is_taken_or_refused_with_its_reason() -> None:
    plan = plan_create(pool(2), (wish(1),), host=H1, start=False)
    assert say(plan.steps[0].why) == "the host was named"
    closed = pool(2).with_host(host(1, maintenance=True))
    with pytest.raises(NoPlan, match="in maintenance"):
        plan_create(closed, (wish(1),), host=H1, start=False)


def test_start_refuses_a_second_copy() -> None:
    twice = vm(1, "h0", state=VmState.STOPPED, copies=(VmCopy(host=H1, state=VmState.STOPPED),))
    with pytest.raises(Conflict, match="host1"):
        plan_start(pool(2).with_vm(twice), VmId("v1"))


@pytest.mark.parametrize("state", [VmState.RUNNING, VmState.UNKNOWN, VmState.PAUSED])
def test_only_a_stopped_vm_starts(state: VmState) -> None:
    with pytest.raises(Conflict, match=state):
        plan_start(pool(2).with_vm(vm(1, "h0", state=state)), VmId("v1"))


def test_migrate_names_what_pins_the_vm() -> None:
    moving = vm(1, "h0", reason=StateReason.MIGRATING)
    with pytest.raises(Conflict, match="in the middle of a migration") as caught:
        plan_migrate(pool(2).with_vm(moving), VmId("v1"), target=None)
    assert caught.value.message.count("vm1") == 1, "it is named once"
    with pytest.raises(Conflict, match="already"):
        plan_migrate(pool(2).with_vm(vm(1, "h0")), VmId("v1"), target=H0)


def test_migrate_chooses_or_obeys() -> None:
    world = pool(3).with_vm(vm(1, "h0")).with_vm(vm(2, "h1"))
    assert plan_migrate(world, VmId("v1"), target=None).steps[0].action.target == "h2"  # type: ignore[union-attr]
    assert plan_migrate(world, VmId("v1"), target=H1).steps[0].action.target == "h1"  # type: ignore[union-attr]


def test_single_deed_is_a_plan_that_knows_when_it_is_out_of_date() -> None:
    world = pool(1).with_vm(vm(1, "h0"))
    plan = plan_action(world, PauseVm(vm=VmId("v1"), host=H0), "anna")
    assert plan.goal == "pause vm1 on host0"
    assert say(plan.steps[0].why) == "asked for by anna"
    with pytest.raises(Conflict, match="stopped"):
        plan_action(
            pool(1).with_vm(vm(1, "h0", state=VmState.STOPPED)),
            PauseVm(vm=VmId("v1"), host=H0),
            "anna",
        )


def test_paused_vm_that_is_known_twice_is_not_resumed() -> None:
    """It may be what a broken migration left, and the other copy the one that ran last."""
    paused = vm(1, "h0", state=VmState.PAUSED)
    resume = ResumeVm(vm=VmId("v1"), host=H0)
    assert plan_action(pool(2).with_vm(paused), resume, "anna").steps
    twice = replace(paused, copies=(VmCopy(host=H1, state=VmState.CRASHED),))
    with pytest.raises(Conflict, match="host1"):
        plan_action(pool(2).with_vm(twice), resume, "anna")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"maintenance": True}, "host is in maintenance"),
        ({"networks": frozenset()}, "network data is not there"),
        ({"datastores": frozenset()}, "datastore shared is not reachable"),
        ({"cpus": 0}, "1 vCPUs wanted, only 0 CPUs"),
        ({"arch": "aarch64"}, "is aarch64, the VM needs x86_64"),
        ({"peer_uri": ""}, "has no address for its peers"),
        ({"capabilities": frozenset()}, "cannot do live migration"),
        ({"memory_mib": 1000}, "memory 24 MiB short: needs 1 GiB, 1000 MiB free"),
    ],
)
def test_each_need_refuses_alone(changes: dict[str, object], why: str) -> None:
    world = pool(2).with_host(host(1, **changes)).with_vm(vm(1, "h0"))
    found = refusal(world, world.vms[VmId("v1")], world.hosts[H1])
    assert found is not None
    assert say(found) == why
