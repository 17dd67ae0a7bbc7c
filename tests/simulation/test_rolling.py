"""A pool is maintained in waves: hosts reboot or stay away, and the manager is killed."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from anypool.drivers.sim import Shape
from anypool.engine.records.archive import Origin
from anypool.engine.rolling import Rolling
from anypool.engine.rollouts import Expected, begun
from anypool.errors import Conflict, Unreachable
from anypool.model import HostId, OnFailure, PlanId, PoolId, RolloutState, RolloutWish
from anypool.plan import HandOver, MigrateVm, PlanState, say
from anypool.planner import plan_migrate
from anypool.planner.rolling import forecast
from anypool.store import Tx, plans, rollouts, runs
from anypool.store.pages import Ask
from anypool.store.records import StepState
from anypool.store.rollouts import Rollout
from tests.simulation.yard import Crash, Yard

TURNS = 6_000
REBOOT_S = 40.0
LOOK_S = 5.0
ALL = Ask(limit=100)
SHAPE = Shape(hosts=3, vms=5, running_percent=100)


class Site:
    """A yard with a conductor, and people who reboot what is handed over to them."""

    def __init__(self, folder: Path, seed: int = 1, shape: Shape = SHAPE) -> None:
        folder.mkdir(exist_ok=True)
        self.yard = Yard(folder, seed=seed, shape=shape)
        self.yard.trust_locks()
        self.rolling = self._conductor()
        self.rebooting: dict[HostId, float] = {}
        self.serviced: list[HostId] = []
        self.most_off = 0
        self.stay_away = frozenset[HostId]()
        self.last_round = 0.0

    def _conductor(self) -> Rolling:
        yard = self.yard
        return Rolling(yard.engine, yard.store, yard.clock)  # type: ignore[arg-type]

    def begin(self, **more: object) -> Rollout:
        inventory = self.yard.engine.inventory
        hosts = tuple(sorted(inventory.hosts))
        wish = RolloutWish(hosts=hosts, **more)  # type: ignore[arg-type]
        found = forecast(inventory, wish, "default")
        made: list[Rollout] = []

        def also(tx: Tx, _: PlanId) -> None:
            told = Expected(found.waves, found.fewest)
            made.append(begun(tx, PoolId("default"), wish, "ada", told))

        self.yard.engine.submit(found.plan, "ada", inventory, Origin(None, PlanState.SHADOW, also))
        return made[0]

    def state(self, key: str) -> Rollout:
        with self.yard.store.store.reading() as tx:
            return rollouts.get(tx, key)

    def handed_over(self) -> set[HostId]:
        """The hosts that people may service now, as the journal says."""
        found = set[HostId]()
        with self.yard.store.store.reading() as tx:
            for run in runs.unfinished(tx):
                plan = plans.get(tx, run.plan).plan
                for step, record in zip(plan, runs.steps(tx, run.id), strict=True):
                    if isinstance(step.action, HandOver) and record.state is StepState.BEGUN:
                        found.add(step.action.host)
        return found

    def turn(self) -> None:
        try:
            if self.yard.clock.monotonic() - self.last_round >= LOOK_S:
                self.last_round = self.yard.clock.monotonic()
                self.rolling.round()
                self._people()
            self.yard.step()
        except Crash:
            self.restart()

    def restart(self) -> None:
        self.yard.restart()
        for host in self.yard.engine.inventory.hosts:
            with suppress(Unreachable):
                self.yard.engine.observe_now(host)
        self.rolling = self._conductor()

    def _people(self) -> None:
        now = self.yard.clock.now()
        for host in self.handed_over() - set(self.serviced) - self.rebooting.keys():
            assert host not in self.yard.where().values(), f"a VM runs on {host}"
            self.yard.world.kill_host(host)
            self.rebooting[host] = now
        self.most_off = max(self.most_off, len(self.rebooting))
        for host, since in tuple(self.rebooting.items()):
            if now - since >= REBOOT_S and host not in self.stay_away:
                self.yard.world.boot_host(host)
                del self.rebooting[host]
                self.serviced.append(host)

    def until(self, ready: Callable[[], bool], what: str) -> None:
        for _ in range(TURNS):
            if ready():
                return
            self.turn()
        raise AssertionError(f"never: {what}")

    def finished(self, key: str) -> Rollout:
        settled = {RolloutState.DONE, RolloutState.CANCELLED, RolloutState.WAITING}
        checks = [0]

        def ended() -> bool:
            checks[0] += 1
            return checks[0] % 10 == 0 and self.state(key).state in settled

        self.until(ended, "the rollout ends")
        return self.state(key)

    def check(self, most: int = 1) -> None:
        self.yard.check_tidy()
        assert self.most_off <= most
        assert not any(h.maintenance for h in self.yard.engine.inventory.hosts.values())


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


def test_every_host_is_serviced_one_after_the_other_and_vms_are_put_back(site: Site) -> None:
    before = site.yard.where()
    found = site.finished(site.begin().id)
    assert found.state is RolloutState.DONE, found.said
    assert site.serviced == sorted(site.yard.engine.inventory.hosts)
    assert found.done == tuple(site.serviced)
    assert site.yard.where() == before
    site.check()


def test_two_together_where_that_is_allowed(tmp_path: Path) -> None:
    site = Site(tmp_path / "two", shape=Shape(hosts=4, vms=4, running_percent=100))
    found = site.finished(site.begin(max_hosts=2).id)
    assert found.state is RolloutState.DONE, found.said
    assert len(found.waves) == 2
    site.check(most=2)
    assert site.most_off == 2


def test_a_host_that_does_not_come_back_stops_all_and_the_next_is_not_begun(site: Site) -> None:
    first, second, third = sorted(site.yard.engine.inventory.hosts)
    site.stay_away = frozenset({second})
    key = site.begin(return_s=120.0).id
    found = site.finished(key)
    assert found.state is RolloutState.WAITING
    assert found.done == (first,)
    assert found.said is not None
    assert "did not come back" in say(found.said)
    for _ in range(200):
        site.turn()
    assert site.handed_over() == set()
    assert third not in site.rebooting
    site.stay_away = frozenset()
    site.until(lambda: second in site.serviced, "it is back after all")
    site.rolling.go_on(key, "ada")
    assert site.finished(key).state is RolloutState.DONE
    site.check()


def test_with_retries_a_host_that_comes_back_late_is_waited_for(site: Site) -> None:
    first = min(site.yard.engine.inventory.hosts)
    site.stay_away = frozenset({first})
    key = site.begin(on_failure=OnFailure.RETRY, retries=2, return_s=120.0, retry_after_s=10.0).id
    site.until(lambda: site.state(key).attempts == 1, "the first attempt fails")
    site.stay_away = frozenset()
    assert site.finished(key).state is RolloutState.DONE
    assert site.state(key).attempts == 0
    site.check()


def test_a_second_rollout_of_a_pool_is_refused(site: Site) -> None:
    site.begin()
    with pytest.raises(Conflict, match="is being maintained already"):
        site.begin()


def test_a_paused_rollout_begins_nothing_and_goes_on_when_told(site: Site) -> None:
    key = site.begin().id
    site.until(lambda: bool(site.serviced), "the first host is serviced")
    site.rolling.pause(key, "ada")
    for _ in range(500):
        site.turn()
    assert len(site.serviced) == 1
    assert not site.handed_over()
    site.rolling.go_on(key, "ada")
    assert site.finished(key).state is RolloutState.DONE
    site.check()


def test_a_cancelled_rollout_leaves_the_host_closed_and_says_so(site: Site) -> None:
    key = site.begin().id
    site.until(lambda: bool(site.handed_over()), "a host is handed over")
    (host,) = site.handed_over()
    site.rolling.cancel(key, "ada")
    site.until(lambda: not site.handed_over(), "it is taken back")
    found = site.state(key)
    assert found.state is RolloutState.CANCELLED
    name = site.yard.engine.inventory.hosts[host].name
    assert found.said is not None
    assert name in say(found.said)
    assert site.yard.engine.inventory.hosts[host].maintenance
    site.yard.check_tidy()


def test_a_vm_that_came_meanwhile_is_planned_with(site: Site) -> None:
    key = site.begin().id
    hosts = sorted(site.yard.engine.inventory.hosts)
    site.until(lambda: hosts[0] in site.serviced, "the first host is serviced")
    inventory = site.yard.engine.inventory
    moved = next(vm for vm in inventory.vms.values() if vm.host == hosts[2])
    site.yard.finish(site.yard.begin(plan_migrate(inventory, moved.id, target=hosts[1])))
    assert site.finished(key).state is RolloutState.DONE
    assert site.yard.where()[moved.id] == hosts[1]
    site.check()


@pytest.mark.parametrize("part", range(2))
def test_a_manager_killed_anywhere_goes_on_in_the_same_wave(tmp_path: Path, part: int) -> None:
    side = ("before", "after")[part % 2]
    site = Site(tmp_path / "site", seed=part)
    key = site.begin().id
    site.yard.store.crash_at = (site.yard.store.writes + 9 + 31 * part, side)
    found = site.finished(key)
    assert found.state is RolloutState.DONE, found.said
    assert site.yard.crashes == 1
    assert sorted(site.serviced) == sorted(set(site.serviced)) == sorted(found.done)
    site.check()


@pytest.mark.parametrize("moment", ["before the plan", "after the plan", "after the wave"])
def test_a_manager_killed_between_two_waves_begins_none_twice(tmp_path: Path, moment: str) -> None:
    site = Site(tmp_path / "site")
    key = site.begin().id
    hosts = sorted(site.yard.engine.inventory.hosts)
    done = {"before the plan": 0, "after the plan": 0, "after the wave": 1}[moment]
    site.until(lambda: len(site.state(key).done) == done, "the moment comes")
    side = "before" if moment == "before the plan" else "after"
    site.yard.store.crash_at = (site.yard.store.writes + 1, side)
    assert site.finished(key).state is RolloutState.DONE
    assert site.yard.crashes == 1
    assert site.serviced == hosts
    with site.yard.store.store.reading() as tx:
        waves = [one for one in plans.list_plans(tx, ALL).items if one.by == key]
    assert len([one for one in waves if one.run is not None]) == len(hosts)
    site.check()


def test_no_move_goes_to_a_host_of_the_wave(site: Site) -> None:
    key = site.begin().id
    site.finished(key)
    with site.yard.store.store.reading() as tx:
        for summary in plans.list_plans(tx, ALL).items:
            plan = plans.get(tx, summary.id).plan
            if summary.by != key:
                continue
            wave = {s.action.host for s in plan if isinstance(s.action, HandOver)}
            out = [s.action for s in plan if isinstance(s.action, MigrateVm)]
            assert all((m.source in wave) != (m.target in wave) for m in out)
