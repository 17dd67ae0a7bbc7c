"""One manager as a process: it works, stands still, is killed at a write, and starts anew."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from anypool.clock import Clock, backoff
from anypool.engine import Engine
from anypool.engine.ha.guard import Guard
from anypool.engine.observing.loop import Loop
from anypool.engine.runs.state import Do
from anypool.engine.watching.watch import Watch
from anypool.errors import AnypoolError, Busy, OutcomeUnknown, StoreFailed
from anypool.model import Endpoint, EndpointId, Host, HostId, PlanId
from anypool.planner.ha.detect import Path as Way
from anypool.planner.ha.detect import Word
from anypool.settings import Settings
from anypool.store import Tx, plans
from anypool.store.records import RunRecord
from tests.simulation.trial import straight
from tests.simulation.trial.clocks import Wall
from tests.simulation.trial.wire import Link, WirePool
from tests.simulation.yard import Crash

if TYPE_CHECKING:
    from tests.simulation.trial.stage import Stage

WATCH_EVERY_S = 10.0
SAVE_EVERY_S = 10.0
MOST_TASKS = 5000


class Crew:
    """Tasks that wait; which one is next is drawn."""

    def __init__(self, chance: random.Random) -> None:
        self.tasks: list[Callable[[], object]] = []
        self._chance = chance

    def submit(self, task: Callable[[], object]) -> None:
        self.tasks.append(task)

    def work(self) -> None:
        """Do one task; as in the product, what it refuses ends the task and not its thread."""
        task = self.tasks.pop(self._chance.randrange(len(self.tasks)))
        try:
            task()
        except AnypoolError:
            return

    @property
    def holds_deed(self) -> bool:
        """Return whether a deed that is in the journal was not begun yet."""
        return any(isinstance(getattr(task, "args", (0,))[-1], Do) for task in self.tasks)


class Reader:
    """The loop of one endpoint, a round at a time: whole now and then, and its changes between."""

    def __init__(self, manager: "Manager", endpoint: EndpointId) -> None:
        engine = manager.engine
        self._observer = engine._observer
        self._endpoint = endpoint
        self._clock: Clock = manager.clock
        self._settings = manager.stage.settings
        turnstile = engine._endpoints._turnstile
        self._loop = Loop(endpoint, self._observer, self._clock, self._settings, turnstile)
        self._cursor: str | None = None
        self._whole_at = 0.0
        self._rest_until = 0.0
        self._failures = 0

    def round(self) -> None:
        now = self._clock.monotonic()
        if now < self._rest_until:
            return
        try:
            self._read(now)
            self._failures = 0
        except Busy:
            self._rest(now)
        except AnypoolError as error:
            self._observer.lost(self._endpoint, error)
            self._rest(now)

    def _read(self, now: float) -> None:
        if self._cursor is None or now >= self._whole_at:
            self._cursor = self._loop._cursor()
            self._observer.read(self._endpoint)
            self._whole_at = now + self._settings.observe_every_s
        else:
            self._cursor = self._loop._follow(self._cursor, 0.0)

    def _rest(self, now: float) -> None:
        self._cursor = None
        first, longest = self._settings.unreachable_retry_s, self._settings.unreachable_retry_max_s
        self._rest_until = now + backoff(first, longest, self._failures)
        self._failures += 1


class Manager:
    """`up` until it is killed; `still_until` is when a process that stands still goes on."""

    def __init__(self, stage: "Stage", name: str) -> None:
        self.stage = stage
        self.name = name
        self.clock = Wall(stage.clock)
        self.links: dict[HostId, Link] = {}
        self.chance = random.Random(f"{stage.seed}/{name}")
        self.up = False
        self.still_until = 0.0
        self.starts = 0
        self.crash_in = 0
        self.crash_after = False
        self.database_until = 0.0
        self.unsure_in = 0
        self.unsure_done = False
        self.taking = False
        self._nested = False
        self._due: dict[float, float] = {}
        self._save_at = self._lease_at = 0.0

    def boot(self) -> None:
        """Start the process; without its database it ends at once, and is started again."""
        try:
            self._boot()
        except Crash:
            self.stage.killed(self)
        except StoreFailed:
            self.kill()
            self.stage.after(5.0, self.boot_if_down)

    def _boot(self) -> None:
        stage = self.stage
        self.up, self.still_until, self.crash_in, self.unsure_in = True, 0.0, 0, 0
        self.starts += 1
        self.store = straight.open_store(stage.file, self.clock)
        self._tap()
        self.crew = Crew(self.chance)
        self.engine = Engine(self.store, WirePool(self), self.clock, stage.settings)
        self._overhear()
        self.guard = Guard(self.engine, self.store, self.clock)
        self.guard.submit = self.crew.submit
        self.guard.knock = self._knock
        self.watch = Watch(self.engine, self.store, self.clock, stage.settings)
        self.readers: dict[EndpointId, Reader] = {}
        self.engine.begin(self.crew)  # type: ignore[arg-type]

    def boot_if_down(self) -> None:
        """Start the process unless it runs."""
        if not self.up:
            self.boot()

    def kill(self) -> None:
        """End the process as kill -9 does."""
        if self.up:
            self.up = False
            self.crew.tasks.clear()
            self.store.close()

    @property
    def works(self) -> bool:
        """Return whether the process runs and does not stand still."""
        return self.up and self.stage.clock.monotonic() >= self.still_until

    @property
    def leads(self) -> bool:
        """Return whether it works, and believes that it leads."""
        return self.works and self.engine.leads

    @property
    def epoch(self) -> int | None:
        return self.store._epoch

    def check_alive(self) -> None:
        """Raise `Crash` where a process that was killed would go on."""
        if not self.up:
            raise Crash

    def tick(self) -> None:
        """Do all that is due now, in an order that is drawn."""
        if not self.works:
            return
        try:
            self._tick()
        except Crash:
            self.stage.killed(self)

    def _tick(self) -> None:
        now = self.stage.clock.monotonic()
        if not self.engine.leads:
            if now >= self._lease_at:
                self._lease_at = now + self.stage.settings.lease_s / 4
                self.engine.turn()
            return
        self._read_all()
        self._settle()
        for every_s, what in ((0.0, self.guard.round), (WATCH_EVERY_S, self.watch.round)):
            if self.works and now >= self._due.get(every_s, 0.0):
                self._due[every_s] = now + every_s
                self.stage.guarded(what)
                self._settle()
        if self.works and now >= self._save_at:
            self._save_at = now + SAVE_EVERY_S
            self.stage.guarded(self.engine._save)

    def hears(self, host: HostId) -> bool:
        """Return whether nothing is between this manager and a host."""
        with self.stage.world.turn() as state:
            answers = state.host(host).answers
        return answers and host not in self.links and not self.stage.oracle.is_silent(self, host)

    def told_s_ago(self, host: HostId) -> float:
        """Return how long ago a host told of its VMs."""
        vitals = self.engine.vitals
        return vitals.moments.now() - vitals.last(host).told_at

    def read(self, host: HostId) -> None:
        """Read a host at once, as its events would have it."""
        self.stage.guarded(lambda: self.engine.observe_now(host))

    def _read_all(self) -> None:
        endpoints = [one.id for one in self.engine.endpoints()]
        self.chance.shuffle(endpoints)
        for endpoint in endpoints:
            reader = self.readers.get(endpoint)
            if reader is None:
                reader = self.readers[endpoint] = Reader(self, endpoint)
            reader.round()

    def _settle(self) -> None:
        """Do what is due and all that follows from it; stop where a deed is in somebody's hands."""
        for _ in range(MOST_TASKS):
            if self.stage.stalls(self):
                return
            if self.crew.tasks:
                self.crew.work()
            elif self.engine.turn() > 0 and not self.crew.tasks:
                return
        raise AssertionError("it does not settle")

    def meanwhile(self) -> None:
        """Let something else happen while an answer is on its way."""
        if not self._nested and self.crew.tasks:
            self._nested = True
            try:
                self.crew.work()
            finally:
                self._nested = False

    def _knock(self, host: Host, endpoint: Endpoint) -> tuple[tuple[Way, Word], ...]:
        heard = self.stage.world.hears(host.id)
        if heard:
            self.stage.oracle.life(host.id)
        return ((Way.DATA, Word.ANSWERS if heard else Word.SILENT),)

    def _tap(self) -> None:
        """Put ourselves between the store and its database."""
        whole, reading = self.store._transaction, self.store.reading
        oracle = self.stage.oracle

        @contextmanager
        def transaction() -> Iterator[Tx]:
            self.check_alive()
            self._refuse()
            self._crash_if_due(after=False)
            with whole() as tx:
                yield tx
                oracle.commits(self, tx)
            self._crash_if_due(after=True)
            self._be_unsure()

        @contextmanager
        def looking() -> Iterator[Tx]:
            self._refuse()
            with reading() as tx:
                yield tx

        take = self.store.take_lease

        def taking(*about: Any) -> int | None:
            self.taking = True
            try:
                return take(*about)
            finally:
                self.taking = False

        self.store.take_lease = taking  # type: ignore[method-assign]
        self.store._transaction = transaction  # type: ignore[method-assign]
        self.store.reading = looking  # type: ignore[method-assign]

    def _refuse(self) -> None:
        if self.stage.clock.monotonic() < self.database_until:
            self.stage.struck_by(self, "F14 database gone")
            raise StoreFailed("simulated: the database does not answer", hint="wait")

    def _crash_if_due(self, *, after: bool) -> None:
        if self.crash_in and after == self.crash_after:
            self.crash_in -= 1
            if not self.crash_in:
                self.stage.count("F1 manager killed at a write of its journal")
                self.kill()
                raise Crash

    def _be_unsure(self) -> None:
        if self.unsure_in:
            self.unsure_in -= 1
            if not self.unsure_in:
                self.stage.count("F14 answer to a commit lost")
                self.store.in_doubt, self.store._good_until = True, 0.0
                raise OutcomeUnknown("simulated: the answer to the commit was lost")

    def _overhear(self) -> None:
        """Let the oracle know which plans were begun, as everybody could read them before."""
        run, reading, oracle = self.engine.run, self.store.reading, self.stage.oracle

        def begun(plan_id: PlanId, by: str) -> RunRecord:
            with reading() as tx:
                oracle.begins(plans.get(tx, plan_id).plan, by)
            self.stage.tell(f"{self.name} begins {plan_id} for {by}")
            return run(plan_id, by)

        self.engine.run = begun  # type: ignore[method-assign]


def quick(folder: str) -> Settings:
    """Return settings with which little time passes in vain."""
    return Settings(
        state_dir=folder,
        migration_deadline_s=600,
        step_deadline_s=120,
        lease_s=20,
        observe_every_s=20,
        unreachable_retry_s=1.0,
        unreachable_retry_max_s=8.0,
        watch_every_s=20,
    )
