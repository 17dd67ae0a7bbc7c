"""What a change of a run means to the database: rows, events and facts, in one transaction."""

from collections.abc import Iterable
from uuid import uuid4

from msgspec import Struct
from msgspec.structs import replace

from anypool.engine.observing.vitals import Settled
from anypool.engine.runs import powering, tenures
from anypool.engine.runs.measuring import measured
from anypool.engine.runs.state import RunNow, StepNow
from anypool.errors import Conflict, Invalid
from anypool.model import HostId, Inventory, Means, PlanId, Profile, RunId, VmId
from anypool.plan import (
    Action,
    ApplyProfile,
    AwaitReady,
    CreateVm,
    DeleteVm,
    EnterMaintenance,
    FenceHost,
    LeaveMaintenance,
    MigrateVm,
    PlanState,
    PowerOffHost,
    PowerOnHost,
    Reason,
    ServerAction,
    StartAfterFailure,
    StartVm,
    StopVm,
    WithdrawProfile,
    goal_of,
    hosts_of,
    names_of,
    reason,
    say,
    tell,
    vm_of,
)
from anypool.planner.ha.mend import takes_away
from anypool.store import Store, Tx, bookings, events, facts, ha, measurements, plans, runs
from anypool.store.records import (
    EventRecord,
    HostFacts,
    PlanRecord,
    RunRecord,
    RunState,
    Severity,
    StepState,
    VmFacts,
)

READY = frozenset({PlanState.RECOMMENDED, PlanState.APPROVED})


class Facts(Struct, frozen=True, gc=False):
    """What steps that are done changed about our own facts.

    `settled` says where VMs were brought, and which are stopped by somebody.
    """

    hosts: tuple[HostFacts, ...] = ()
    vms: tuple[VmFacts, ...] = ()
    deleted: tuple[VmId, ...] = ()
    profiles: tuple[Profile, ...] = ()
    settled: tuple[Settled, ...] = ()


class Journal:
    """Writes runs; every method is one transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(self, plan: PlanRecord, by: str, at: float) -> RunRecord:
        """Write that a run begins now, and return it; `Conflict` if the plan is not ready to.

        What it redeems is taken from its booking with that, or nothing is written: `Conflict`
        if there is not so much left of one.
        """
        run = RunRecord(
            id=RunId(f"run-{uuid4().hex[:12]}"),
            plan=plan.id,
            state=RunState.RUNNING,
            by=by,
            started_at=at,
        )
        with self._store.writing() as tx:
            plans.set_state(tx, plan.id, PlanState.RUNNING, only_from=READY)
            for redeemed in plan.plan.redeems:
                bookings.redeem(tx, redeemed, run)
            runs.add_run(tx, run, len(plan.plan.steps))
            events.append(tx, _run_event(run, reason("event.begun", goal=goal_of(plan.plan))))
        return run

    def write(
        self,
        old: RunNow,
        new: RunNow,
        inventory: Inventory,
        guarded: frozenset[HostId] = frozenset(),
    ) -> Facts:
        """Write all that differs; return the facts that were changed with it.

        What is started on a `guarded` host is to run from the moment that is written.
        """
        changed = [s for s, before in zip(new.steps, old.steps, strict=True)
                   if s.record != before.record]  # fmt: skip
        if not changed and new.record == old.record:
            return Facts()
        ended = [s for s in changed if s.state is StepState.DONE]
        with self._store.writing() as tx:
            for step in changed:
                runs.put_step(tx, step.record)
                before = old.step(step.record.number)
                for event in _step_events(new, before, step, inventory):
                    events.append(tx, event)
            measurements.put(tx, measured(new, ended, inventory))
            found = _facts(tx, new, changed, guarded)
            if new.record != old.record:
                self._write_run(tx, old, new)
        return found

    def supersede(self, plan: PlanId, why: Reason) -> None:
        """Write that a plan is out of date."""
        with self._store.writing() as tx:
            plans.supersede(tx, (plan,), why)

    def load(self) -> tuple[tuple[RunRecord, PlanRecord], ...]:
        """Return every run to go on with, and its plan.

        A run whose plan another release stored is left to a person, who can cancel it.
        """
        known: list[tuple[RunRecord, PlanRecord]] = []
        strange: list[tuple[RunRecord, str]] = []
        with self._store.reading() as tx:
            for run in runs.unfinished(tx):
                try:
                    known.append((run, plans.get(tx, run.plan)))
                except Invalid as error:
                    strange.append((run, error.message))
        for run, why in strange:
            self._set_aside(run, why)
        return tuple(known)

    def give_up(self, run: RunRecord) -> None:
        """End a run whose plan is not understood; what it began is left as it is."""
        with self._store.writing() as tx:
            why = reason("run.other-release")
            ended = replace(run, state=RunState.CANCELLED, ended_at=tx.now)
            ended = replace(ended, message=say(why), said=why)
            runs.put_run(tx, ended)
            plans.set_state(
                tx, run.plan, PlanState.CANCELLED, only_from=frozenset(PlanState), note=why
            )
            events.append(tx, _run_event(ended, why))

    def _set_aside(self, run: RunRecord, why: str) -> None:
        told = reason("run.left-alone", why=why)
        if (run.state, run.message) == (RunState.NEEDS_HUMAN, say(told)):
            return
        with self._store.writing() as tx:
            stuck = replace(run, state=RunState.NEEDS_HUMAN, message=say(told), said=told)
            runs.put_run(tx, stuck)
            events.append(tx, _run_event(stuck, told))

    def _write_run(self, tx: Tx, old: RunNow, new: RunNow) -> None:
        runs.put_run(tx, new.record)
        if new.plan_state is not old.plan_state:
            note = new.broken or new.record.said
            plans.set_state(
                tx, new.record.plan, new.plan_state, only_from={old.plan_state}, note=note
            )
        if new.record.state is not old.record.state or new.record.cancelling:
            events.append(tx, _run_event(new.record, _told(new)))


def _told(run: RunNow) -> Reason:
    record, goal = run.record, goal_of(run.plan)
    state = "being-cancelled" if record.cancelling and not record.ended_at else record.state
    if record.said is None:
        return reason("event.run", goal=goal, state=state)
    return reason("event.run-why", goal=goal, state=state, why=record.said)


_SEVERITIES = {
    RunState.FAILED: Severity.ERROR,
    RunState.NEEDS_HUMAN: Severity.WARNING,
    RunState.INTERRUPTED: Severity.WARNING,
}


def _run_event(run: RunRecord, why: Reason) -> EventRecord:
    return EventRecord(
        kind=f"run.{run.state}",
        message=say(why),
        said=why,
        severity=_SEVERITIES.get(run.state, Severity.INFO),
        subject_kind="run",
        subject_id=run.id,
        by=run.by,
        plan=run.plan,
        run=run.id,
    )


def _step_events(
    run: RunNow, before: StepNow, step: StepNow, inventory: Inventory
) -> Iterable[EventRecord]:
    """Yield an event for a new state or a new message; progress alone is none."""
    record = step.record
    if (record.state, record.message, record.attempts) == (
        before.state,
        before.record.message,
        before.record.attempts,
    ):
        return
    action = run.wish(record.number).action
    if isinstance(action, AwaitReady) and record.state is before.state:
        return  # asked again and again: only how it ends is worth an event
    vm = vm_of(action)
    severity = {
        StepState.FAILED: Severity.ERROR,
        StepState.NEEDS_HUMAN: Severity.WARNING,
    }.get(record.state, Severity.INFO)
    told = tell(action, names_of(run.plan, inventory))
    why = reason("event.step", step=told, state=record.state)
    if record.said is not None:
        why = reason("event.step-why", step=told, state=record.state, why=record.said)
    yield EventRecord(
        kind=f"step.{record.state}",
        message=say(why),
        said=why,
        severity=severity,
        subject_kind=_kind_of(action),
        subject_id=hosts_of(action)[0] if vm is None else vm,
        by=run.record.by,
        plan=run.record.plan,
        run=run.record.id,
    )


def _kind_of(action: Action) -> str:
    """Return what a step is about: a VM, a server, or a host."""
    if vm_of(action) is not None:
        return "vm"
    if isinstance(action, ApplyProfile | WithdrawProfile) and action.means is Means.VM:
        return "vm"
    return "server" if isinstance(action, ServerAction) else "host"


def _facts(tx: Tx, run: RunNow, changed: list[StepNow], guarded: frozenset[HostId]) -> Facts:
    hosts: list[HostFacts] = []
    vms: list[VmFacts] = []
    deleted: list[VmId] = []
    profiles: list[Profile] = []
    settled: list[Settled] = []
    for step in changed:
        action = run.wish(step.record.number).action
        if isinstance(action, PowerOffHost | PowerOnHost):
            known = facts.hosts.get(tx, action.host) or HostFacts(host=action.host)
            marked = powering.marked(action, step.record, known)
            hosts += [] if marked == known else [marked]
        settled += _note_ha(tx, run, step, action, guarded)
        profiles += tenures.note(tx, run, step, action)
        if step.state is not StepState.DONE:
            continue
        match action:
            case EnterMaintenance(host=host) | LeaveMaintenance(host=host):
                known = facts.hosts.get(tx, host) or HostFacts(host=host)
                closed = isinstance(action, EnterMaintenance)
                hosts.append(replace(known, maintenance=closed))
            case CreateVm(wish=wish) if wish.tags or wish.origin:
                vms.append(VmFacts(vm=wish.id, tags=wish.tags, origin=wish.origin))
            case DeleteVm(vm=vm):
                facts.vms.delete(tx, vm)
                deleted.append(vm)
            case _:
                pass
    for host_facts in hosts:
        facts.hosts.put(tx, host_facts)
    for vm_facts in vms:
        facts.vms.put(tx, vm_facts)
    return Facts(tuple(hosts), tuple(vms), tuple(deleted), tuple(profiles), tuple(settled))


def _stopped_after(step: StepNow) -> bool:
    """Return whether a VM that was migrated is stopped: it may have gone on from there."""
    return step.record.said is not None and step.record.said.code == "migration.stopped-after"


_UNCLEAR = frozenset(
    {StepState.FAILED, StepState.SKIPPED, StepState.CANCELLED, StepState.NEEDS_HUMAN}
)
"""A migration that ends so may leave a copy at either end."""


def _note_ha(
    tx: Tx, run: RunNow, step: StepNow, action: Action, guarded: frozenset[HostId]
) -> list[Settled]:
    """Note who is about to be switched off, where VMs run now, and which somebody stops.

    Return the last two. What somebody wants to be stopped is not started again, whatever
    becomes of the order: a VM that runs on is seen to run.
    """
    if isinstance(action, FenceHost) and step.record.attempts:  # none where it was not sent
        ha.note_fence(tx, run.record.plan, action.host)
    if isinstance(action, MigrateVm) and step.state in _UNCLEAR:
        ha.note_left(tx, ((action.vm, host) for host in (action.source, action.target)))
    done, begun = step.state is StepState.DONE, step.state is StepState.BEGUN
    match action:
        case StopVm() if takes_away(run.wish(step.record.number)):
            return []
        case StopVm(vm=vm) | DeleteVm(vm=vm) if done or begun:
            ha.stopped(tx, vm)
            return [Settled(vm=vm, host=None, begun=begun)]
        case StopVm(vm=vm, host=host) | DeleteVm(vm=vm, host=host):
            return [Settled(vm=vm, host=host)]
        case MigrateVm(vm=vm, target=host) if done and not _stopped_after(step):
            ha.moved(tx, vm, host)
            return [Settled(vm=vm, host=host)]
        case StartAfterFailure() | StartVm() if done:
            ha.moved(tx, action.vm, action.host)
            if action.host not in guarded:
                return [Settled(vm=action.vm, host=action.host)]
            ha.started(tx, action.vm, action.host)
            return [Settled(vm=action.vm, host=action.host, started_at=tx.now)]
        case _:
            return []


def not_ready(plan: PlanRecord) -> Conflict:
    """Return the error for a plan that cannot be run any more."""
    return Conflict(f"plan {plan.id} is {plan.state}", hint="ask for a new plan")
