"""Failures that are played on a copy: the guard's own decisions, and what starts again when."""

from msgspec.structs import replace

from anypool.model import (
    Capability,
    HighAvailability,
    HostId,
    HostState,
    Inventory,
    Policy,
    PolicyId,
    PowerOff,
    Priority,
    Restart,
    Stated,
    VmId,
    VmState,
)
from anypool.plan import say
from anypool.planner.rehearse import Dies, Happens, Moment, Ran, Watched, run, silent, watch
from anypool.planner.rules import Rulebook
from anypool.planner.wish import Terms
from tests.strategies import host, pool, vm

H0 = HostId("h0")


def guarded(hosts: int = 12, bmc: bool = True) -> Inventory:
    world = pool(hosts)
    if not bmc:
        without = frozenset(Capability) - {Capability.HOST_POWER}
        world = world.with_host(host(0, capabilities=without))
    for number in range(3):
        world = world.with_vm(vm(number, "h0", made_by="us"))
    return world


def watched(world: Inventory, how: Dies, **more: float) -> Watched:
    every = frozenset(world.hosts)
    return Watched(dying=frozenset({H0}), guarded=every, how=how, **more)


def kinds(moments: tuple[Moment, ...]) -> list[Happens]:
    return [one.what for one in moments]


def test_a_host_without_power_is_proven_dead_by_two_readings() -> None:
    world = guarded()
    found = watch(world, watched(world, Dies.OFF))
    at_ms, proof = found.proofs[H0]
    assert isinstance(proof, PowerOff)
    assert at_ms < 10_000
    assert kinds(found.moments)[-1] is Happens.PROVEN
    assert "BMC of host0: off" in [say(one.said) for one in found.moments]


def test_a_host_that_hangs_is_switched_off_first() -> None:
    world = guarded()
    found = watch(world, watched(world, Dies.HANGS, fence_s=7.0))
    told = [say(one.said) for one in found.moments]
    assert any("is to be switched off" in one for one in told)
    at_ms, proof = found.proofs[H0]
    assert isinstance(proof, PowerOff)
    assert at_ms >= 30_000 + 7_000  # silent for so long first, then fenced


def test_the_brake_holds_when_too_many_hosts_are_silent() -> None:
    world = guarded(3)
    dying = frozenset({H0, HostId("h1")})
    world = world.with_vm(vm(9, "h1", made_by="us"))
    one = Watched(dying=dying, guarded=frozenset(world.hosts), how=Dies.HANGS)
    found = watch(world, one)
    assert found.proofs == {}
    assert "nothing more happens to host0 by itself" in [say(m.said) for m in found.moments]


def test_without_a_bmc_a_person_is_waited_for() -> None:
    world = guarded(bmc=False)
    found = watch(world, watched(world, Dies.OFF, person_s=60.0))
    at_ms, proof = found.proofs[H0]
    assert isinstance(proof, Stated)
    assert at_ms >= 60_000
    assert watch(world, watched(world, Dies.OFF, person_s=0.0)).proofs == {}


def played(world: Inventory, *policies: Policy) -> Ran:
    proof = PowerOff(host=H0, first_at=1.0, at=2.0)
    rules = Rulebook.on(policies, world)
    return run(silent(world, frozenset({H0})), {H0: (5_000, proof)}, rules, (), Terms())


def test_vms_start_on_the_copy_the_highest_priority_first_and_the_pool_is_as_it_was() -> None:
    world = guarded()
    first = Policy(id=PolicyId("p"), scope="id = v2", rule=Restart(priority=Priority.HIGHEST))
    ran = played(world, first)
    assert len(ran.plans) == 2
    starts = [one for one in ran.moments if one.runs_on is not None]
    assert starts[0].vm == VmId("v2")
    assert all(one.at_ms > 5_000 for one in starts)
    assert {ran.after.vms[VmId(f"v{n}")].state for n in range(3)} == {VmState.RUNNING}
    assert H0 not in {ran.after.vms[VmId(f"v{n}")].host for n in range(3)}
    assert world.vms[VmId("v2")].host == H0
    assert [one.at_ms for one in ran.moments] == sorted(one.at_ms for one in ran.moments)


def test_what_cannot_start_stays_down_with_its_reason() -> None:
    world = guarded()
    world = world.with_vm(replace(world.vms[VmId("v0")], made_by=""))
    ran = played(world)
    (down,) = (one for one in ran.moments if one.what is Happens.DOWN)
    assert down.vm == VmId("v0")
    assert "vm0 stays down" in say(down.said)


def test_where_no_host_is_left_nothing_starts() -> None:
    world = guarded(2)
    closed = replace(world.hosts[HostId("h1")], state=HostState.OFF)
    ran = played(world.with_host(closed))
    assert ran.plans == ()
    assert kinds(ran.moments) == [Happens.DOWN] * 3


def test_a_rule_is_the_policys() -> None:
    world = guarded()
    rule = HighAvailability(fence=False)
    one = Watched(dying=frozenset({H0}), guarded=frozenset(world.hosts), how=Dies.HANGS, rule=rule)
    found = watch(world, one)
    assert not any("switched off" in say(moment.said) for moment in found.moments)
    assert isinstance(found.proofs[H0][1], Stated)
