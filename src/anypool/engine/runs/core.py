"""The core of the engine: `(run, event, context) -> (run, commands)`, without I/O.

The shell writes every journal row that changed, in one transaction, and only then
carries the commands out; each command comes back as an event. So a crash between any
two lines leaves a journal from which `resumed` goes on, by looking.
"""

from typing import assert_never

from msgspec.structs import replace

from anypool.engine.runs import handover, stepping
from anypool.engine.runs.decision import recall, remember
from anypool.engine.runs.state import (
    Acted,
    Asked,
    Command,
    Context,
    Event,
    Look,
    Looked,
    Phase,
    Request,
    RunNow,
    StepNow,
    Tick,
    Usage,
)
from anypool.engine.runs.throttle import has_room
from anypool.errors import Conflict, NotFound
from anypool.model import Inventory
from anypool.plan import MigrateVm, Plan, Reason, plain, reason, say
from anypool.store.records import RunRecord, RunState, StepRecord, StepState

Result = tuple[RunNow, tuple[Command, ...]]

PASSED = frozenset({StepState.DONE, StepState.SKIPPED})


def advance(run: RunNow, event: Event, context: Context) -> Result:
    """Return the run after an event, and what to do now.

    Raise `Conflict` or `NotFound` for a request that does not fit.
    """
    commands: tuple[Command, ...] = ()
    match event:
        case Tick():
            pass
        case Looked(number=number, sight=sight):
            if run.step(number).phase is Phase.LOOKING:
                step, commands = stepping.looked(run, number, sight, context)
                run = _after(run, step)
        case Acted(number=number):
            if run.step(number).phase is Phase.ACTING:
                step, commands = stepping.acted(run, event, context)
                run = _after(run, step)
        case Asked():
            run = _asked(run, event, context)
        case _:
            assert_never(event)
    run, woken = _wake(run, context)
    run, started = _start(run, context)
    return _end(run, context), (*commands, *woken, *started)


def resumed(record: RunRecord, plan: Plan, steps: tuple[StepRecord, ...], now: float) -> RunNow:
    """Return a run as the journal has it: what was begun is due to be looked at, now."""
    loaded = (
        StepNow(
            record=step,
            phase=Phase.RESTING if step.state is StepState.BEGUN else Phase.IDLE,
            due=now,
            tried_at=now,
        )
        for step in steps
    )
    run = RunNow(record=record, plan=plan, steps=tuple(loaded))
    return replace(run, broken=next(filter(None, map(_outdated, run.steps)), None))


def usage(runs: tuple[RunNow, ...], inventory: Inventory) -> Usage:
    """Return what runs do at this moment."""
    used = Usage()
    for run in runs:
        for step in run.steps:
            if step.active:
                used = used.plus(run.wish(step.record.number).action, inventory)
    return used


def next_due(run: RunNow) -> float | None:
    """Return the ticks at which a resting step must be looked at again, None if none rests."""
    return min((s.due for s in run.steps if s.phase is Phase.RESTING), default=None)


def _after(run: RunNow, step: StepNow) -> RunNow:
    run = run.put(step)
    return replace(run, broken=run.broken or _outdated(step))


_OUTDATED = "the plan is out of date: "
"""How it begins in a journal that kept words alone."""


def _outdated(step: StepNow) -> Reason | None:
    """Return what a step says that found the plan out of date; None for all others."""
    if step.state is not StepState.FAILED:
        return None
    said = step.record.said or plain(step.record.message)
    if said.code == stepping.BROKEN or step.record.message.startswith(_OUTDATED):
        return said
    return None


def _wake(run: RunNow, context: Context) -> Result:
    commands: list[Command] = []
    for step in run.steps:
        if step.phase is Phase.RESTING and step.due <= context.now.ticks:
            run = run.put(replace(step, phase=Phase.LOOKING))
            commands.append(Look(step.record.number))
    return run, tuple(commands)


def _start(run: RunNow, context: Context) -> Result:
    """Begin to look for every step whose turn it is and that has room."""
    if run.record.state is not RunState.RUNNING or run.record.cancelling or run.broken:
        return run, ()
    used, commands = context.others, list[Command]()
    for step in run.steps:
        if step.active:
            used = used.plus(run.wish(step.record.number).action, context.inventory)
    for step in run.steps:
        action = run.wish(step.record.number).action
        if _ready(run, step) and has_room(action, used, context.inventory, context.settings):
            used = used.plus(action, context.inventory)
            run = run.put(
                replace(step, phase=Phase.LOOKING, tried_at=context.now.ticks, late_at=0.0)
            )
            commands.append(Look(step.record.number))
    return run, tuple(commands)


def _ready(run: RunNow, step: StepNow) -> bool:
    if step.active or step.state is not StepState.WAITING:
        return False
    return all(run.step(before).state in PASSED for before in run.wish(step.record.number).after)


def _end(run: RunNow, context: Context) -> RunNow:
    """End a run in which nothing is going on and nothing can begin."""
    record = run.record
    if run.over or any(step.active for step in run.steps):
        return run
    if record.state is RunState.INTERRUPTED and not record.cancelling:
        return run
    stopping = record.cancelling or run.broken is not None
    if not stopping and any(_ready(run, step) for step in run.steps):
        return run
    states = {step.state for step in run.steps}
    if StepState.NEEDS_HUMAN in states and not record.cancelling:
        return replace(run, record=_saying(replace(record, state=RunState.NEEDS_HUMAN), run))
    for step in run.steps:
        if step.state is StepState.WAITING:
            code = "run.cancelled" if record.cancelling else "run.before-failed"
            run = run.put(stepping.ended(step, StepState.CANCELLED, reason(code), context))
    state = RunState.DONE
    if record.cancelling and not states <= PASSED:
        state = RunState.CANCELLED
    elif StepState.FAILED in states or StepState.CANCELLED in states:
        state = RunState.FAILED
    ended = replace(_saying(record, run), state=state, ended_at=context.now.at, paused=False)
    return replace(run, record=ended)


def _saying(record: RunRecord, run: RunNow) -> RunRecord:
    why = _why(run)
    return replace(record, message="" if why is None else say(why), said=why)


def _why(run: RunNow) -> Reason | None:
    """Return what the first step that went wrong says, None if none did."""
    for wanted in (StepState.NEEDS_HUMAN, StepState.FAILED):
        for step in run.steps:
            if step.state is wanted:
                told = step.record.said or plain(step.record.message)
                return reason("run.step", number=step.record.number, why=told)
    return None


def _asked(run: RunNow, event: Asked, context: Context) -> RunNow:
    record = run.record
    if event.request in (Request.SKIP, Request.RETRY, Request.READY):
        return _asked_of_step(run, event, context)
    if run.over:
        raise Conflict(f"run {record.id} is {record.state}", hint="it has ended")
    match event.request:
        case Request.PAUSE:
            if record.cancelling:
                raise Conflict(f"run {record.id} is being cancelled")
            if record.state is RunState.INTERRUPTED:
                raise Conflict(f"run {record.id} is interrupted", hint="nothing of it goes on")
            return replace(run, record=replace(record, paused=True, state=RunState.PAUSED))
        case Request.RESUME:
            going = replace(record, paused=False, state=RunState.RUNNING)
            if record.state is RunState.INTERRUPTED:
                going = replace(going, message="", said=None)
            return replace(run, record=going)
        case _:
            changed = replace(record, cancelling=True, paused=False, state=RunState.RUNNING)
            return replace(run, record=changed)


def _asked_of_step(run: RunNow, event: Asked, context: Context) -> RunNow:
    if not 0 < event.number <= len(run.steps):
        raise NotFound(f"run {run.record.id} has no step {event.number}")
    step = run.step(event.number)
    stuck = step.state in (StepState.FAILED, StepState.NEEDS_HUMAN)
    if event.request is Request.READY:
        return run.put(handover.said_ready(step, run.wish(event.number).action, context.now.ticks))
    if event.request is Request.SKIP:
        if step.active or not (stuck or step.state is StepState.WAITING):
            raise Conflict(f"step {event.number} is {step.state} and cannot be skipped")
        step = stepping.ended(step, StepState.SKIPPED, reason("run.skipped"), context)
    else:
        if not stuck:
            raise Conflict(f"step {event.number} is {step.state}; nothing to retry")
        step = _fresh(run, step, context)
    return _reopened(run.put(step))


def _fresh(run: RunNow, step: StepNow, context: Context) -> StepNow:
    """Return a step to be tried again; what a migration may have done is not forgotten."""
    memory, moving = recall(step.record.result), False
    if step.state is StepState.NEEDS_HUMAN:
        moving = isinstance(run.wish(step.record.number).action, MigrateVm)
    memory = memory if moving else replace(memory, sent=False)
    record = replace(
        step.record,
        state=StepState.BEGUN if moving else StepState.WAITING,
        attempts=0,
        message="",
        said=None,
        ended_at=0.0,
        result=remember(memory),
    )
    phase = Phase.RESTING if moving else Phase.IDLE
    now = context.now.ticks
    return StepNow(record=record, phase=phase, due=now, tried_at=now)


_REOPENED = frozenset(
    {RunState.FAILED, RunState.NEEDS_HUMAN, RunState.CANCELLED, RunState.INTERRUPTED}
)


def _reopened(run: RunNow) -> RunNow:
    """Let a run that ended or waits for a person go on, with the steps that were given up."""
    if run.record.state not in _REOPENED:
        return run
    steps = (
        replace(
            s,
            record=replace(stepping.saying(s.record, None), state=StepState.WAITING, ended_at=0.0),
        )
        if s.state is StepState.CANCELLED
        else s
        for s in run.steps
    )
    state = RunState.PAUSED if run.record.paused else RunState.RUNNING
    record = replace(run.record, state=state, cancelling=False, ended_at=0.0)
    record = replace(record, message="", said=None)
    return replace(run, record=record, steps=tuple(steps), broken=None)
