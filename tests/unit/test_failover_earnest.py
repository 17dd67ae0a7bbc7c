"""The death map in earnest: it says of each VM what high availability then does, and why not."""

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from anypool.model import (
    Capability,
    Component,
    Disk,
    HostId,
    Inventory,
    Matter,
    PowerOff,
    Service,
    ServiceId,
    Snapshot,
    VmCopy,
    VmId,
    VmState,
)
from anypool.planner.failover import DeathMap, Recovery, of_hosts, plan_recovery, proofs
from anypool.planner.ha.again import Task, start_again
from anypool.planner.rehearse import silent
from anypool.planner.rules import NO_RULES
from tests.simulation.test_deathmap import changed, crowded
from tests.strategies import host, inventories, pool, vm

H0, H1, H2 = (HostId(f"h{n}") for n in range(3))
GIB = 1024
Told = dict[VmId, str]
"""Where a VM starts, or the code of the reason why it does not."""


def foreseen(found: Recovery) -> Told:
    return {
        one.vm: str(one.host) if one.host is not None else one.why.code
        for one in found.fates
        if one.host is not None or one.why is not None
    }


def done(world: Inventory, dead: HostId) -> Told:
    """What high availability does once a host is proven dead, all priorities at once."""
    dark = silent(world, frozenset({dead}))
    vms = frozenset(one.id for one in dark.vms_on(dead) if one.state is VmState.UNKNOWN)
    proof = PowerOff(host=dead, first_at=1.0, at=3.0)
    task = Task(vms=vms, proofs=(proof,), seen_at=4.0, all_levels=True)
    made = start_again(dark, task, NO_RULES)
    told = {key: why.code for key, why in made.down.items()}
    for step in made.plan or ():
        told[step.action.wish.id] = str(step.action.host)  # type: ignore[union-attr]
    return told


@st.composite
def mixed(draw: st.DrawFn) -> Inventory:
    """A tight pool of VMs that anypool made or not, that others know too, on hosts of all sorts."""
    world = draw(inventories())
    for one in list(world.hosts.values()):
        able = frozenset(Capability)
        able -= draw(st.sampled_from((frozenset(), frozenset(), frozenset({Capability.VM_ADOPT}))))
        left = draw(st.sampled_from((frozenset(), frozenset(), frozenset({Matter.RESTART}))))
        world = world.with_host(replace(one, capabilities=able, platform_decides=left))
    keys = sorted(world.hosts)
    for vm_ in list(world.vms.values()):
        others = [key for key in keys if key != vm_.host]
        states = st.sampled_from((VmState.STOPPED, VmState.UNKNOWN))
        copy = VmCopy(host=draw(st.sampled_from(others)), state=draw(states))
        world = world.with_vm(
            replace(
                vm_,
                made_by=draw(st.sampled_from(("us", "us", ""))),
                copies=draw(st.sampled_from(((), (), (copy,)))),
            )
        )
    return world


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(mixed())
def test_what_is_foreseen_is_what_is_done(world: Inventory) -> None:
    map_ = DeathMap(world, earnest=True)
    for found in map_.all():
        if found.failure.kind == "host":
            (dead,) = found.failure.hosts
            assert foreseen(found) == done(world, dead), dead


def test_the_map_follows_a_vm_that_becomes_ours_and_a_host_that_learns() -> None:
    world = pool(3).with_vm(vm(1, "h0")).with_vm(vm(2, "h0", made_by="us"))
    map_ = DeathMap(world, earnest=True)

    def now() -> Told:
        return foreseen(map_.get(of_hosts([H0])))

    assert now() == {"v1": "ha.not-ours", "v2": "h1"}
    ours = world.with_vm(vm(1, "h0", made_by="us"))
    map_.advance(ours)
    assert now() == foreseen(plan_recovery(ours, of_hosts([H0]), earnest=True))
    assert "ha.not-ours" not in now().values()
    unable = frozenset(Capability) - {Capability.VM_ADOPT}
    few = ours.with_host(host(1, capabilities=unable)).with_host(host(2, capabilities=unable))
    map_.advance(few)
    assert set(now().values()) == {"ha.cannot-adopt"}
    map_.advance(ours)
    assert "ha.cannot-adopt" not in now().values()


def test_what_is_left_down_takes_no_room_and_keeps_nobody_waiting() -> None:
    """Only one of both finds room: the foreign one, were it started, would be first."""
    world = pool(2, memory_mib=4 * GIB)
    world = world.with_vm(vm(1, "h0", name="db", memory_mib=3 * GIB))
    world = world.with_vm(vm(2, "h0", name="web", memory_mib=2 * GIB, made_by="us"))
    parts = (Component(name="db", vms=("db",)), Component(name="web", vms=("web",), after=("db",)))
    shop = Service(id=ServiceId("shop"), components=parts)
    found = plan_recovery(world, of_hosts([H0]), NO_RULES, (shop,), earnest=True)
    assert foreseen(found) == {"v1": "ha.not-ours", "v2": "h1"}
    assert not found.lost[0].left, "beside the other there is no room for it"
    room = plan_recovery(world, of_hosts([H0]), NO_RULES, (shop,))
    assert foreseen(room)["v1"] == "h1", "asked for room only, it counts"


def test_where_it_would_have_room_is_said_of_what_is_left_down() -> None:
    world = pool(2).with_vm(vm(1, "h0")).with_vm(vm(2, "h0", made_by="us"))
    found = plan_recovery(world, of_hosts([H0]), earnest=True)
    assert [(one.vm, one.near, one.left) for one in found.lost] == [("v1", H1, True)]
    unable = frozenset(Capability) - {Capability.VM_ADOPT}
    found = plan_recovery(
        world.with_host(host(1, capabilities=unable)), of_hosts([H0]), earnest=True
    )
    assert [(one.near, one.left) for one in found.lost] == [(H1, True)] * 2


def test_a_map_in_earnest_that_is_kept_up_is_one_made_anew() -> None:
    world, rng = crowded(3, 16, 200, 0.85), random.Random(5)
    for key in list(world.vms)[::3]:
        world = world.with_vm(replace(world.vms[key], made_by="us"))
    map_ = DeathMap(world, earnest=True)
    for _ in range(40):
        world = changed(world, rng)
        map_.advance(world)
        for found, new in zip(map_.all(), DeathMap(world, earnest=True).all(), strict=True):
            assert found.fates == new.fates, found.failure


def test_each_reason_to_leave_a_vm_down_is_named() -> None:
    def code(world: Inventory, **changes: object) -> str:
        there = world.with_vm(vm(1, "h0", **({"made_by": "us"} | changes)))
        (told,) = foreseen(plan_recovery(there, of_hosts([H0]), earnest=True)).values()
        return told

    assert code(pool(2)) == "h1"
    assert code(pool(2), made_by="") == "ha.not-ours"
    assert code(pool(2), snapshots=(Snapshot(name="before"),)) == "ha.snapshots"
    nowhere = Disk(target="vda", volume="/dev/sdb", datastore=None)
    assert code(pool(2), disks=(nowhere,)) == "ha.disk-nowhere"
    decides = host(0, platform_decides=frozenset({Matter.RESTART}))
    assert code(pool(2).with_host(decides)) == "ha.platform"


def test_a_copy_that_is_a_mere_definition_hinders_nobody_and_is_not_to_be_proven() -> None:
    copy = VmCopy(host=H1, state=VmState.STOPPED)
    world = pool(3).with_vm(vm(1, "h0", made_by="us", copies=(copy,)))
    found = plan_recovery(world, of_hosts([H0]), earnest=True)
    assert foreseen(found) == {"v1": "h1"}
    assert [dict(why.facts)["host"] for why in proofs(found, world)] == ["host0"]
