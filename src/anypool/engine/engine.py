"""The engine: it observes the pool, keeps the inventory and carries plans out."""

import threading
from contextlib import suppress
from functools import partial

from msgspec.structs import replace

from anypool.clock import Clock
from anypool.engine.bookings import Bookings
from anypool.engine.hosting import Hosting
from anypool.engine.lease import Keeper
from anypool.engine.loads.load import Loads
from anypool.engine.loads.meter import SHARES, Meter
from anypool.engine.observing.board import Board, Notice, Subscription
from anypool.engine.observing.change import Delta
from anypool.engine.observing.endpoints import DriverPool, Endpoints
from anypool.engine.observing.health import Healths
from anypool.engine.observing.images import Images
from anypool.engine.observing.observe import Observer, places
from anypool.engine.observing.ours import Ours
from anypool.engine.observing.picture import Picture
from anypool.engine.observing.recollect import recollected
from anypool.engine.observing.saver import Saver
from anypool.engine.observing.services import Services
from anypool.engine.policies import Policies
from anypool.engine.pools import Pools
from anypool.engine.records.archive import BY_SOMEBODY, Origin
from anypool.engine.records.keeping import Keeping
from anypool.engine.resync import Resync
from anypool.engine.rollouts import Rollouts
from anypool.engine.runs.admission import admit
from anypool.engine.runs.journal import Journal
from anypool.engine.runs.runner import Crew, Runner
from anypool.engine.runs.state import Asked, Request
from anypool.engine.servers import Servers
from anypool.engine.threads import ThreadCrew, Ticker
from anypool.errors import Invalid, NotFound
from anypool.model import (
    Endpoint,
    EndpointHealth,
    EndpointId,
    EndpointState,
    Host,
    HostId,
    Inventory,
    PlanId,
    RunId,
    VmId,
    Volume,
)
from anypool.plan import DeleteVm, Plan
from anypool.settings import Settings
from anypool.store import Store, events, facts, lease, plans, runs
from anypool.store.records import DatastoreFacts, HostFacts, PlanRecord, RunRecord, VmFacts

SAVE_EVERY_S = 1.0
SPARE_THREADS = 8


class Engine:
    """The only part that touches the world; every method may be called from any thread."""

    def __init__(self, store: Store, pool: DriverPool, clock: Clock, settings: Settings) -> None:
        self._store = store
        self._pool = pool
        self._clock = clock
        self._settings = settings
        self.board = Board()
        self._observer = Observer(Picture(Ours()), self.board, clock)
        self._journal = Journal(store)
        self._runner = Runner(self._journal, self._observer, clock, settings, self.board)
        self._endpoints = Endpoints(store, pool, self._observer, self.board, clock)
        self.bmcs, self.vitals = self._endpoints.bmcs, self._observer.vitals
        self._saver = Saver(store, self.board)
        self._meter = Meter(self._observer, clock)
        self.keeper = Keeper(store, clock, settings.lease_s, (self._lead, self._retire))
        self.keeping = Keeping(store, clock, settings, self)
        self._meter.kept = self.keeping.recorder.take
        self._crew: ThreadCrew | None = None
        self._observing = False
        self._tickers: tuple[Ticker, ...] = ()
        self.policies = Policies(store, self.board, self.must_lead)
        self.services = Services(store, self.board, self.must_lead)
        self.rollouts = Rollouts(store, self.board, self._ask, self.must_lead)
        self.healths = Healths(self.services, store, self.board, clock, leads=lambda: self.leads)
        self.pools = Pools(store, self._endpoints, self._runner, self.board, self.must_lead)
        self.resync = Resync(store, self._endpoints, self.board, self.must_lead)
        self.pools.first = self.resync.allow
        self.bookings = Bookings(store, self._observer, self._runner, self)
        self.hosting = Hosting(store, self._observer, self._endpoints, self._runner)
        self.servers = Servers(store, (self._observer, self.board), self._runner, settings)
        self._observer.whole, self._observer.vouched = self.resync.read, self.resync.vouched
        self.images = Images(
            store,
            (self._observer, self.board, clock),
            settings.digest_mib_s,
            leads=lambda: self.leads,
            must_lead=self.must_lead,
        )
        self._observer.moving, self._observer.changed = self._runner.moving, self._heard
        self._saver.ours = self._being_deleted
        self._runner.may_act, self._runner.bounds = self.keeper.may_act, self.policies.bounds
        self._runner.dismissed = lambda: not self.keeper.still_held()

    def start(self) -> None:
        """Show what was known, take the lease, observe, and resume what was begun.

        While another manager holds the lease this one stands by, and takes over when
        that one steps down or falls silent.
        """
        self._crew = ThreadCrew(self._settings.steps_at_once + SPARE_THREADS)
        self._observing = True
        self.begin(self._crew)
        self._tickers = (
            Ticker("lease", self.keeper.round, self._clock, threading.Event()),
            Ticker("runs", self._runner.turn, self._clock, self._runner.woken),
            Ticker("save", self._save, self._clock, threading.Event()),
            Ticker("health", self.healths.round, self._clock, threading.Event()),
            Ticker("images", self.images.round, self._clock, self.images.woken),
            Ticker("measure", self._measure, self._clock, threading.Event()),
            *self.keeping.tickers(),
        )
        for ticker in self._tickers:
            ticker.start()

    def begin(self, crew: Crew) -> None:
        """Do what `start` does without a thread: the crew acts, and `turn` says when."""
        self._runner.crew = crew
        self.keeper.round()
        if not self.leads:
            self._observer.begin(recollected(self._store))

    def turn(self) -> float:
        """Do what is due for the lease and the runs; return for how long nothing will be."""
        if self._store.lease_left_s() < self._settings.lease_s / 2:
            self.keeper.round()
        return min(self._runner.turn(), self._settings.lease_s / 4)

    def stop(self) -> None:
        """Stop all deeds; what runs stays in the journal for the next start."""
        self.keeping.stop()
        for ticker in self._tickers:
            ticker.stop()
        self._tickers = ()
        self._runner.halt()
        if self._crew is not None:
            self._crew.close()
        self._endpoints.rest()
        self._meter.close()
        self.healths.close()
        self.images.close()
        if self.leads and self.keeper.still_held():
            self._saver.save()
            self.keeping.finish()
        self.keeper.give()

    @property
    def leads(self) -> bool:
        """Say whether this manager holds the lease; without it nothing is done."""
        return self.keeper.held

    @property
    def inventory(self) -> Inventory:
        """Return what is known now; costs nothing and takes no lock."""
        return self.board.inventory

    @property
    def version(self) -> int:
        """Return a number that grows with every change of the inventory."""
        return self.board.version

    def now(self) -> float:
        """Return the time, in seconds since 1970."""
        return self._clock.now()

    def volumes(self) -> tuple[Volume, ...]:
        """Return every volume that some endpoint sees, by datastore and name."""
        return self._observer.volumes()

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Return all endpoints by id."""
        return self._endpoints.all()

    def health(self) -> tuple[EndpointHealth, ...]:
        """Return how the conversation with each endpoint goes, by id."""
        return tuple(self._health(one) for one in self._observer.health())

    def loads(self) -> Loads:
        """Return the last measured loads, with rates per second."""
        return self._meter.loads()

    def add_endpoint(self, endpoint: Endpoint, secret: str, by: str) -> tuple[Host, ...]:
        """Connect, read, and only then keep an endpoint; return its hosts.

        `Conflict` if one of its hosts is managed already; `Unreachable`, `Denied` or
        `Rejected` if it does not let us in. Nothing is kept on failure.
        """
        self.must_lead()
        hosts = self._endpoints.add(endpoint, secret, by)
        self._saver.save()
        return hosts

    def remove_endpoint(self, endpoint: EndpointId, by: str) -> None:
        """Forget an endpoint and its hosts; `Busy` while a run touches one of them."""
        self.must_lead()
        self._endpoints.remove(endpoint, by, self._runner.pending())

    def set_host_facts(self, facts_: HostFacts, by: str) -> None:
        """Keep what is ours about a host; raise `NotFound`."""
        self.must_lead()
        name = self.inventory.host(facts_.host).name
        with self._store.writing() as tx:
            facts.hosts.put(tx, facts_)
            events.note(tx, ("host", facts_.host), f"{name} changed", by)
        self._observer.change(partial(Picture.put_host_facts, facts=facts_))

    def lift_power_mark(self, host: HostId) -> None:
        """Forget that we switched a host off: it is up, and whoever did that answers for it."""
        with self._store.writing() as tx:
            lifted = replace(facts.hosts.get(tx, host) or HostFacts(host=host), power_saved=False)
            facts.hosts.put(tx, lifted)
        self._observer.change(partial(Picture.put_host_facts, facts=lifted))

    def set_vm_facts(self, facts_: VmFacts, by: str) -> None:
        """Keep what is ours about a VM; raise `NotFound`."""
        self.must_lead()
        name = self.inventory.vm(facts_.vm).name
        with self._store.writing() as tx:
            facts.vms.put(tx, facts_)
            events.note(tx, ("vm", facts_.vm), f"{name} changed", by)
        self._observer.change(partial(Picture.put_vm_facts, facts=facts_))

    def set_datastore_facts(self, facts_: DatastoreFacts, by: str) -> None:
        """Keep what is ours about a datastore; raise `NotFound`."""
        self.must_lead()
        known = self.inventory.datastores.get(facts_.datastore)
        if known is None:
            raise NotFound(f"there is no datastore {facts_.datastore}")
        with self._store.writing() as tx:
            facts.datastores.put(tx, facts_)
            events.note(tx, ("datastore", facts_.datastore), f"{known.name} changed", by)
        self._observer.change(partial(Picture.put_datastore_facts, facts=facts_))

    def submit(
        self, plan: Plan, by: str, inventory: Inventory | None = None, origin: Origin = BY_SOMEBODY
    ) -> PlanRecord:
        """Keep a plan as RECOMMENDED, and the inventory it was made from: that of now if None.

        `Busy` if another manager leads, `Conflict` if the plan was made from another inventory.
        """
        self.must_lead()
        basis = self.inventory if inventory is None else inventory
        record = self.keeping.archive.keep_plan(plan, by, basis, origin)
        self.board.tell((Notice("plan", record.id),))
        return record

    def run(self, plan_id: PlanId, by: str) -> RunRecord:
        """Begin a plan; `Conflict` with the objections, `Busy` if a run touches its VMs."""
        self.must_lead()
        with self.pools.admitting:
            with self._store.reading() as tx:
                plan = plans.get(tx, plan_id)
            self.pools.allow(plan.plan, self.inventory)
            pending = self._runner.pending()
            admit(plan, self.inventory, pending, self._journal.supersede, self.policies)
            run = self._journal.begin(plan, by, self._clock.now())
            self.board.tell((Notice("plan", plan_id), Notice("run", run.id)))
            self._adopt(run, plan.plan)
            self.bookings.show_redeemed(plan.plan.redeems)
        return run

    def pause(self, run: RunId, by: str = "") -> None:
        """Let running steps finish and begin no others."""
        self._ask(run, Asked(Request.PAUSE), by)

    def resume(self, run: RunId, by: str = "") -> None:
        """Go on after a pause."""
        self._ask(run, Asked(Request.RESUME), by)

    def cancel(self, run: RunId, by: str = "") -> None:
        """Begin no more steps; a running migration is called back, others finish."""
        self._ask(run, Asked(Request.CANCEL), by)

    def skip(self, run: RunId, step: int, by: str = "") -> None:
        """Treat a step that waits, failed or needs a person as if it were not there."""
        self._ask(run, Asked(Request.SKIP, step), by)

    def retry(self, run: RunId, step: int, by: str = "") -> None:
        """Try a step again that failed or needs a person, and those that waited for it."""
        self._ask(run, Asked(Request.RETRY, step), by)

    def wait(self, run: RunId, timeout_s: float) -> RunRecord:
        """Return the run once it has ended or needs a person, or as it is after `timeout_s`."""
        self._runner.wait(run, timeout_s)
        with self._store.reading() as tx:
            return runs.get_run(tx, run)

    def observe_now(self, what: HostId | VmId) -> None:
        """Read a host or VM again; raise `NotFound`, or `Unreachable` if it does not answer."""
        vm = self.inventory.vms.get(VmId(what))
        if vm is None:
            self._observer.read(self.inventory.host(HostId(what)).endpoint)
            return
        hosts = self.inventory.hosts
        for endpoint in {hosts[host].endpoint for host in places(vm, ()) if host in hosts}:
            whole = not self._observer.current(endpoint)
            self._observer.read(endpoint, None if whole else (vm.id,))

    def subscribe(self) -> Subscription:
        """Return a bounded queue of notices about what changes from now on."""
        return self.board.subscribe()

    def _ask(self, run: RunId, asked: Asked, by: str) -> None:
        self.must_lead()
        active = {one.record.id: one for one in self._runner.active()}
        if run not in active:
            self._ask_ended(run, asked)
        else:
            self.resync.allow_asked(asked, active[run].plan, self.inventory)
            self._runner.handle(run, asked)
        step = f" (step {asked.number})" if asked.number else ""
        with suppress(NotFound), self._store.writing() as tx:
            events.note(tx, ("run", run), f"{asked.request} asked for{step}", by)

    def _ask_ended(self, run: RunId, asked: Asked) -> None:
        """Bring a run back that has ended; one of another release can only be given up."""
        with self._store.reading() as tx:
            record = runs.get_run(tx, run)
            steps = runs.steps(tx, run)
            try:
                plan = plans.get(tx, record.plan)
            except Invalid:
                if asked.request is not Request.CANCEL or record.ended_at:
                    raise
                plan = None
        if plan is None:
            self._journal.give_up(record)
            self.board.tell((Notice("plan", record.plan), Notice("run", run)))
            return
        with self.pools.admitting:
            if asked.request is Request.RETRY:
                self.pools.allow(plan.plan, self.inventory)
            self._runner.reopen(record, plan.plan, steps, asked)

    def _lead(self) -> None:
        """Begin to lead: know everything anew, observe, and go on with what was begun."""
        self.policies.forget()
        self.services.forget()
        self._observer.begin(recollected(self._store))
        self.resync.begin()
        self._endpoints.load()
        if self._observing:
            self._endpoints.observe(self._settings)
        for record, plan in self._journal.load():
            self._adopt(record, plan.plan)

    def _retire(self) -> None:
        """Another manager leads: do and write nothing any more."""
        self._runner.halt()
        self._endpoints.rest()
        self.keeping.forget()

    def _adopt(self, run: RunRecord, plan: Plan) -> None:
        with self._store.reading() as tx:
            steps = runs.steps(tx, run.id)
        self._runner.adopt(run, plan, steps)

    def _save(self) -> float:
        if self.leads:
            self._saver.save()
        return SAVE_EVERY_S

    def _measure(self) -> float:
        if self.leads:
            self._meter.measure_some()
        return self._settings.measure_every_s / SHARES

    def _heard(self, delta: Delta) -> None:
        """Pass on what a reading changed."""
        self._saver.note(delta)
        vms = frozenset(VmId(notice.id) for notice in delta.notices if notice.kind == "vm")
        if vms:
            self._runner.nudge(vms)

    def _being_deleted(self) -> frozenset[VmId]:
        pending = self._runner.pending()
        return frozenset(one.vm for one in pending if isinstance(one, DeleteVm))

    def _health(self, seen: EndpointHealth) -> EndpointHealth:
        """Return what the reader and the workers say of an endpoint: quarantine goes first."""
        worker = self._pool.health(seen.id)
        if worker.state is not EndpointState.QUARANTINED:
            return seen
        return replace(worker, seen_at=max(worker.seen_at, seen.seen_at))

    def must_lead(self) -> None:
        """Raise `Busy` if this manager does not lead: what it knows may be old, or nothing."""
        if not self.leads:
            raise lease.elsewhere()
