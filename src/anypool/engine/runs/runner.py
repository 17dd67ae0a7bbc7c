"""The shell around the core: it writes the journal, then has the commands carried out.

Every event of a run passes through `handle`, one at a time. What the core decides is
written in one transaction; only when that is committed do looks and deeds go to the
crew, and each comes back as the next event. So the journal is always ahead of the deeds.
"""

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Protocol

import structlog
from msgspec.structs import replace

from anypool.clock import Clock
from anypool.drivers import Migration
from anypool.engine.observing.board import Board, Notice
from anypool.engine.observing.observe import Observer
from anypool.engine.observing.picture import Picture
from anypool.engine.runs import beginning, core, tasks
from anypool.engine.runs.bearers import Bearers
from anypool.engine.runs.decision import Deed, recall
from anypool.engine.runs.dispatch import Hands, order_for
from anypool.engine.runs.eyes import Eyes
from anypool.engine.runs.intent import unused
from anypool.engine.runs.journal import Facts, Journal
from anypool.engine.runs.members import Members
from anypool.engine.runs.sight import Sight
from anypool.engine.runs.state import (
    Acted,
    Asked,
    Command,
    Context,
    Do,
    Event,
    Instant,
    Look,
    Looked,
    Outcome,
    Phase,
    Rules,
    RunNow,
    StepNow,
    Tick,
    no_rules,
)
from anypool.engine.runs.stepping import tag_of
from anypool.errors import (
    AnypoolError,
    Busy,
    Conflict,
    NotFound,
    OutcomeUnknown,
    UnderWay,
    Unreachable,
)
from anypool.model import RunId, VmId
from anypool.plan import Action, DeleteVm, MigrateVm, Plan, PowerOffHost, PowerOnHost
from anypool.settings import Settings
from anypool.store.records import FINAL_RUN_STATES, RunRecord, RunState, StepRecord, StepState

log = logging.getLogger(__name__)

_WAITING = frozenset({RunState.NEEDS_HUMAN, RunState.INTERRUPTED})

RETRY_S = 1.0
SLEEP_S = 1.0


class Crew(Protocol):
    """Who carries out commands: threads, or a test one by one."""

    def submit(self, task: Callable[[], None]) -> None:
        """Take a task; it is done at some later moment."""
        ...


class Runner:
    """All runs that have not ended.

    `may_act` is asked before every deed, `dismissed` when a write was refused: has
    another manager taken over? `bounds` are the rules that each step is judged by.
    """

    def __init__(
        self, journal: Journal, observer: Observer, clock: Clock, settings: Settings, board: Board
    ) -> None:
        self._journal = journal
        self._observer = observer
        self._clock = clock
        self._settings = settings
        self._board = board
        self._eyes = Eyes(observer)
        self.bearers = bearers = Bearers(observer)
        self._hands = Hands(observer.driver_of, observer.switch_of, settings, bearers)
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._runs: dict[RunId, RunNow] = {}
        self._undelivered: list[tuple[float, RunId, Event]] = []
        self._generation = 0
        self.crew: Crew = _Nobody()
        self.bounds: Rules = no_rules
        self.may_act: Callable[[], bool] = lambda: True
        self.woken = threading.Event()
        self.dismissed: Callable[[], bool] = lambda: False

    def hire(self, members: Members, public_key: Callable[[], str]) -> None:
        """Let somebody take servers into pools, and forget them; they let in who has the key."""
        self._hands.members = members
        self.bearers.public_key = public_key

    def adopt(self, record: RunRecord, plan: Plan, steps: tuple[StepRecord, ...]) -> None:
        """Go on with a run as the journal has it; what was begun is looked at first."""
        with self._lock:
            now = self._clock.monotonic()
            self._runs[record.id] = core.resumed(record, plan, steps, now)
        self.handle(record.id, Tick())

    def reopen(
        self, record: RunRecord, plan: Plan, steps: tuple[StepRecord, ...], asked: Asked
    ) -> None:
        """Let a request bring a run back that has ended; raise what `handle` raises."""
        with self._lock:
            now = self._clock.monotonic()
            self._runs.setdefault(record.id, core.resumed(record, plan, steps, now))
        try:
            self.handle(record.id, asked)
        except AnypoolError:
            with self._lock:
                if record.state in FINAL_RUN_STATES:
                    self._runs.pop(record.id, None)
            raise

    def halt(self) -> None:
        """Let go of all runs; what comes back for them later is not heard any more."""
        with self._lock:
            self._generation += 1
            self._runs.clear()
            self._undelivered.clear()
            self._changed.notify_all()

    def active(self) -> tuple[RunNow, ...]:
        """Return all runs that have not ended, and those that wait for a person."""
        with self._lock:
            return tuple(self._runs.values())

    def moving(self) -> frozenset[VmId]:
        """Return the VMs that migrate, or may."""
        with self._lock:
            return frozenset(
                action.vm
                for run in self._runs.values()
                for step in run.steps
                if step.state in (StepState.BEGUN, StepState.NEEDS_HUMAN)
                and isinstance(action := run.wish(step.record.number).action, MigrateVm)
            )

    def pending(self) -> tuple[Action, ...]:
        """Return what running plans are still going to do."""
        open_states = (StepState.WAITING, StepState.BEGUN, StepState.NEEDS_HUMAN)
        with self._lock:
            return tuple(
                run.wish(step.record.number).action
                for run in self._runs.values()
                for step in run.steps
                if step.state in open_states
            )

    def handle(self, run_id: RunId, event: Event) -> None:
        """Let the core decide about an event, write that, and have it carried out.

        Raise what the core raises for a request, `StoreFailed` if it cannot be written
        (nothing is done then) and `Conflict` if another manager took over.
        """
        with self._lock:
            run = self._runs.get(run_id)
            if run is None:
                return
            new, commands = core.advance(run, event, self._context(run_id))
            known, guarded = self._observer.inventory, self._observer.vitals.guarded
            facts = self._journal.write(run, new, known, guarded)
            self._keep(run, new)
            generation = self._generation
        self._publish(run, new, facts)
        for command in commands:
            task = partial(self._carry_out, (run_id, generation), new, command)
            self.crew.submit(task)

    def deliver(self, run_id: RunId, generation: int, event: Event) -> None:
        """Handle what came back from the crew; if it cannot be written now, later."""
        with self._lock:
            if generation != self._generation:
                return
        try:
            self.handle(run_id, event)
        except AnypoolError as error:
            if isinstance(error, Conflict) and self.dismissed():
                self.halt()
                return
            log.warning("run %s: %s; trying again", run_id, error)
            self._keep_for_later(run_id, event)

    def _keep_for_later(self, run_id: RunId, event: Event) -> None:
        """Keep an event that could not be written; a tick comes again by itself."""
        if not isinstance(event, Tick):
            with self._lock:
                due = self._clock.monotonic() + RETRY_S
                self._undelivered.append((due, run_id, event))

    def turn(self) -> float:
        """Wake what is due; return for how many seconds nothing will be."""
        now = self._clock.monotonic()
        with self._lock:
            generation = self._generation
            late = [entry for entry in self._undelivered if entry[0] <= now]
            self._undelivered = [entry for entry in self._undelivered if entry[0] > now]
            due = [run.record.id for run in self._runs.values()]
        for _, run_id, event in late:
            self.deliver(run_id, generation, event)
        for run_id in due:
            self.deliver(run_id, generation, Tick())
        with self._lock:
            moments = [core.next_due(run) for run in self._runs.values()]
            moments += [entry[0] for entry in self._undelivered]
        soonest = min((m for m in moments if m is not None), default=now + SLEEP_S)
        return max(0.0, min(soonest - self._clock.monotonic(), SLEEP_S))

    def nudge(self, vms: frozenset[VmId]) -> None:
        """Look at once at migrations of VMs that have just changed; a guest may stand still."""
        now = self._clock.monotonic()
        with self._lock:
            for key, run in self._runs.items():
                for step in run.steps:
                    action = run.wish(step.record.number).action
                    if step.phase is not Phase.RESTING or not isinstance(action, MigrateVm):
                        continue
                    if action.vm in vms and step.due > now:
                        run = run.put(replace(step, due=now))
                        self._runs[key] = run
                        self.woken.set()

    def wait(self, run_id: RunId, timeout_s: float) -> None:
        """Wait until a run has ended or needs a person, `timeout_s` real seconds at most."""

        def settled() -> bool:
            run = self._runs.get(run_id)
            return run is None or run.record.state in _WAITING

        with self._changed:
            self._changed.wait_for(settled, timeout_s)

    def _context(self, run_id: RunId) -> Context:
        others = tuple(run for key, run in self._runs.items() if key != run_id)
        inventory = self._observer.inventory
        return Context(
            now=Instant(self._clock.now(), self._clock.monotonic()),
            settings=self._settings,
            inventory=inventory,
            others=core.usage(others, inventory),
            bounds=self.bounds,
            under_way=beginning.under_way(others),
        )

    def _keep(self, run: RunNow, new: RunNow) -> None:
        if new.over:
            self._runs.pop(new.record.id, None)
        else:
            self._runs[new.record.id] = new
        freed = sum(step.active for step in new.steps) < sum(step.active for step in run.steps)
        due = core.next_due(new)
        if freed or (due is not None and due != core.next_due(run)):
            self.woken.set()
        self._changed.notify_all()

    def _publish(self, run: RunNow, new: RunNow, facts: Facts) -> None:
        """Show what the transaction changed, after it."""
        for host in facts.hosts:
            self._observer.change(partial(Picture.put_host_facts, facts=host))
        for vm in facts.vms:
            self._observer.change(partial(Picture.put_vm_facts, facts=vm))
        if facts.profiles:
            changes = {one.id: one for one in facts.profiles}
            self._observer.change(partial(Picture.put_profiles, changes=changes))
        if facts.settled:
            self._observer.vitals.settled(facts.settled)
        for gone in facts.deleted:
            self._observer.change(partial(Picture.deleted, vm=gone))
        if (new.record, new.steps) != (run.record, run.steps):
            notices = [Notice("run", new.record.id)]
            if new.plan_state is not run.plan_state:
                notices.append(Notice("plan", new.record.plan))
            self._board.tell(notices)

    def _carry_out(self, key: tuple[RunId, int], run: RunNow, command: Command) -> None:
        with structlog.contextvars.bound_contextvars(operation=key[0], plan=run.record.plan):
            self._do_command(key, run, command)

    def _do_command(self, key: tuple[RunId, int], run: RunNow, command: Command) -> None:
        run_id, generation = key
        step = run.step(command.number)
        action = run.wish(command.number).action
        event: Event
        if isinstance(command, Look):
            event = Looked(command.number, self._looked(step, action))
        else:
            with self._lock:
                stale = generation != self._generation
            if stale or not self.may_act():
                self.deliver(run_id, generation, Acted(command.number, Outcome.NOT_SENT, _IDLE))
                return
            event = self._act(command, step, action)
        self.deliver(run_id, generation, event)

    def _looked(self, step: StepNow, action: Action) -> Sight | None:
        try:
            return self._look(step, action)
        except Exception:  # such as no more files: a step that waits for its look never ends
            log.exception("a look for step %s", tag_of(step.record))
            return None

    def _look(self, step: StepNow, action: Action) -> Sight:
        memory = recall(step.record.result)
        inventory = self._observer.inventory
        task = tasks.asked(action, memory, inventory) if memory.sent else None
        if isinstance(action, PowerOffHost | PowerOnHost) and self._observer.has_bmc(action.host):
            task = None  # its BMC switches it, and not the platform
        order = None
        if isinstance(action, MigrateVm) and memory.sent and task is None:
            order = self._order(step, action)
        return self._eyes.look(action, order, task)

    def _order(self, step: StepNow, action: MigrateVm) -> Migration | None:
        memory = recall(step.record.result)
        try:
            return order_for(action, memory, self._observer.inventory, self._settings)
        except NotFound:
            return None

    def _act(self, command: Do, step: StepNow, action: Action) -> Acted:
        try:
            self._do(command.deed, step, action)
        except Busy as error:
            return Acted(command.number, Outcome.BUSY, error.in_full)
        except Unreachable as error:
            return Acted(command.number, Outcome.NOT_SENT, error.in_full)
        except UnderWay as error:
            return Acted(command.number, Outcome.UNDER_WAY, handle=error.handle)
        except OutcomeUnknown as error:
            return Acted(command.number, Outcome.UNKNOWN, error.in_full)
        except AnypoolError as error:
            return Acted(command.number, Outcome.REFUSED, error.in_full)
        except Exception as error:
            log.exception("step %s", tag_of(step.record))
            return Acted(command.number, Outcome.UNKNOWN, f"unexpected: {error!r}")
        return Acted(command.number, Outcome.DONE)

    def _do(self, deed: Deed, step: StepNow, action: Action) -> None:
        memory = recall(step.record.result)
        if isinstance(action, DeleteVm):
            if deed is Deed.DELETE_VOLUMES:  # somebody may have come to use one meanwhile
                left = unused((action.vm, action.host), memory.volumes, self._observer.inventory)
                memory = replace(memory, volumes=left)
            self._hands.delete(deed, action, memory)
            return
        order = None
        if isinstance(action, MigrateVm):
            order = order_for(action, memory, self._observer.inventory, self._settings)
        self._hands.do(deed, action, tag_of(step.record), order)


_IDLE = "not done: this manager does not hold the lease"


class _Nobody:
    def submit(self, task: Callable[[], None]) -> None:
        """Refuse."""
        raise AssertionError("the engine is not started")
