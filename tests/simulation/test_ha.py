"""Hosts fail in every way, and what ran on them runs again: once, with proof, or not at all."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.drivers.sim import BmcMood, Fault, FaultKind
from anypool.model import (
    HostId,
    Level,
    Policy,
    PolicyId,
    PowerOff,
    Priority,
    Restart,
    VmId,
    VmState,
)
from anypool.plan import ForgetCopy, PlanState, StartAfterFailure, StopVm
from anypool.planner.ha.detect import Word
from anypool.planner.operate import plan_action, plan_migrate
from anypool.store import plans
from anypool.store.records import PlanRecord
from tests.simulation.ha_yard import RULE, HaYard, guarded
from tests.simulation.yard import Crash


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[HaYard]:
    yield from guarded(tmp_path)


def made_plans(yard: HaYard) -> list[PlanRecord]:
    """Every plan of the policy, oldest first."""
    with yard.store.store.reading() as tx:
        found = plans.of_policy(tx, PolicyId("ha"))
        return [plans.get(tx, one.id) for one in reversed(found)]


def starts(yard: HaYard) -> list[StartAfterFailure]:
    actions = (step.action for plan in made_plans(yard) for step in plan.plan)
    return [action for action in actions if isinstance(action, StartAfterFailure)]


def fenced(yard: HaYard) -> list[HostId]:
    return [host for _, host in yard.world.fences]


def stays(yard: HaYard, host: HostId, seconds: float = 60) -> tuple[str, str]:
    """Nothing is started and nobody switched off for so long; return what is thought then."""
    before = yard.where(), fenced(yard)
    yard.pass_(seconds)
    assert (yard.where(), fenced(yard)) == before
    return yard.codes(host)


def test_dead_host_is_fenced_and_its_vms_run_elsewhere(yard: HaYard) -> None:
    dead = yard.busiest()
    lost = yard.on(dead)
    yard.world.kill_host(dead)
    assert yard.pass_(60, yard.all_run), yard.codes(dead)
    assert fenced(yard) == [dead]
    assert {one.vm for one in starts(yard)} == lost
    for one in starts(yard):
        assert isinstance(one.proof, PowerOff)
        assert one.proof.host == one.home == dead


def test_host_without_power_needs_no_fencing(yard: HaYard) -> None:
    dead = yard.busiest()
    yard.world.switch_host_off(dead)
    assert yard.pass_(40, yard.all_run), yard.codes(dead)
    assert fenced(yard) == []


def switched_off(yard: HaYard) -> HostId:
    """A host without power, of which its endpoint tells; what it had runs elsewhere."""
    dead = yard.busiest()
    yard.world.set_bmc(dead, BmcMood.NONE)
    yard.second()
    yard.world.switch_host_off(dead)
    endpoint = yard.engine.inventory.hosts[dead].endpoint

    def runs() -> bool:
        yard.engine._observer.answered(endpoint)  # as its loop does with every answer
        return yard.all_run()

    assert yard.pass_(40, runs), yard.codes(dead)
    return dead


def test_host_that_its_endpoint_tells_to_be_off_is_dead_too(yard: HaYard) -> None:
    """Without a BMC of its own the endpoint tells; that it answers is no life of the host."""
    assert switched_off(yard) not in yard.where().values()


def test_host_that_only_management_lost_is_left_alone(yard: HaYard) -> None:
    cut = yard.busiest()
    yard.world.cut_host(cut)
    assert stays(yard, cut) == ("management-lost", "Leave ha.is")


def test_host_that_only_its_neighbours_hear_is_left_alone(yard: HaYard) -> None:
    """The manager has no foot in the data network; the other hosts have."""
    yard.on_data_network = False
    cut = yard.busiest()
    yard.world.cut_host(cut)
    assert stays(yard, cut) == ("management-lost", "Leave ha.is")
    (found,) = (one for one in yard.guard.standing() if one.host == cut)
    (heard,) = (one for one in found.verdict.evidence if one.word is Word.PEERS)
    assert heard.by in {yard.engine.inventory.hosts[key].name for key in yard.hosts} - {cut}
    yard.world.deafen(cut)
    assert yard.pass_(60, lambda: bool(fenced(yard)) and yard.all_run())


def test_isolated_host_is_fenced_before_its_vms_start(yard: HaYard) -> None:
    cut = yard.busiest()
    yard.world.cut_host(cut)
    yard.world.deafen(cut)
    assert yard.pass_(60, lambda: bool(fenced(yard)) and yard.all_run())
    assert not yard.on(cut)


@pytest.mark.parametrize(
    ("mood", "thought"),
    [
        (BmcMood.DEAD, "NeedsProof ha.bmc-silent"),
        (BmcMood.STUCK, "Hold ha.braked"),
    ],
)
def test_without_proof_nothing_starts(yard: HaYard, mood: BmcMood, thought: str) -> None:
    dead = yard.busiest()
    yard.world.set_bmc(dead, mood)
    yard.world.kill_host(dead)
    assert stays(yard, dead, 90)[1] in (
        thought,
        "Fence ha.silent-on",
        "ReadPower ha.power-unknown",
    )
    assert starts(yard) == []


def test_bmc_that_lies_is_refuted_by_any_other_path(yard: HaYard) -> None:
    liar = yard.busiest()
    yard.world.set_bmc(liar, BmcMood.LIES)
    yard.world.cut_host(liar)
    assert stays(yard, liar)[1] == "Leave ha.is"


def test_one_wrong_reading_starts_nothing(yard: HaYard) -> None:
    cut = yard.busiest()
    yard.world.set_bmc(cut, BmcMood.GLITCH)
    yard.world.cut_host(cut)
    yard.world.deafen(cut)
    assert yard.pass_(90, lambda: bool(fenced(yard)) and yard.all_run())


def test_late_bmc_is_waited_for(yard: HaYard) -> None:
    dead = yard.busiest()
    yard.world.set_bmc(dead, BmcMood.LATE)
    yard.world.kill_host(dead)
    assert yard.pass_(400, yard.all_run), yard.codes(dead)


def test_host_that_is_back_is_cleared_of_what_runs_elsewhere(yard: HaYard) -> None:
    dead = yard.busiest()
    yard.world.kill_host(dead)
    assert yard.pass_(60, yard.all_run)
    yard.world.boot_host(dead)
    assert yard.pass_(60, lambda: all(len(places) == 1 for places in yard.copies().values()))
    yard.check_tidy()
    forgot = [
        s.action for p in made_plans(yard) for s in p.plan if isinstance(s.action, ForgetCopy)
    ]
    assert {one.host for one in forgot} == {dead}


def test_second_host_dies_while_the_first_is_still_off(yard: HaYard) -> None:
    first = yard.busiest()
    yard.world.kill_host(first)
    assert yard.pass_(60, yard.all_run)
    moved = {one.vm: one.host for one in starts(yard)}
    second = next(iter(moved.values()))
    yard.pass_(RULE.fences_within_s)
    yard.world.kill_host(second)
    assert yard.pass_(60, yard.all_run), yard.codes(second)
    again = [one for one in starts(yard) if one.home == second and one.vm in moved]
    assert again
    assert all({one.host for one in start.also} == {first} for start in again)


def test_what_was_started_elsewhere_is_no_prisoner_while_its_old_host_is_off(yard: HaYard) -> None:
    dead = switched_off(yard)
    vm = min(one.vm for one in starts(yard))
    home = yard.where()[vm]
    yard.finish(yard.begin(plan_migrate(yard.engine.inventory, vm, target=None)))
    assert yard.where()[vm] not in (home, dead)
    assert yard.all_run()
    yard.world.boot_host(dead)
    assert yard.pass_(60, lambda: all(len(places) == 1 for places in yard.copies().values()))
    yard.check_tidy()


def test_host_that_restarts_by_itself_starts_its_vms_in_place(yard: HaYard) -> None:
    lost = yard.busiest()
    vms = yard.on(lost)
    yard.world.kill_host(lost)
    yard.pass_(5)
    yard.world.boot_host(lost)
    assert yard.pass_(30, yard.all_run), yard.codes(lost)
    assert yard.on(lost) == vms
    assert fenced(yard) == []


def crash(yard: HaYard, vm: VmId, state: VmState) -> None:
    with yard.world.turn() as world:
        (host,) = world.running(vm)
        copy = world.copy(host, vm)
        assert copy is not None
        world.put_copy(host, vm, replace(copy, vm=replace(copy.vm, state=state), started_at=0.0))


def test_vm_that_crashed_alone_is_started_in_place(yard: HaYard) -> None:
    host = yard.busiest()
    vm = min(yard.on(host))
    crash(yard, vm, VmState.CRASHED)
    assert yard.pass_(10, yard.all_run)
    assert vm in yard.on(host)


def test_vm_that_shut_itself_down_stays_down(yard: HaYard) -> None:
    host = yard.busiest()
    vm = min(yard.on(host))
    crash(yard, vm, VmState.STOPPED)
    yard.pass_(60)
    assert vm not in yard.where()
    yard.world.kill_host(host)
    yard.pass_(90)
    assert yard.where().keys() == yard.running.keys() - {vm}


def test_vm_that_a_person_stopped_stays_down_though_the_manager_dies(yard: HaYard) -> None:
    host = yard.busiest()
    vm = min(yard.on(host))
    yard.finish(yard.begin(plan_action(yard.engine.inventory, StopVm(vm=vm, host=host), "ada")))
    yard.restart()
    yard.world.kill_host(host)
    yard.pass_(200)
    assert yard.where().keys() == yard.running.keys() - {vm}


def put(yard: HaYard, name: str, scope: str, priority: Priority) -> None:
    policy = Policy(id=PolicyId(name), scope=scope, rule=Restart(priority=priority))
    yard.engine.policies.put(policy, "ada", new=True)


def test_priorities_are_started_in_turn_and_disabled_ones_never(yard: HaYard) -> None:
    host = yard.busiest()
    first, second, never = sorted(yard.on(host))[:3]
    names = {vm: yard.engine.inventory.vms[vm].name for vm in (first, never)}
    put(yard, "first", f'name = "{names[first]}"', Priority.HIGHEST)
    put(yard, "never", f'name = "{names[never]}"', Priority.DISABLED)
    yard.world.kill_host(host)
    yard.pass_(90)
    assert yard.where().keys() == yard.running.keys() - {never}
    order = [one.vm for one in starts(yard)]
    assert order[0] == first
    assert second in order
    assert len({plan.id for plan in made_plans(yard)}) >= 3


class TestBrake:
    """Switching hosts off is what can hurt most."""

    def test_one_of_five_at_a_time(self, yard: HaYard) -> None:
        first, second = yard.hosts[:2]
        yard.world.kill_host(first)
        yard.world.kill_host(second)
        yard.pass_(50)
        assert len(fenced(yard)) == 1
        yard.pass_(RULE.fences_within_s)
        assert len(fenced(yard)) == 2
        assert yard.all_run()

    def test_none_while_more_than_half_are_silent(self, yard: HaYard) -> None:
        for host in yard.hosts[:3]:
            yard.world.cut_host(host)
            yard.world.deafen(host)
        assert stays(yard, yard.hosts[0])[1] == "Hold ha.braked"

    def test_none_after_a_cold_start(self, tmp_path: Path) -> None:
        yard = HaYard(tmp_path)
        yard.world.kill_host(yard.hosts[0])
        yard.pass_(RULE.cold_s - 10)
        assert fenced(yard) == []
        assert yard.pass_(60, yard.all_run)
        yard.close()

    def test_take_over_with_fresh_observations_is_no_cold_start(self, yard: HaYard) -> None:
        yard.restart()
        yard.world.kill_host(yard.busiest())
        assert yard.pass_(40, yard.all_run)

    def test_take_over_after_long_is_a_cold_start(self, yard: HaYard) -> None:
        yard.clock.advance(600)
        yard.restart()
        yard.second()
        yard.world.kill_host(yard.busiest())
        yard.pass_(RULE.cold_s - 10)
        assert fenced(yard) == []
        assert yard.pass_(60, yard.all_run)


def test_where_a_vm_was_started_outlives_the_manager_though_no_reading_was_saved(
    yard: HaYard,
) -> None:
    """The next manager reads of a VM on a host that is proven dead, and it runs on another."""
    dead = yard.busiest()
    yard.world.kill_host(dead)
    assert yard.pass_(60, yard.all_run)
    for host in {one.host for one in starts(yard)}:
        yard.world.set_bmc(host, BmcMood.DEAD)
        yard.world.cut_host(host)
        yard.world.deafen(host)
    before = yard.where()
    yard.restart()
    yard.pass_(60)
    assert yard.where() == before


def test_plan_waits_for_a_person_where_the_policy_says_so(tmp_path: Path) -> None:
    yard = HaYard(tmp_path, rule=replace(RULE, level=Level.MANUAL))
    yard.warm()
    dead = yard.busiest()
    yard.world.kill_host(dead)
    stays(yard, dead, 60)
    (fence,) = made_plans(yard)
    assert fence.state is PlanState.RECOMMENDED
    yard.finish(yard.engine.run(fence.id, "ada").id)
    yard.pass_(30)
    (restart,) = [one for one in made_plans(yard) if one.state is PlanState.RECOMMENDED]
    yard.finish(yard.engine.run(restart.id, "ada").id)
    assert yard.all_run()
    yard.check_safe()
    yard.close()


@pytest.mark.parametrize("operation", ["adopt_vm", "force_off_host"])
@pytest.mark.parametrize("kind", [FaultKind.LOST_ANSWER, FaultKind.UNREACHABLE])
def test_lost_answers_change_nothing(yard: HaYard, operation: str, kind: FaultKind) -> None:
    dead = yard.busiest()
    yard.world.inject(Fault(kind=kind, operation=operation, times=1))
    yard.world.kill_host(dead)
    assert yard.pass_(120, yard.all_run), yard.codes(dead)
    assert yard.world.faults == ()


@pytest.mark.parametrize("when", ["before", "after"])
def test_manager_that_dies_at_any_write_is_gone_on_from(tmp_path: Path, when: str) -> None:
    crashes = 0
    for number in range(1 if when == "after" else 3, 60, 9):
        (tmp_path / f"{number}").mkdir()
        yard = HaYard(tmp_path / f"{number}", seed=number)
        yard.warm()
        yard.world.kill_host(yard.busiest())
        yard.store.crash_at = (yard.store.writes + number, when)
        for _ in range(150):
            try:
                yard.second()
            except Crash:
                yard.restart()
            if yard.all_run():
                break
        assert yard.all_run()
        yard.check_safe()
        crashed, crashes = yard.crashes, crashes + yard.crashes
        yard.close()
        if not crashed:
            break
    assert crashes >= 2
