"""A policy makes a host of a spare for one that died, balance follows, and the spare is given back.

The real engine and watch under simulated time; the manager dies at writes all the way.
"""

from contextlib import suppress
from pathlib import Path

import pytest

from anypool.drivers.sim import Shape
from anypool.engine.watching.watch import Watch
from anypool.errors import AnypoolError
from anypool.model import Balance, HostId, Level, Policy, PolicyId, Rule
from anypool.model.policy import Replenish
from anypool.plan import PlanState
from anypool.planner.operate import plan_migrate
from anypool.store import plans
from anypool.store.records import PlanSummary, RunState
from tests.simulation.farm import BLADES, Farm
from tests.simulation.test_profiles import FIRST
from tests.simulation.yard import Crash

ONE, TWO = HostId("sim-h1"), HostId("sim-h2")
SHAPE = Shape(hosts=2, vms=4, servers=2, running_percent=100, local_percent=0)
FARM = PolicyId("farm")
RULE = Replenish(
    level=Level.AUTOMATIC, after_s=60, cold_s=30, hold_s=60, cool_down_s=60, high_percent=0,
    low_percent=99,
)  # fmt: skip
EVEN = Balance(level=Level.AUTOMATIC, threshold_percent=1, hold_s=10, cool_down_s=30)
READ_S = 5.0


class Replenished(Farm):
    """A farm whose policies are looked at, and whose hosts are read every few seconds."""

    watch: Watch

    def furnish(self) -> None:
        super().furnish()
        for vm, host in sorted(self.where().items()):
            if host != ONE:
                run = self.begin(plan_migrate(self.engine.inventory, vm, target=ONE))
                assert self.finish(run).state is RunState.DONE
        self.attend()

    def restart(self) -> None:
        super().restart()
        self.attend()

    def attend(self) -> None:
        self.watch = Watch(self.engine, self.store, self.clock, self.settings)  # type: ignore[arg-type]
        self.watch.replenishing.submit = lambda task: task()

    def rule(self, name: str, rule: Rule) -> None:
        policy = Policy(id=PolicyId(name), scope="pool = default", rule=rule)
        self.engine.policies.put(policy, "ada", new=True)

    def play(self, seconds: float) -> None:
        """Let time pass, with looks, readings and deeds, through any crash."""
        until, read_at = self.clock.now() + seconds, 0.0
        while self.clock.now() < until:
            try:
                if self.clock.now() - read_at >= READ_S:
                    read_at = self.clock.now()
                    self.read_all()
                self.watch.round()
                while self.crew.tasks:
                    self.crew.work()
                self.engine.turn()
            except Crash:
                self.restart()
            self.clock.advance(1.0)

    def read_all(self) -> None:
        for endpoint in self.engine.endpoints():
            with suppress(AnypoolError):
                self.engine._observer.read(endpoint.id)

    @property
    def said(self) -> str:
        standing = self.watch.standing(FARM)
        return "" if standing is None or standing.said is None else standing.said.code

    @property
    def made(self) -> list[PlanSummary]:
        with self.store.store.reading() as tx:
            return list(plans.of_policy(tx, FARM))

    @property
    def blades(self) -> list[HostId]:
        """Which blades run as hosts; by the world itself."""
        with self.world.turn() as state:
            return [HostId(key) for key in BLADES if state.host(HostId(key)).answers]

    def check_once(self) -> None:
        self.check_safe()
        assert len(self.where()) == SHAPE.vms
        assert len(self.blades) <= 1


@pytest.fixture
def farm(tmp_path: Path) -> Replenished:
    made = Replenished(tmp_path, shape=SHAPE)
    made.furnish()
    return made


def test_a_dead_host_is_replaced_and_balance_follows_and_the_spare_is_proposed_back(
    farm: Replenished,
) -> None:
    farm.rule("farm", RULE)
    farm.rule("even", EVEN)
    farm.world.switch_host_off(TWO)
    farm.play(50)
    assert (farm.made, farm.said) == ([], "replenish.may-return")
    farm.play(150)
    (plan,) = farm.made
    assert "replaces h2, dead for" in plan.goal
    assert farm.blades == [FIRST]
    assert FIRST in farm.where().values(), "VMs moved to it by themselves"
    farm.world.boot_host(TWO)
    farm.play(200)
    back, first = farm.made
    assert (first.id, first.state) == (plan.id, PlanState.DONE)
    assert back.state is PlanState.RECOMMENDED, "giving back is a person's"
    assert "h2, which" in back.goal
    run = farm.engine.run(back.id, "ada").id
    assert farm.finish(run).state is RunState.DONE
    assert farm.blades == []
    farm.check_once()


def test_manual_proposes_and_a_host_that_is_back_takes_the_proposal_away(
    farm: Replenished,
) -> None:
    farm.rule("farm", Replenish(after_s=60, cold_s=0, high_percent=0))
    farm.world.switch_host_off(TWO)
    farm.play(120)
    (plan,) = farm.made
    assert (plan.state, farm.blades) == (PlanState.RECOMMENDED, [])
    farm.world.boot_host(TWO)
    farm.play(20)
    (plan,) = farm.made
    assert plan.state is PlanState.SUPERSEDED


def test_a_silent_host_that_nothing_proves_dead_is_no_reason(farm: Replenished) -> None:
    farm.rule("farm", RULE)
    farm.world.cut_host(TWO)
    farm.play(200)
    assert (farm.made, farm.said) == ([], "replenish.asks")


def test_hosts_that_are_all_busy_get_one_more_and_no_second_on_that_day(
    farm: Replenished,
) -> None:
    rule = Replenish(
        level=Level.AUTOMATIC, cold_s=0, hold_s=30, high_percent=1, low_percent=0, cool_down_s=0,
        most_a_day=1,
    )  # fmt: skip
    farm.rule("farm", rule)
    farm.play(20)
    assert (farm.made, farm.said) == ([], "replenish.hold")
    farm.play(100)
    (plan,) = farm.made
    assert plan.state is PlanState.DONE
    assert "no move among them helps" in plan.goal
    assert farm.blades == [FIRST]
    farm.play(60)
    assert (len(farm.made), farm.said) == (1, "replenish.cap")


def replaced(folder: Path, crash_at: tuple[int, str]) -> Replenished:
    folder.mkdir()
    farm = Replenished(folder, shape=SHAPE)
    farm.furnish()
    farm.rule("farm", RULE)
    farm.world.switch_host_off(TWO)
    farm.store.writes, farm.store.crash_at = 0, crash_at
    farm.play(300)
    assert farm.blades == [FIRST], farm.said
    states = [one.state for one in farm.made]
    assert states.count(PlanState.DONE) == 1, "a plan may be made again, and is done once"
    assert set(states) <= {PlanState.DONE, PlanState.SUPERSEDED}
    farm.check_once()
    farm.close()
    return farm


def test_a_manager_that_dies_at_any_write_replaces_it_once(tmp_path: Path) -> None:
    writes = replaced(tmp_path / "whole", (0, "")).store.writes
    assert writes > 10
    for number in range(1, writes + 1, 3):
        side = ("before", "after")[number % 2]
        assert replaced(tmp_path / f"{number}", (number, side)).crashes == 1
