"""The real engine under simulated time: one thread, a seeded order, crashes and faults."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import event

from anypool.clock import ManualClock
from anypool.drivers.sim import Shape, World, build_world
from anypool.engine import Engine
from anypool.errors import AnypoolError
from anypool.model import HostId, HostState, Locking, RunId, VmId, VmState
from anypool.plan import Plan
from anypool.planner.evacuate import plan_evacuation
from anypool.settings import Settings
from anypool.store import Store, Tx, runs
from anypool.store.records import (
    FINAL_RUN_STATES,
    DatastoreFacts,
    HostFacts,
    RunRecord,
    RunState,
    StepRecord,
)
from tests.simulation.pool import SimPool

TURNS = 20_000
SHAPE = Shape(hosts=3, vms=6, running_percent=100)


class Crash(BaseException):
    """The process ends here."""


class Crashing:
    """A store that ends the process before or after its n-th write transaction."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.writes = 0
        self.commits = 0
        event.listen(store._engine, "commit", self._committed)
        self.crash_at = (0, "")

    def __getattr__(self, name: str) -> object:
        return getattr(self.store, name)

    @contextmanager
    def writing(self, *, shared: bool = False) -> Iterator[Tx]:
        self.writes += 1
        if self.crash_at == (self.writes, "before"):
            raise Crash
        with self.store.writing(shared=shared) as tx:
            yield tx
        if self.crash_at == (self.writes, "after"):
            raise Crash

    def _committed(self, _: object) -> None:
        self.commits += 1


class ListCrew:
    """Keeps tasks until one of them is drawn."""

    def __init__(self, chance: random.Random) -> None:
        self.tasks: list[Callable[[], None]] = []
        self._chance = chance

    def submit(self, task: Callable[[], None]) -> None:
        self.tasks.append(task)

    def work(self) -> None:
        """Do one task, any of them."""
        self.tasks.pop(self._chance.randrange(len(self.tasks)))()


class Yard:
    """A world, a database and the engine that is alive now."""

    def __init__(self, folder: Path, *, seed: int = 1, shape: Shape = SHAPE) -> None:
        self.chance = random.Random(seed)
        self.clock = ManualClock()
        self.world: World = build_world(shape, clock=self.clock)
        self.settings = Settings(
            state_dir=str(folder), migration_deadline_s=600, step_deadline_s=120, lease_s=600
        )
        self.url = f"sqlite:///{folder / 'anypool.db'}"
        self.crew = ListCrew(self.chance)
        self.crashes = 0
        self.reads = 0.0
        self.store, self.engine = self._boot()
        self.news = self.engine.subscribe()
        self._last: RunRecord | None = None
        self._read_at = 0
        self.engine.begin(self.crew)
        for endpoint in self._pool().endpoints():
            self.engine.add_endpoint(endpoint, "", "test")
        self.running = self.where()

    def _boot(self) -> tuple[Crashing, Engine]:
        store = Crashing(Store.open(self.url, clock=self.clock))
        engine = Engine(store, self._pool(), self.clock, self.settings)  # type: ignore[arg-type]
        return store, engine

    def _pool(self) -> SimPool:
        return SimPool(self.world)

    def restart(self) -> None:
        """End the process as kill -9 does, and start another."""
        self.crashes += 1
        self.crew.tasks.clear()
        self.store.store.close()
        self.store, self.engine = self._boot()
        self.news = self.engine.subscribe()
        self._last = None
        self.engine.begin(self.crew)
        self.look()

    def look(self) -> None:
        """Read every host once, as their loops do soon after a start."""
        for host in sorted(self.engine.inventory.hosts):
            with suppress(AnypoolError):
                self.engine.observe_now(host)

    def evacuate(self, host: HostId | None = None) -> RunId:
        """Plan and begin an evacuation of the host on which most VMs run."""
        busy = Counter(self.where().values())
        chosen = host or max(sorted(busy), key=lambda key: busy[key])
        return self.begin(plan_evacuation(self.engine.inventory, chosen))

    def trust_locks(self) -> None:
        """State that the shared datastores' locks stop a second writer."""
        for datastore in self.engine.inventory.datastores:
            facts = DatastoreFacts(datastore=datastore, locking=Locking.EFFECTIVE)
            self.engine.set_datastore_facts(facts, "test")

    def open_host(self, host: HostId) -> None:
        """End the maintenance of a host."""
        self.engine.set_host_facts(HostFacts(host=host), "test")

    def begin(self, plan: Plan) -> RunId:
        return self.engine.run(self.engine.submit(plan, "test").id, "test").id

    def step(self) -> None:
        """Let one thing happen: a task, a reading of some host, or the next moment."""
        if self.reads and self.chance.random() < self.reads:
            self.read_something()
        if self.crew.tasks:
            self.crew.work()
            return
        seconds = self.engine.turn()
        if not self.crew.tasks:
            self.clock.advance(max(seconds, 0.001))

    def read_something(self) -> None:
        hosts = sorted(self.engine.inventory.hosts)
        try:
            self.engine.observe_now(self.chance.choice(hosts))
        except AnypoolError:
            return

    def finish(self, run: RunId) -> RunRecord:
        """Let things happen until a run has ended or needs a person, through any crash."""
        for _ in range(TURNS):
            try:
                record = self.record(run)
                if record.state in {*FINAL_RUN_STATES, RunState.NEEDS_HUMAN}:
                    return record
                self.step()
            except Crash:
                self.restart()
        raise AssertionError(f"run {run} does not end: {self.steps(run)}")

    def record(self, run: RunId) -> RunRecord:
        """Return a run, read again only after a write that the engine gave notice of."""
        told = any(notice.kind == "run" for notice in self.news.get(0.0))
        changed = told and self._read_at != self.store.commits
        if changed or self._last is None or self._last.id != run:
            with self.store.store.reading() as tx:
                self._last = runs.get_run(tx, run)
            self._read_at = self.store.commits
        return self._last

    def steps(self, run: RunId) -> tuple[StepRecord, ...]:
        with self.store.store.reading() as tx:
            return runs.steps(tx, run)

    def where(self) -> dict[VmId, HostId]:
        """Return where each running VM runs; by the world itself."""
        found: dict[VmId, HostId] = {}
        with self.world.turn() as state:
            for vm in state.all_vms():
                for host in state.running(vm):
                    found[vm] = host
        return found

    def copies(self) -> dict[VmId, list[tuple[HostId, VmState]]]:
        """Return every copy of every VM; by the world itself."""
        with self.world.turn() as state:
            found = {}
            for vm in state.all_vms():
                places = [(host, state.copy(host, vm)) for host in state.hosts_of(vm)]
                found[vm] = [(host, copy.vm.state) for host, copy in places if copy is not None]
            return found

    def check_safe(self) -> None:
        """No VM ever ran twice, none was lost."""
        assert self.world.double_runs == ()
        assert self.world.losses == ()

    def check_tidy(self) -> None:
        """Every VM that ran runs, once, and no copy of it is left anywhere else."""
        self.check_safe()
        left = {vm: places for vm, places in self.copies().items() if len(places) != 1}
        assert left == {}
        assert self.where().keys() == self.running.keys()

    def check_known(self) -> None:
        """After reading everything, the engine knows what the world knows."""
        for host in self.engine.inventory.hosts:
            self.engine.observe_now(host)
        known = self.engine.inventory.vms.values()
        assert {vm.id: vm.host for vm in known if vm.state is VmState.RUNNING} == self.where()
        assert all(host.state is HostState.UP for host in self.engine.inventory.hosts.values())

    def close(self) -> None:
        self.store.store.close()
