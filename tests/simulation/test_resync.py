"""Records of before, a world that went on: a restored manager reads first and does nothing else.

The judge sits below every guard, where a hypervisor would be, and writes down what reaches it.
"""

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace

from anypool.clock import SystemClock
from anypool.drivers import Driver
from anypool.drivers.observing import DEEDS, LOOKS, guarded
from anypool.drivers.sim import Fault, FaultKind, Shape, World, build_world
from anypool.engine import Engine
from anypool.errors import Busy, NotSupported, Unreachable
from anypool.model import Endpoint, EndpointId, HostId, RunId, VmId, VmState, VmWish
from anypool.plan import (
    Action,
    DeleteVm,
    PauseVm,
    PlanState,
    ResumeVm,
    StartVm,
    StopHow,
    StopVm,
)
from anypool.planner.operate import plan_action, plan_create, plan_migrate
from anypool.store import Store, events, lease, plans, restoration, runs
from anypool.store.records import RunState, StepState
from tests.simulation.pool import SimPool
from tests.unit.test_engine_live import QUICK, soon

pytestmark = pytest.mark.timeout(120)

DAY = "2026-05-01 12:00:00 UTC"
NEW = VmId("0e000000-0000-4000-8000-000000000001")
READINGS = ("observe", "observe_vms", "changes")


class Witness:
    """An endpoint's last driver: notes every call, and gives no answer while it is `dark`."""

    def __init__(self, pool: "Witnessed", endpoint: EndpointId, driver: Driver) -> None:
        self._pool, self._endpoint, self._driver = pool, endpoint, driver

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._driver, name)
        if name not in LOOKS | DEEDS:
            return inner

        def call(*args: Any, **more: Any) -> Any:
            if name in READINGS and self._endpoint in self._pool.dark:
                raise Unreachable(f"{self._endpoint} is dark")
            if name in DEEDS:
                self._pool.note(self._endpoint, name)
            result = inner(*args, **more)
            if name == "observe":
                self._pool.note(self._endpoint, name)
            return result

        return call


class Witnessed(SimPool):
    """Drivers whose calls are written down in their order."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.dark: set[EndpointId] = set()
        self.calls: list[tuple[EndpointId, str]] = []
        self._noting = threading.Lock()

    def driver(self, endpoint: Endpoint, secret: str = "") -> Driver:
        open_ = Endpoint(id=endpoint.id, driver=endpoint.driver, uri=endpoint.uri)
        bare = super().driver(open_, secret)
        return guarded(endpoint, cast(Driver, Witness(self, endpoint.id, bare)))

    def note(self, endpoint: EndpointId, operation: str) -> None:
        with self._noting:
            self.calls.append((endpoint, operation))

    def deeds(self) -> list[tuple[EndpointId, str]]:
        return [call for call in self.calls if call[1] in DEEDS]

    def check_read_first(self) -> None:
        """No deed reached an endpoint that had not been read whole."""
        seen: set[EndpointId] = set()
        for endpoint, operation in self.calls:
            if operation == "observe":
                seen.add(endpoint)
            else:
                assert endpoint in seen, f"{operation} at {endpoint}, which was never read"


class Manager:
    """An engine on a database."""

    def __init__(self, file: Path, world: World) -> None:
        self.drivers = Witnessed(world)
        self.store = Store.open(f"sqlite:///{file}", clock=SystemClock())
        self.engine = Engine(self.store, self.drivers, SystemClock(), QUICK)

    def do(self, action: Action) -> None:
        """Plan one action and see it done."""
        run = self.begin(action)
        assert self.engine.wait(run, 30).state is RunState.DONE

    def begin(self, action: Action) -> RunId:
        plan = self.engine.submit(plan_action(self.engine.inventory, action, "ada"), "ada")
        return self.engine.run(plan.id, "ada").id

    def close(self) -> None:
        self.engine.stop()
        self.store.close()


class Story:
    """A manager, a backup of it while a run was under way, and what happened since."""

    def __init__(self, folder: Path) -> None:
        self.world = build_world(Shape(hosts=3, vms=6, running_percent=100))
        self.folder = folder
        self.open: list[Manager] = []
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        self.before = self.manager(self.folder / "before.db")
        engine = self.before.engine
        engine.start()
        for endpoint in self.before.drivers.endpoints():
            engine.add_endpoint(endpoint, "", "ada")
        self.paused, self.moved, self.deleted, self.off, *_ = sorted(engine.inventory.vms)
        stopped = self._at(StopVm, self.off, how=StopHow.POWER_OFF)
        self.before.do(stopped)
        fault = Fault(kind=FaultKind.UNREACHABLE, operation="pause_vm", times=-1)
        self.world.inject(fault)
        self.run = self.before.begin(self._at(PauseVm, self.paused))
        soon(lambda: self._step(self.before) is StepState.BEGUN)
        moving = plan_migrate(engine.inventory, self.moved, target=None)
        self.waiting = engine.submit(moving, "ada").id
        self.file = self.back_up()
        self.world.clear_faults()
        self._go_on()
        with self.before.store.reading() as tx:
            self.newest, self.epoch = events.last_number(tx), lease.look(tx).epoch
        self.before.close()

    def manager(self, file: Path) -> Manager:
        made = Manager(file, self.world)
        self.open.append(made)
        return made

    def restored(self) -> Manager:
        """Return a manager on the restored records, every endpoint dark."""
        made = self.manager(self.file)
        with made.store.writing() as tx:
            assert restoration.begin(tx, 1_000.0, "0.1.0", DAY, self.epoch) == 1
        made.drivers.dark = {one.id for one in made.drivers.endpoints()}
        made.engine.start()
        return made

    def back_up(self) -> Path:
        """Copy the records as they are at this moment, with the keys beside them."""
        file = self.folder / "restored.db"
        source = sqlite3.connect(self.folder / "before.db")
        target = sqlite3.connect(file)
        source.backup(target)
        source.close()
        target.close()
        for key in self.folder.glob("before.db.key*"):
            shutil.copy(key, self.folder / key.name.replace("before", "restored"))
        return file

    def close(self) -> None:
        for manager in self.open:
            manager.close()

    def states(self) -> dict[VmId, tuple[HostId, VmState]]:
        """Return where every VM is and how, by the world itself."""
        found = {}
        with self.world.turn() as state:
            for vm in state.all_vms():
                for host in state.hosts_of(vm):
                    copy = state.copy(host, vm)
                    assert copy is not None
                    found[vm] = (host, copy.vm.state)
        return found

    def _go_on(self) -> None:
        """The run ends and is undone by a person; a VM moves, one is deleted, one is new."""
        engine = self.before.engine
        assert engine.wait(self.run, 30).state is RunState.DONE
        self.before.do(self._at(ResumeVm, self.paused))
        assert engine.wait(engine.run(self.waiting, "ada").id, 60).state is RunState.DONE
        self.before.do(self._at(StopVm, self.deleted, how=StopHow.POWER_OFF))
        self.before.do(self._at(DeleteVm, self.deleted))
        wish = VmWish(id=NEW, name="new-since", memory_mib=64)
        making = plan_create(engine.inventory, (wish,), host=None, start=True)
        run = engine.run(engine.submit(making, "ada").id, "ada")
        assert engine.wait(run.id, 30).state is RunState.DONE

    def _at(self, kind: Any, vm: VmId, **more: Any) -> Any:
        return kind(vm=vm, host=self.before.engine.inventory.vms[vm].host, **more)

    def _step(self, manager: Manager) -> StepState:
        with manager.store.reading() as tx:
            return runs.steps(tx, self.run)[0].state


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    made = Story(tmp_path)
    yield made
    made.close()


def host_of(manager: Manager, endpoint: EndpointId) -> HostId:
    known = manager.engine.inventory.hosts.values()
    return next(host.id for host in known if host.endpoint == endpoint)


def test_nothing_is_written_before_all_is_read_and_nothing_of_before_goes_on(story: Story) -> None:
    manager = story.restored()
    engine = manager.engine
    dark = sorted(manager.drivers.dark)
    assert engine.leads
    assert [one.endpoint for one in engine.resync.left().unread] == dark
    assert all(one.observe_only and one.unread for one in engine.endpoints())
    refuse_everything(story, manager)
    with manager.store.reading() as tx:
        assert plans.get(tx, story.waiting).state is PlanState.SUPERSEDED
    manager.drivers.dark.clear()
    soon(lambda: not engine.resync.left().unread)
    soon(lambda: not any(one.observe_only for one in engine.endpoints()))
    assert manager.drivers.deeds() == []
    known = {vm.id: (vm.host, vm.state) for vm in engine.inventory.vms.values()}
    assert known == story.states()
    assert story.deleted not in known
    assert NEW in known
    assert known[story.paused][1] is VmState.RUNNING, "it was paused once, and resumed since"
    check_told(story, manager)
    engine.cancel(story.run, "ada")
    assert engine.wait(story.run, 10).state is RunState.CANCELLED
    manager.do(PauseVm(vm=story.moved, host=story.states()[story.moved][0]))
    assert [name for _, name in manager.drivers.deeds()] == ["pause_vm"]
    manager.drivers.check_read_first()
    assert story.world.double_runs == ()


def refuse_everything(story: Story, manager: Manager) -> None:
    """Try every way to something that is done, while no endpoint was read."""
    engine = manager.engine
    with manager.store.reading() as tx:
        again = plans.get(tx, runs.get_run(tx, story.run).plan)
        assert runs.get_run(tx, story.run).state is RunState.INTERRUPTED
    for ask in (
        lambda: engine.resume(story.run, "ada"),
        lambda: engine.retry(story.run, 1, "ada"),
        lambda: engine.run(engine.submit(replace(again.plan, based_on=""), "ada").id, "ada"),
    ):
        with pytest.raises(Busy, match="not read whole"):
            ask()
    for endpoint in engine.endpoints():
        driver = engine._observer.driver(endpoint.id)
        with pytest.raises(NotSupported, match="restore") as refused:
            driver.pause_vm(story.paused, HostId("any"))
        assert "anypool resync show" in refused.value.hint
    engine.pools.change_endpoint(engine.endpoints()[0].id, "ada", pool=None, observe_only=False)
    assert all(one.observe_only for one in engine.endpoints())
    assert manager.drivers.deeds() == []


def check_told(story: Story, manager: Manager) -> None:
    """Numbers and the epoch are far from those of the lost future, and it is all told."""
    with manager.store.reading() as tx:
        told = [one for one in events.since(tx, 0) if one.number > story.newest]
        assert lease.look(tx).epoch > story.epoch + 1000
    kinds = [one.kind for one in told]
    assert kinds.index("run.interrupted") < kinds.index("manager.restored")
    assert kinds.count("endpoint.resynchronised") == 3
    assert kinds.count("manager.resynchronised") == 1
    assert all(one.number > 1_000_000 for one in told)


def test_an_endpoint_that_stays_dark_stays_read_only_alone(story: Story) -> None:
    manager = story.restored()
    engine = manager.engine
    first, *_, last = sorted(manager.drivers.dark)
    manager.drivers.dark = {last}
    soon(lambda: [one.endpoint for one in engine.resync.left().unread] == [last])
    soon(lambda: [one.id for one in engine.endpoints() if one.observe_only] == [last])
    running = {vm: at for vm, (at, state) in story.states().items() if state is VmState.RUNNING}
    host = host_of(manager, first)
    manager.do(PauseVm(vm=next(vm for vm, at in running.items() if at == host), host=host))
    with pytest.raises(NotSupported):
        engine._observer.driver(last).pause_vm(story.paused, HostId("any"))
    manager.drivers.dark.clear()
    soon(lambda: not engine.resync.left().unread)
    soon(lambda: not any(one.observe_only for one in engine.endpoints()))
    manager.drivers.check_read_first()


def test_a_vm_is_not_started_while_it_may_run_behind_an_unread_endpoint(story: Story) -> None:
    manager = story.restored()
    engine = manager.engine
    place = story.states()[story.off][0]
    others = [one for one in sorted(manager.drivers.dark) if host_of(manager, one) != place]
    manager.drivers.dark = {others[0]}
    soon(lambda: len(engine.resync.left().unread) == 1)
    soon(lambda: engine.inventory.vms[story.off].state is VmState.STOPPED)
    with pytest.raises(Busy, match=f"may run behind {others[0]}") as refused:
        manager.begin(StartVm(vm=story.off, host=place))
    assert f"anypool resync vouch {others[0]}" in refused.value.hint
    engine.resync.vouch(others[0], "ada")
    manager.do(StartVm(vm=story.off, host=place))
    assert engine.resync.left().unread[0].vouched_by == "ada"
    assert [one.id for one in engine.endpoints() if one.unread] == [others[0]]


def test_the_next_start_remembers_what_is_left(story: Story) -> None:
    first = story.restored()
    *_, last = sorted(first.drivers.dark)
    first.drivers.dark = {last}
    soon(lambda: len(first.engine.resync.left().unread) == 1)
    first.close()
    story.open.remove(first)
    second = story.manager(story.file)
    second.drivers.dark = {last}
    second.engine.start()
    assert [one.id for one in second.engine.endpoints() if one.unread] == [last]
    second.drivers.dark.clear()
    soon(lambda: not any(one.unread for one in second.engine.endpoints()))
    with second.store.reading() as tx:
        state = restoration.state(tx)
    assert state is not None
    assert state.ended_at > 0


def test_an_endpoint_that_is_removed_is_not_waited_for(story: Story) -> None:
    manager = story.restored()
    engine = manager.engine
    engine.cancel(story.run, "ada")
    *_, last = sorted(manager.drivers.dark)
    manager.drivers.dark = {last}
    soon(lambda: len(engine.resync.left().unread) == 1)
    engine.remove_endpoint(last, "ada")
    assert engine.resync.left().unread == ()
    with manager.store.reading() as tx:
        assert "manager.resynchronised" in [one.kind for one in events.since(tx, 0)]
