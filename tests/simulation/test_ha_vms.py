"""VMs that fail by themselves on hosts that are well: mended there, or started elsewhere, once."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from msgspec.structs import replace

from anypool.engine.ha.charges import RAN_S
from anypool.engine.loads.load import Loads
from anypool.model import (
    AgentState,
    Component,
    DatastoreId,
    HostId,
    PolicyId,
    Probe,
    ProbeKind,
    SaidGone,
    Service,
    ServiceId,
    StateReason,
    VmId,
    VmState,
)
from anypool.plan import RestartVm, ResumeVm, StartAfterFailure, StartVm, StopVm
from anypool.store import plans
from tests.simulation.ha_yard import RULE, HaYard, guarded

MINE = replace(RULE, in_place=2, tries=4, store_lost_s=20, guest_silent_s=30, guest_resets=2)
Action = TypeVar("Action")


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[HaYard]:
    yield from guarded(tmp_path, rule=MINE)


def done(yard: HaYard, kind: type[Action]) -> list[Action]:
    """Every action of a kind that the policy planned, oldest first."""
    with yard.store.store.reading() as tx:
        kept = [plans.get(tx, one.id) for one in reversed(plans.of_policy(tx, PolicyId("ha")))]
    actions = (step.action for plan in kept for step in plan.plan)
    return [one for one in actions if isinstance(one, kind)]


def put(yard: HaYard, vm: VmId, state: VmState, why: StateReason = StateReason.NONE) -> None:
    with yard.world.turn() as world:
        (host,) = world.running(vm)
        copy = world.copy(host, vm)
        assert copy is not None
        ended = 0.0 if state is VmState.CRASHED else copy.started_at
        changed = replace(copy.vm, state=state, reason=why)
        world.put_copy(host, vm, replace(copy, vm=changed, started_at=ended))


def someone(yard: HaYard) -> tuple[VmId, HostId]:
    host = yard.busiest()
    return min(yard.on(host)), host


def thought(yard: HaYard, vm: VmId) -> str:
    found = yard.guard.down().get(vm)
    return "" if found is None else found.code


class TestCrashes:
    def test_vm_that_crashes_again_and_again_goes_elsewhere_and_is_given_up(
        self, yard: HaYard
    ) -> None:
        vm, home = someone(yard)
        where = []
        for _ in range(MINE.tries):
            put(yard, vm, VmState.CRASHED)
            assert yard.pass_(200, lambda: vm in yard.where()), thought(yard, vm)
            where.append(yard.where()[vm])
        assert where[: MINE.in_place] == [home] * MINE.in_place
        assert where[MINE.in_place] != home
        put(yard, vm, VmState.CRASHED)
        yard.pass_(400)
        assert vm not in yard.where()
        assert thought(yard, vm) == "ha.gave-up"
        for one in done(yard, StartAfterFailure):
            assert isinstance(one.proof, SaidGone)

    def test_attempts_rest_longer_and_longer_and_it_is_shown(self, yard: HaYard) -> None:
        vm, _ = someone(yard)
        gaps: list[float] = []
        for _ in range(3):
            put(yard, vm, VmState.CRASHED)
            yard.second()
            began = yard.clock.now()
            if gaps:
                assert thought(yard, vm) == "ha.rests"
            assert yard.pass_(200, lambda: vm in yard.where())
            gaps.append(yard.clock.now() - began)
        assert gaps[0] < gaps[1] < gaps[2]

    def test_starts_that_lasted_lengthen_no_pause(self, yard: HaYard) -> None:
        vm, _ = someone(yard)
        for _ in range(MINE.tries):
            put(yard, vm, VmState.CRASHED)
            assert yard.pass_(4, lambda: vm in yard.where()), thought(yard, vm)
            yard.pass_(RAN_S + 3)
        put(yard, vm, VmState.CRASHED)
        yard.pass_(4)
        assert thought(yard, vm) == "ha.gave-up", "it is counted all the same"

    def test_start_that_did_not_last_lengthens_the_pause_whatever_was_before(
        self, yard: HaYard
    ) -> None:
        vm, _ = someone(yard)
        for lasted_s in (RAN_S + 3, 5):
            put(yard, vm, VmState.CRASHED)
            assert yard.pass_(4, lambda: vm in yard.where()), thought(yard, vm)
            yard.pass_(lasted_s)
        put(yard, vm, VmState.CRASHED)
        yard.pass_(2)
        assert yard.guard.charges.failed(vm) == 1
        assert thought(yard, vm) == "ha.rests"
        assert yard.pass_(30, lambda: vm in yard.where())

    def test_start_that_ended_with_its_host_lengthens_a_pause_only_the_second_time(
        self, yard: HaYard
    ) -> None:
        """Hosts die one after the other; a VM that takes its host down each time is to rest."""
        vm, home = someone(yard)
        took: list[float] = []
        for _ in range(3):
            yard.world.switch_host_off(home)
            began = yard.clock.now()
            assert yard.pass_(90, lambda: vm in yard.where()), thought(yard, vm)
            took.append(yard.clock.now() - began)
            yard.world.boot_host(home)
            home = yard.where()[vm]
            yard.pass_(2)
        assert took[1] <= took[0] + 1, took
        assert took[2] > took[1] + 3, took

    def test_vm_that_ran_long_enough_begins_anew(self, yard: HaYard) -> None:
        vm, home = someone(yard)
        for _ in range(MINE.tries + 1):
            put(yard, vm, VmState.CRASHED)
            assert yard.pass_(30, lambda: vm in yard.where())
            yard.second(700)
            yard.pass_(2)
        assert yard.where()[vm] == home
        assert len(done(yard, StartVm)) == MINE.tries + 1

    def test_what_a_dead_host_had_is_not_given_up(self, yard: HaYard) -> None:
        vm, _ = someone(yard)
        for _ in range(MINE.tries):
            put(yard, vm, VmState.CRASHED)
            yard.pass_(200, lambda: vm in yard.where())
        last = yard.where()[vm]
        yard.world.kill_host(last)
        assert yard.pass_(400, lambda: vm in yard.where()), thought(yard, vm)


class TestErrorsOfDisks:
    def test_vm_that_is_paused_by_an_error_is_resumed(self, yard: HaYard) -> None:
        vm, home = someone(yard)
        put(yard, vm, VmState.PAUSED, StateReason.IO_ERROR)
        assert yard.pass_(10, lambda: yard.where().get(vm) == home)
        assert [one.vm for one in done(yard, ResumeVm)] == [vm]

    def test_vm_whose_errors_go_on_is_stopped_there_and_starts_elsewhere(
        self, yard: HaYard
    ) -> None:
        vm, home = someone(yard)
        for _ in range(MINE.in_place + 1):
            put(yard, vm, VmState.PAUSED, StateReason.IO_ERROR)
            assert yard.pass_(100, lambda: vm in yard.where()), thought(yard, vm)
        assert yard.where()[vm] != home
        assert [one.vm for one in done(yard, StopVm)] == [vm]

    def test_vm_that_a_person_paused_stays_paused(self, yard: HaYard) -> None:
        vm, _ = someone(yard)
        put(yard, vm, VmState.PAUSED, StateReason.BY_USER)
        yard.pass_(60)
        assert state(yard, vm) is VmState.PAUSED
        assert done(yard, ResumeVm) == []


def state(yard: HaYard, vm: VmId) -> VmState | None:
    known = yard.engine.inventory.vms.get(vm)
    return None if known is None else known.state


class TestStorage:
    """One host has no sight of a datastore that the others see."""

    @staticmethod
    def lose(yard: HaYard, host: HostId, *, back: bool = False) -> None:
        with yard.world.turn() as world:
            row = world.host(host)
            rows = world.datastores.rows.items()
            (shared,) = (DatastoreId(key) for key, one in rows if one.datastore.shared)
            known = row.host.datastores
            stores = known | {shared} if back else known - {shared}
            world.hosts.put(host, replace(row, host=replace(row.host, datastores=stores)))

    def test_its_vms_are_stopped_there_and_start_elsewhere(self, yard: HaYard) -> None:
        host = yard.busiest()
        lost = yard.on(host)
        self.lose(yard, host)
        yard.pass_(MINE.store_lost_s - 2)
        assert yard.on(host) == lost
        assert {thought(yard, vm) for vm in lost} == {"ha.store-lost"}
        assert yard.pass_(120, lambda: not yard.on(host) and yard.all_run())
        assert {one.vm for one in done(yard, StopVm)} == lost
        starts = {one.vm: one for one in done(yard, StartAfterFailure)}
        assert starts.keys() == lost
        assert all(isinstance(one.proof, SaidGone) for one in starts.values())

    def test_a_manager_that_dies_in_between_goes_on(self, yard: HaYard) -> None:
        host = yard.busiest()
        lost = yard.on(host)
        self.lose(yard, host)
        assert yard.pass_(60, lambda: bool(lost - yard.on(host)))
        stopped = lost - yard.where().keys()
        assert stopped
        yard.restart()
        assert yard.pass_(400, lambda: stopped <= yard.where().keys())
        assert not stopped & yard.on(host)

    def test_datastore_that_is_back_in_time_changes_nothing(self, yard: HaYard) -> None:
        host = yard.busiest()
        self.lose(yard, host)
        yard.pass_(MINE.store_lost_s - 5)
        self.lose(yard, host, back=True)
        yard.pass_(60)
        assert done(yard, StopVm) == []

    def test_datastore_that_nobody_sees_stops_nothing(self, yard: HaYard) -> None:
        for host in yard.hosts:
            self.lose(yard, host)
        yard.pass_(60)
        assert done(yard, StopVm) == []
        vm, _ = someone(yard)
        assert thought(yard, vm) == "ha.store-nowhere"


class TestGuests:
    """Guests that answered their probes, and do no more."""

    @pytest.fixture(autouse=True)
    def probed(self, yard: HaYard) -> None:
        self.deaf: set[str] = set()
        self.names = {vm.name: vm.id for vm in yard.engine.inventory.vms.values()}
        probe = Probe(kind=ProbeKind.TCP, address="{vm}", port=22, interval_s=5.0)
        component = Component(name="all", vms=tuple(sorted(self.names)), probe=probe)
        yard.engine.services.put(Service(id=ServiceId("shop"), components=(component,)), "ada")
        healths = yard.engine.healths
        healths.submit = lambda task: task()
        healths.knock = lambda probe, name: "silent" if name in self.deaf else ""
        self.listen(yard, 20)

    def listen(self, yard: HaYard, seconds: int) -> None:
        for _ in range(seconds):
            yard.engine.healths.round()
            yard.second()

    def test_hung_guest_is_reset_and_not_without_end(self, yard: HaYard) -> None:
        vm, _ = someone(yard)
        name = yard.engine.inventory.vms[vm].name
        self.deaf = {name}
        self.listen(yard, 20)
        assert done(yard, RestartVm) == []
        for _ in range(4):
            self.deaf = {name}
            self.listen(yard, 60)
            self.deaf = set()
            self.listen(yard, 15)
        assert [one.vm for one in done(yard, RestartVm)] == [vm] * MINE.guest_resets
        self.deaf = {name}
        self.listen(yard, 60)
        assert thought(yard, vm) == "ha.guest-resets"

    def test_guest_that_was_reset_is_not_reset_again_before_it_answered(self, yard: HaYard) -> None:
        vm, _ = someone(yard)
        self.deaf = {yard.engine.inventory.vms[vm].name}
        self.listen(yard, 200)
        assert len(done(yard, RestartVm)) == 1

    def test_many_silent_guests_are_the_fault_of_who_listens(self, yard: HaYard) -> None:
        self.deaf = set(self.names)
        self.listen(yard, 60)
        assert done(yard, RestartVm) == []
        assert thought(yard, someone(yard)[0]) == "ha.guests-silent"

    def test_without_the_policys_word_nobody_is_reset(self, yard: HaYard) -> None:
        known = yard.engine.policies.get(PolicyId("ha"))
        quiet = replace(known, rule=replace(MINE, guest_silent_s=0.0))
        yard.engine.policies.put(quiet, "ada", new=False)
        self.deaf = {min(self.names)}
        self.listen(yard, 90)
        assert done(yard, RestartVm) == []


class TestAgents:
    """Guests whose agents answered, and do no more."""

    @pytest.fixture(autouse=True)
    def judged(self, yard: HaYard) -> None:
        for vm in yard.running:
            yard.world.set_agent(vm)
            with yard.world.turn() as world:
                guest = world.guests.get(vm)
                assert guest is not None
                world.guests.put(vm, replace(guest, busy_percent=20))
        known = yard.engine.policies.get(PolicyId("ha"))
        rule = replace(MINE, agent_silent_s=20.0, agent_quiet_s=40.0)
        yard.engine.policies.put(replace(known, rule=rule), "ada", new=False)
        self.live(yard, 20)

    def live(self, yard: HaYard, seconds: int) -> None:
        """Let time pass in which loads are measured, as the meter does every few seconds."""
        for _ in range(seconds):
            for endpoint in yard.engine.endpoints():
                yard.engine._meter.measure(endpoint.id)
            yard.second()

    def test_hung_guest_is_reset_once_and_runs_on(self, yard: HaYard) -> None:
        vm, _ = someone(yard)
        yard.world.set_agent(vm, hangs=True)
        self.live(yard, 35)
        assert done(yard, RestartVm) == []
        self.live(yard, 45)
        assert [one.vm for one in done(yard, RestartVm)] == [vm]
        assert yard.guard.patients.agents.of(vm).state is AgentState.ANSWERS
        assert vm in yard.where()

    def test_it_is_not_reset_without_end(self, yard: HaYard) -> None:
        vm, _ = someone(yard)
        for _ in range(4):
            yard.world.set_agent(vm, hangs=True)
            self.live(yard, 60)
        assert len(done(yard, RestartVm)) == MINE.guest_resets
        assert thought(yard, vm) == "ha.guest-resets"

    def test_agent_that_was_never_heard_resets_nothing(self, yard: HaYard) -> None:
        vm, _ = someone(yard)
        yard.guard.patients.agents.begun(vm)
        yard.world.set_agent(vm, hangs=True)
        self.live(yard, 60)
        sight = yard.guard.patients.agents.of(vm)
        assert (sight.state, sight.heard) == (AgentState.SILENT, False)
        assert done(yard, RestartVm) == []

    def test_guest_that_moves_data_is_left_alone_and_said_to(self, yard: HaYard) -> None:
        vm, _ = someone(yard)
        yard.world.silence_agent(vm)
        self.live(yard, 60)
        why = yard.guard.patients.agents.of(vm).why
        assert why is not None
        assert why.code == "ha.agent-busy"
        assert done(yard, RestartVm) == []
        assert thought(yard, vm) == "", "a silent agent alone is no trouble"

    def test_nobody_is_reset_where_nobody_measures(self, yard: HaYard) -> None:
        vm, _ = someone(yard)
        yard.world.set_agent(vm, hangs=True)
        yard.engine._meter._loads = Loads()
        yard.pass_(60)
        assert done(yard, RestartVm) == []
        why = yard.guard.patients.agents.of(vm).why
        assert why is not None
        assert why.code == "ha.agent-unmeasured"

    def test_only_vms_of_the_query_are_asked(self, yard: HaYard) -> None:
        known = yard.engine.policies.get(PolicyId("ha"))
        vm, _ = someone(yard)
        other = max(yard.running)
        name = yard.engine.inventory.vms[vm].name
        rule = replace(MINE, agent_silent_s=20.0, agent_vms=f"name = {name}")
        yard.engine.policies.put(replace(known, rule=rule), "ada", new=False)
        self.live(yard, 15)
        agents = yard.guard.patients.agents
        assert (agents.of(vm).judged, agents.of(other).judged) == (True, False)
        assert agents.of(other).state is AgentState.UNKNOWN


@pytest.mark.parametrize("anew", [False, True])
def test_what_was_stopped_while_another_manager_led_was_not_seen_to_end(
    yard: HaYard, *, anew: bool
) -> None:
    """It leads again before the next look: what it knew of who was steady is of no use."""
    yard.warm()
    vm, host = someone(yard)
    if anew:
        yard.store.store.give_lease()
        keeper = yard.engine.keeper
        assert yard.store.store.take_lease(keeper.peer.holder, 30.0, keeper.peer) is not None
    put(yard, vm, VmState.STOPPED)
    yard.engine.observe_now(host)
    yard.guard.round()
    assert (yard.guard.charges.get(vm) is not None) == anew
