"""Copies that were left over: removed by a plan, through lost answers and crashes, or by the guard.

And a VM that another tool moved where nobody hears it: it is not started a second time.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.drivers.sim import BmcMood, Fault, FaultKind, Shape
from anypool.drivers.sim.records import SimCopy
from anypool.drivers.sim.world import World
from anypool.engine.observing.picture import Picture
from anypool.engine.observing.vitals import KEPT_S
from anypool.errors import Conflict
from anypool.model import HostId, Power, StateReason, VmId, VmState
from anypool.plan import reason
from anypool.planner.copies import plan_remove_copy
from anypool.planner.operate import plan_start
from anypool.store import ha
from anypool.store.records import RunState
from tests.simulation.ha_yard import RULE, HaYard, guarded
from tests.simulation.yard import Yard

SMALL = Shape(hosts=3, vms=4, running_percent=100, ours_percent=100, locks=False)
WHY = reason("asked", who="ada")


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[HaYard]:
    yield from guarded(tmp_path)


def put(world: World, vm: VmId, host: HostId, state: VmState) -> None:
    """Put a copy of a VM, as it is somewhere, on a host; or change it there."""
    with world.turn() as known:
        (first, *_) = known.hosts_of(vm)
        copy = known.copy(host, vm) or known.copy(first, vm)
        assert copy is not None
        why = StateReason.BY_USER if state is VmState.PAUSED else StateReason.NONE
        record = replace(copy.vm, host=host, state=state, reason=why)
        known.put_copy(host, vm, SimCopy(vm=record, started_at=0.0))


def move(world: World, vm: VmId, host: HostId) -> None:
    """Let another tool migrate a VM to a host; nothing of it is left where it was."""
    with world.turn() as known:
        (source,) = known.running(vm)
        copy = known.copy(source, vm)
        assert copy is not None
        known.put_copy(source, vm, None)
        known.put_copy(host, vm, replace(copy, vm=replace(copy.vm, host=host)))


def disks(yard: Yard) -> set[object]:
    """Every volume there is; by the world itself."""
    with yard.world.turn() as known:
        return set(known.volumes.rows)


def left_over(yard: Yard) -> tuple[VmId, HostId]:
    """Let a paused VM have a stopped copy on another host, and let that be known."""
    vm, home = min(yard.where().items())
    other = next(host for host in sorted(yard.engine.inventory.hosts) if host != home)
    put(yard.world, vm, home, VmState.PAUSED)
    put(yard.world, vm, other, VmState.STOPPED)
    for host in (home, other):
        yard.engine.observe_now(host)
    return vm, other


@pytest.mark.parametrize("kind", [None, FaultKind.LOST_ANSWER, FaultKind.UNREACHABLE])
def test_copy_is_removed_once_whatever_fails_and_whenever_the_manager_dies(
    tmp_path: Path, kind: FaultKind | None
) -> None:
    writes, number = 1, 0
    while number <= writes:
        for side in ("before", "after") if number else ("",):
            folder = tmp_path / f"{number}-{side}"
            folder.mkdir()
            yard = Yard(folder, shape=SMALL)
            vm, gone = left_over(yard)
            volumes = disks(yard)
            run = yard.begin(plan_remove_copy(yard.engine.inventory, vm, gone, WHY))
            if kind is not None:
                yard.world.inject(Fault(kind=kind, operation="delete_vm"))
            yard.store.writes, yard.store.crash_at = 0, (number, side)
            assert yard.finish(run).state is RunState.DONE
            assert len(yard.copies()[vm]) == 1
            assert disks(yard) == volumes
            yard.check_safe()
            writes = max(writes, yard.store.writes) if number == 0 else writes
            yard.close()
        number += 1


def test_copy_that_somebody_started_is_left_alone(tmp_path: Path) -> None:
    yard = Yard(tmp_path, shape=SMALL)
    vm, gone = left_over(yard)
    plan = plan_remove_copy(yard.engine.inventory, vm, gone, WHY)
    (home,) = (host for host, state in yard.copies()[vm] if state is VmState.PAUSED)
    put(yard.world, vm, home, VmState.STOPPED)
    put(yard.world, vm, gone, VmState.RUNNING)
    assert yard.finish(yard.begin(plan)).state is RunState.FAILED
    assert (gone, VmState.RUNNING) in yard.copies()[vm]
    yard.engine.observe_now(gone)
    with pytest.raises(Conflict):
        plan_remove_copy(yard.engine.inventory, vm, gone, WHY)
    yard.close()


def test_guard_forgets_what_a_migration_of_ours_left_beside_a_paused_vm(yard: HaYard) -> None:
    vm, gone = left_over(yard)
    with yard.store.store.writing() as tx:
        ha.note_left(tx, ((vm, gone),))
    assert yard.pass_(60, lambda: len(yard.copies()[vm]) == 1), yard.copies()[vm]
    assert yard.copies()[vm][0][0] != gone


def test_guard_leaves_what_was_not_ours(yard: HaYard) -> None:
    vm, _ = left_over(yard)
    yard.pass_(60)
    assert len(yard.copies()[vm]) == 2


def unheard(yard: HaYard, source: HostId) -> HostId:
    """Cut a host off that has a BMC which does not answer; return it."""
    other = next(host for host in yard.hosts if host != source)
    yard.world.set_bmc(other, BmcMood.DEAD)
    yard.world.cut_host(other)
    yard.world.deafen(other)
    yard.pass_(3 * RULE.silent_s)
    return other


def test_vm_that_was_given_to_a_silent_host_is_not_started_when_its_old_host_dies(
    yard: HaYard,
) -> None:
    home = yard.busiest()
    vm, stays = sorted(yard.on(home))[:2]
    silent = unheard(yard, home)
    move(yard.world, vm, silent)
    yard.second()
    yard.world.switch_host_off(home)
    yard.pass_(60)
    assert yard.where()[vm] == silent
    assert yard.where()[stays] not in (home, silent), "it was seen there until its host died"
    yard.world.set_bmc(silent, BmcMood.WORKS)
    yard.world.heal_host(silent)
    yard.world.deafen(silent, heard=True)
    assert yard.pass_(60, yard.all_run)


def test_vms_of_a_host_that_was_away_first_wait_for_whoever_may_have_been_given_them(
    yard: HaYard,
) -> None:
    home = yard.busiest()
    vm, *others = sorted(yard.on(home))
    silent = unheard(yard, home)
    yard.world.cut_host(home)
    yard.pass_(RULE.silent_s)
    move(yard.world, vm, silent)
    yard.world.switch_host_off(home)
    yard.pass_(40)
    assert yard.where().keys() & {vm, *others} == {vm}, "nothing proves where they are"
    assert {yard.guard.down()[one].code for one in others} == {"ha.may-run-on"}
    assert silent in yard.guard.awaited
    assert yard.codes(silent)[1] == "NeedsProof ha.bmc-silent"
    yard.world.kill_host(silent)
    yard.say_dead(silent)
    assert yard.pass_(60, yard.all_run), yard.guard.down()


def test_silent_host_without_power_is_asked_for_what_another_one_says_is_stopped(
    yard: HaYard,
) -> None:
    off, home = yard.hosts[0], yard.hosts[1]
    yard.world.switch_host_off(off)
    assert yard.pass_(60, yard.all_run)
    yard.pass_(2 * KEPT_S)
    assert yard.on(home)
    yard.world.kill_host(home)
    yard.world.boot_host(home)
    yard.engine._save()
    yard.restart()
    assert yard.pass_(30, yard.all_run), (yard.guard.down(), yard.codes(off))
    assert yard.world.fences == []


def test_person_is_not_given_a_vm_that_may_run_unheard(yard: HaYard) -> None:
    """The host boots and says that it is stopped; it runs where another tool moved it."""
    home = yard.busiest()
    vm = min(yard.on(home))
    silent = unheard(yard, home)
    yard.world.cut_host(home)
    yard.pass_(RULE.silent_s)
    move(yard.world, vm, silent)
    put(yard.world, vm, home, VmState.STOPPED)
    yard.guard.release(vm)
    yard.world.heal_host(home)
    yard.second()
    assert yard.engine.inventory.vms[vm].unseen
    run = yard.begin(plan_start(yard.engine.inventory, vm))
    assert yard.finish(run).state is RunState.FAILED
    assert yard.where()[vm] == silent


def power_read(yard: HaYard, host: HostId, power: Power) -> None:
    """Let the BMC of a host be read, as those who read it now and then do."""
    yard.engine._observer.change(partial(Picture.put_power, host=host, power=power))


def beside_off(yard: HaYard) -> tuple[VmId, HostId, HostId]:
    """Let a VM be stopped on two hosts, of which one loses its power; and let that be known."""
    vm, home = min(yard.where().items())
    other = next(host for host in yard.hosts if host != home)
    yard.guard.release(vm)
    put(yard.world, vm, home, VmState.STOPPED)
    put(yard.world, vm, other, VmState.STOPPED)
    yard.second()
    with pytest.raises(Conflict, match="also known"):
        plan_start(yard.engine.inventory, vm)
    yard.world.switch_host_off(other)
    yard.pass_(10)
    with pytest.raises(Conflict, match="also known") as refused:
        plan_start(yard.engine.inventory, vm)
    assert "switch" in refused.value.hint
    power_read(yard, other, Power.OFF)
    return vm, home, other


def test_person_starts_a_vm_whose_other_copy_is_on_a_host_without_power(yard: HaYard) -> None:
    vm, home, other = beside_off(yard)
    plan = plan_start(yard.engine.inventory, vm)
    assert plan.steps[0].why.code == "place.stays-beside"
    assert yard.finish(yard.begin(plan)).state is RunState.DONE
    assert yard.where()[vm] == home
    yard.world.boot_host(other)
    yard.pass_(30)
    assert yard.copies()[vm] == [(home, VmState.RUNNING), (other, VmState.STOPPED)]
    forget = plan_remove_copy(yard.engine.inventory, vm, other, WHY)
    assert yard.finish(yard.begin(forget)).state is RunState.DONE
    assert yard.copies()[vm] == [(home, VmState.RUNNING)]


@pytest.mark.parametrize("mood", [BmcMood.WORKS, BmcMood.DEAD])
def test_host_that_got_power_again_unheard_keeps_its_vm_down(yard: HaYard, mood: BmcMood) -> None:
    """It boots, cut off, after the plan is made, and somebody starts its copy there."""
    vm, _, other = beside_off(yard)
    plan = plan_start(yard.engine.inventory, vm)
    yard.world.boot_host(other)
    yard.world.cut_host(other)
    put(yard.world, vm, other, VmState.RUNNING)
    yard.world.set_bmc(other, mood)
    yard.clock.advance(2 * KEPT_S)
    run = yard.begin(plan)
    assert yard.finish(run).state is RunState.FAILED
    assert yard.where()[vm] == other
