"""Spares take over from simulated servers that fail, by the real engine under simulated time.

The world itself judges: no address is ever in use on two servers that are on.
"""

from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.drivers.sim import BmcMood, Fault, FaultKind, Shape
from anypool.drivers.sim.racked import set_server
from anypool.drivers.sim.records import SimServer
from anypool.engine.failover import BY, COLD_S, Standing, Vigil
from anypool.model import HostId, Level, Probe, ProbeKind, ProfileId, ServerId, Stated
from anypool.plan import say
from anypool.planner.operate import plan_migrate
from anypool.planner.profiles.failover import plan_fail_over
from anypool.planner.profiles.vigil import Brake, What, braked
from anypool.store import runs
from anypool.store.records import RunState
from tests.simulation.test_profiles import DB, FIRST, RACK, SECOND, THIRD, Racked, facts_of

SHAPE = Shape(hosts=3, vms=3, servers=3, running_percent=100)
PROBE = Probe(kind=ProbeKind.TCP, address="10.0.0.7", port=22, interval_s=2.0)
NODE = ServerId(HostId("sim-h1"))


class Watched(Racked):
    """A rack whose profile is watched over; `deaf` makes what runs there not answer."""

    vigil: Vigil
    deaf = False

    def watch(self, level: Level = Level.AUTOMATIC, probe: Probe = PROBE) -> None:
        """Bring the profile to the first blade and see it work there, past the cold start."""
        self.change(probe=probe, failover=level)
        self.engine._runner._eyes.knock = self.knock
        assert self.finish(self.assign(FIRST)).state is RunState.DONE
        self.vigil = Vigil(self.engine, self.store, self.clock, self.settings)  # type: ignore[arg-type]
        self.vigil.knock = self.knock
        self.vigil.submit = lambda task: task()
        self.pass_s(COLD_S + 5)
        assert self.vigil.standing[DB].what is What.WELL

    def change(self, **changes: object) -> None:
        book = self.engine.servers.profiles
        book.change(DB, "ada", ("", ""), lambda kept: replace(kept, **changes))

    def knock(self, probe: Probe, _: str) -> str:
        with self.world.turn() as state:
            on = any(row.powered and row.server.bears for row in state.servers.rows.values())
        return "" if on and not self.deaf else "silence"

    def pass_s(self, seconds: float, *, together: bool = True) -> None:
        """Let time pass, with looks, deeds and rounds of whoever watches: also between deeds."""
        until = self.clock.now() + seconds
        while self.clock.now() < until:
            self.vigil.round()
            while self.crew.tasks:
                self.crew.work()
                if not together:
                    self.vigil.round()
            self.engine.turn()
            self.clock.advance(0.25)

    @property
    def now(self) -> str:
        """What is thought of the server, in words."""
        one = self.vigil.standing[DB]
        return say(one.said or one.why)


@pytest.fixture
def yard(tmp_path: Path) -> Watched:
    made = Watched(tmp_path, shape=SHAPE)
    made.furnish()
    return made


def test_a_server_that_lost_its_power_is_taken_over_within_seconds(yard: Watched) -> None:
    yard.watch()
    set_server(yard.world, FIRST, powered=False)
    began = yard.clock.now()
    while yard.profile.server != SECOND:
        yard.pass_s(0.5)
        assert yard.clock.now() - began < 15
    yard.pass_s(10)
    yard.check_once()
    assert yard.vigil.standing[DB].what is What.WELL
    (latest, _) = yard.engine.servers.profiles.history(DB)
    assert (latest.by, latest.epoch) == (BY, 2)


def test_one_that_is_on_and_silent_is_switched_off_first(yard: Watched) -> None:
    yard.watch()
    yard.deaf = True
    yard.pass_s(20)
    assert "counts as failed after 30" in yard.now
    yard.pass_s(15)
    yard.deaf = False
    yard.pass_s(30)
    assert yard.profile.server == SECOND
    yard.check_once()


def test_without_a_word_from_the_bmc_a_person_is_asked_for(yard: Watched) -> None:
    yard.watch()
    set_server(yard.world, FIRST, bmc=BmcMood.DEAD, powered=False)
    yard.pass_s(60)
    assert yard.vigil.standing[DB].what is What.NEEDS_PROOF
    assert "--dead" in yard.now
    assert yard.profile.server == FIRST


@pytest.mark.parametrize("mood", [BmcMood.LIES, BmcMood.STUCK])
def test_a_bmc_that_lies_or_does_not_obey_moves_nothing(yard: Watched, mood: BmcMood) -> None:
    """It says off of a server that works, or on of one whose service is silent, for ever."""
    yard.watch()
    set_server(yard.world, FIRST, bmc=mood)
    yard.deaf = mood is BmcMood.STUCK
    yard.pass_s(60)
    assert yard.profile.server == FIRST
    yard.check_once()


def test_a_plan_does_not_take_the_profile_while_its_service_answers(yard: Watched) -> None:
    yard.watch(Level.MANUAL)
    set_server(yard.world, FIRST, bmc=BmcMood.LIES)
    run = yard.begin(plan_fail_over(yard.engine.inventory, FIRST))
    assert yard.finish(run).state in (RunState.NEEDS_HUMAN, RunState.FAILED)
    assert "still answers" in " ".join(step.message for step in yard.steps(run))
    assert yard.profile.server == FIRST
    yard.check_once()


def test_manual_says_it_once_and_does_nothing(yard: Watched) -> None:
    yard.watch(Level.MANUAL)
    set_server(yard.world, FIRST, powered=False)
    yard.pass_s(40)
    assert yard.profile.server == FIRST
    assert yard.now == "blade1 has failed: `anypool server fail-over blade1`"


def test_the_next_one_of_a_small_pool_is_left_to_a_person(yard: Watched) -> None:
    yard.watch()
    set_server(yard.world, FIRST, powered=False)
    yard.pass_s(40)
    assert yard.profile.server == SECOND
    set_server(yard.world, SECOND, powered=False)
    yard.pass_s(40)
    assert yard.profile.server == SECOND
    assert "by hand" in yard.now
    yard.pass_s(600)
    assert yard.profile.server in (FIRST, THIRD)
    yard.check_once()


def fails_over(yard: Watched) -> None:
    """Let the first blade fail, until its fail-over has just begun."""
    set_server(yard.world, FIRST, powered=False)
    began = yard.clock.now()
    while yard.vigil._begun == {}:
        yard.pass_s(0.25)
        assert yard.clock.now() - began < 30


def test_one_that_is_under_way_counts(yard: Watched) -> None:
    """Its profile has left the failed server, and is nowhere yet."""
    yard.watch()
    fails_over(yard)
    found: dict[ProfileId, Standing] = {}
    for _ in range(200):
        brake = yard.vigil._brake(yard.profile, found, yard.engine.inventory, yard.clock.now())
        assert brake.recent == 1
        if yard.profile.server == SECOND:
            break
        yard.pass_s(0.25)
    assert yard.profile.server == SECOND


def test_one_that_another_manager_began_counts_while_it_is_under_way(yard: Watched) -> None:
    yard.watch()
    fails_over(yard)
    other = Vigil(yard.engine, yard.store, yard.clock, yard.settings)  # type: ignore[arg-type]
    other.knock, other.submit = yard.knock, lambda task: task()
    other.round()
    brake = other._brake(yard.profile, {}, yard.engine.inventory, yard.clock.now())
    assert brake.recent == 1
    yard.pass_s(40)
    yard.check_once()


def test_what_a_person_says_does_not_hide_that_its_power_is_off(yard: Watched) -> None:
    yard.watch()
    set_server(yard.world, FIRST, bmc=BmcMood.DEAD, powered=False)
    yard.pass_s(40)
    assert yard.vigil.standing[DB].what is What.NEEDS_PROOF
    at = yard.engine.vitals.moments.now()
    yard.engine.vitals.state(Stated(host=FIRST, at=at, by="ada", words="burnt", audit=1))
    set_server(yard.world, FIRST, bmc=BmcMood.WORKS)
    yard.pass_s(30)
    assert yard.profile.server == SECOND
    yard.check_once()


@pytest.mark.parametrize("wrong_s", [3600.0, -3600.0])
def test_a_clock_that_somebody_sets_does_not_let_the_brake_go(
    yard: Watched, wrong_s: float
) -> None:
    yard.watch()
    yard.clock._start += wrong_s
    set_server(yard.world, FIRST, powered=False)
    yard.pass_s(40, together=False)
    assert yard.profile.server == SECOND
    set_server(yard.world, SECOND, powered=False)
    yard.pass_s(40)
    assert yard.profile.server == SECOND
    assert "by hand" in yard.now
    yard.pass_s(600)
    assert yard.profile.server in (FIRST, THIRD)


def test_a_manager_that_has_just_begun_only_looks(yard: Watched) -> None:
    yard.watch()
    yard.vigil = Vigil(yard.engine, yard.store, yard.clock, yard.settings)  # type: ignore[arg-type]
    yard.vigil.knock, yard.vigil.submit = yard.knock, lambda task: task()
    yard.pass_s(5)
    set_server(yard.world, FIRST, powered=False)
    yard.pass_s(10)
    assert yard.profile.server == FIRST
    assert "just begun" in yard.now
    yard.pass_s(40)
    assert yard.profile.server == SECOND


def node_among_the_spares(yard: Watched) -> None:
    """Make a spare of a host that runs three VMs, and of nothing else."""
    with yard.world.turn() as state:
        row = state.servers.rows[SECOND]
        one = replace(row.server, id=NODE, name="node1", slot="9")
        state.servers.put(NODE, SimServer(server=one, powered=True))
    yard.engine._observer.read(RACK)
    for key in (SECOND, THIRD):
        yard.engine.servers.set_facts(facts_of(key, spare=False), "ada")
    yard.engine.servers.set_facts(facts_of(NODE), "ada")


def gather(yard: Watched) -> None:
    """Bring all VMs to the host that is to be emptied."""
    for vm, host in sorted(yard.where().items()):
        if host != NODE:
            run = yard.begin(plan_migrate(yard.engine.inventory, vm, target=HostId(NODE)))
            assert yard.finish(run).state is RunState.DONE


def test_a_host_with_three_vms_is_emptied_and_takes_a_bare_metal_profile_over(
    yard: Watched,
) -> None:
    yard.watch(Level.MANUAL)
    node_among_the_spares(yard)
    gather(yard)
    set_server(yard.world, FIRST, powered=False)
    plan = plan_fail_over(yard.engine.inventory, FIRST)
    assert [type(step.action).__name__ for step in plan.steps].count("MigrateVm") == 3
    run = yard.begin(plan)
    assert yard.finish(run).state is RunState.DONE, yard.steps(run)
    assert yard.profile.server == NODE
    assert len(yard.where()) == 3
    assert NODE not in yard.where().values()
    yard.check_once()


def test_a_spare_that_does_not_obey_is_failed_over_like_any_other(yard: Watched) -> None:
    """Its BMC takes the orders and does nothing: it owns the profile, and the way out is the same.

    Whoever watches does not send the profile on by itself: it never worked there.
    """
    yard.watch()
    set_server(yard.world, FIRST, powered=False)
    set_server(yard.world, SECOND, bmc=BmcMood.STUCK)
    yard.pass_s(300)
    assert yard.profile.server == SECOND
    assert yard.vigil.standing[DB].what is What.HOLD
    yard.engine.servers.set_facts(facts_of(FIRST, spare=False), "ada")
    with yard.store.store.reading() as tx:
        open_ = [one.id for one in runs.unfinished(tx)]
    for one in open_:
        yard.engine.cancel(one, "ada")
    yard.pass_s(120)
    run = yard.begin(plan_fail_over(yard.engine.inventory, SECOND))
    assert yard.finish(run).state is RunState.DONE, yard.steps(run)
    assert yard.profile.server == THIRD
    yard.check_once()


@pytest.mark.parametrize("operation", ["power", "observe", "withdraw_identity", "apply_identity"])
@pytest.mark.parametrize("kind", [FaultKind.LOST_ANSWER, FaultKind.UNREACHABLE])
def test_lost_answers_hold_it_up_and_do_no_harm(
    yard: Watched, operation: str, kind: FaultKind
) -> None:
    yard.watch()
    set_server(yard.world, FIRST, powered=False)
    yard.world.inject(Fault(kind=kind, operation=operation))
    yard.pass_s(60)
    assert yard.profile.server == SECOND
    yard.check_once()


def test_a_manager_that_dies_at_any_write_of_a_fail_over_goes_on(tmp_path: Path) -> None:
    def failed_over(folder: Path, crash_at: tuple[int, str]) -> Watched:
        folder.mkdir()
        yard = Watched(folder, shape=SHAPE)
        yard.furnish()
        assert yard.finish(yard.assign(FIRST)).state is RunState.DONE
        set_server(yard.world, FIRST, powered=False)
        run = yard.begin(plan_fail_over(yard.engine.inventory, FIRST))
        yard.store.writes, yard.store.crash_at = 0, crash_at
        assert yard.finish(run).state is RunState.DONE
        assert (yard.profile.server, yard.profile.epoch) == (SECOND, 2)
        yard.check_once()
        yard.close()
        return yard

    writes = failed_over(tmp_path / "whole", (0, "")).store.writes
    for number in range(1, writes + 1, 2):
        assert failed_over(tmp_path / f"{number}", (number, "after")).crashes == 1


def test_two_that_fail_together_of_three_are_more_than_their_own_failure() -> None:
    assert braked(Brake(watched=3, dark=1)) is None
    assert braked(Brake(watched=3, dark=2)).code == "vigil.dark"  # type: ignore[union-attr]
    assert braked(Brake(watched=30, dark=15)) is None
    assert braked(Brake(watched=30, dark=3, recent=3)).code == "vigil.recent"  # type: ignore[union-attr]
