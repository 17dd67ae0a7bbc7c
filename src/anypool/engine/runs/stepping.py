"""One step of a run: from what a look showed, or a deed returned, to its next move."""

import math

from msgspec.structs import replace

from anypool.clock import backoff
from anypool.engine.runs import beginning, handover, migration, tasks
from anypool.engine.runs.decision import (
    Act,
    AskHuman,
    Decision,
    Deed,
    Done,
    Fail,
    Memory,
    Wait,
    Withdraw,
    recall,
    remember,
)
from anypool.engine.runs.intent import intended
from anypool.engine.runs.judging import OfFailure
from anypool.engine.runs.look import Trail, judge
from anypool.engine.runs.sight import Sight
from anypool.engine.runs.state import (
    Acted,
    Command,
    Context,
    Do,
    Look,
    Outcome,
    Phase,
    RunNow,
    StepNow,
)
from anypool.model import JobState
from anypool.plan import (
    Action,
    AwaitReady,
    FenceHost,
    HandOver,
    JoinHost,
    MigrateVm,
    PowerOffHost,
    PowerOffServer,
    PowerOnHost,
    PowerOnServer,
    Reason,
    ServerAction,
    Step,
    VerifyHost,
    VerifyServer,
    broken,
    plain,
    reason,
    say,
)
from anypool.settings import Settings
from anypool.store.records import StepRecord, StepState

SOON_S = 0.02
SOON_FOR_S = 2.0
NOTE_EVERY_S = 1.0
REST_MAX_S = 5.0
SELDOM = 20
"""Looks at a host that is serviced are so many times as far apart as at a migration."""
SLOWLY = 8
"""And those at a host that goes down or comes up."""
BUSY_S = 1.0

_SLOW = HandOver | VerifyHost | PowerOffHost | PowerOnHost | FenceHost | ServerAction
Moved = tuple[StepNow, tuple[Command, ...]]


def tag_of(record: StepRecord) -> str:
    """Return the name of a step that is written into what it makes."""
    return f"{record.run}/{record.number}"


def looked(run: RunNow, number: int, sight: Sight | None, context: Context) -> Moved:
    """Return a step after a look, and what to do next; without a sight it looks again."""
    if sight is None:
        sight = Sight(inventory=context.inventory, answered=False)
        step, wait = _noted(run.step(number), sight, context), Wait(reason("run.no-answer"))
        return _rest(_compared(step, wait, context), wait, sight, (run.wish(number), context))
    step = _noted(run.step(number), sight, context)
    wish = run.wish(number)
    if isinstance(wish.action, HandOver):
        step = _remembering(step, handover.noted(wish.action, sight, step.record, context))
    memory = tasks.adopted(recall(step.record.result), sight.job)
    if isinstance(wish.action, MigrateVm):
        pair = (sight.at(wish.action.source).copy, sight.at(wish.action.target).copy)
        ends = (wish.action.source, wish.action.target)
        found = (seen.copy for seen in sight.seen if seen.host not in ends)
        memory = migration.noted(pair, memory, found, sight.job)
    step = _remembering(step, memory)
    stopping = run.record.cancelling or run.record.paused or bool(run.broken)
    if step.state is StepState.WAITING and stopping:
        return replace(step, phase=Phase.IDLE), ()
    trail = Trail(
        tag=tag_of(step.record),
        memory=memory,
        acked=step.acked,
        cancelling=run.record.cancelling,
    )
    decision = judge(wish.action, sight, trail, context.times)
    if isinstance(wish.action, HandOver):
        decision = handover.timed(wish.action, sight, memory, (decision, context))
    step = _compared(step, decision, context)
    if _patient(step, decision, context):
        return _rest(step, decision, sight, (wish, context))
    match decision:
        case Act(deed=Deed.PERFORM):
            return _perform(step, decision, sight, (run, context))
        case Act():
            return _correct(step, decision)
        case Wait():
            return _rest(step, decision, sight, (wish, context))
        case _:
            return _concluded(step, decision, sight, context)


def acted(run: RunNow, event: Acted, context: Context) -> Moved:
    """Return a step after a deed, and what to do next."""
    step = run.step(event.number)
    deed, memory = step.deed, recall(step.record.result)
    step = replace(step, acked=event.outcome is Outcome.DONE, deed=None, last=None)
    if event.outcome is Outcome.UNDER_WAY:
        step = _remembering(step, replace(memory, handle=event.handle))
        told = saying(step.record, tasks.works(event.handle))
        step = replace(step, record=told)
        return replace(step, phase=Phase.RESTING, due=context.now.ticks + SOON_S), ()
    if event.outcome is Outcome.REFUSED and deed is Deed.PERFORM:
        return ended(step, StepState.FAILED, plain(event.message), context), ()
    if deed is Deed.PERFORM:
        step = _sent(step, event.outcome, memory, context)
    if event.outcome is Outcome.BUSY:
        if deed is Deed.PERFORM:
            attempts = step.record.attempts - 1
            step = replace(step, record=replace(step.record, attempts=attempts))
        action = run.wish(event.number).action
        return _queued(step, action, plain(event.message), context), ()
    if event.outcome is Outcome.DONE and deed is Deed.DISCARD_TARGET:
        step = _remembering(step, replace(memory, never_ran=True))
    if event.message:
        step = replace(step, record=saying(step.record, plain(event.message)))
    if event.outcome is Outcome.REFUSED:
        return _refused(step, run.wish(event.number).action, context), ()
    if event.outcome is Outcome.NOT_SENT:
        due = context.now.ticks + _pause(step.record.attempts, context.settings)
        return replace(step, phase=Phase.RESTING, due=due), ()
    return replace(step, phase=Phase.LOOKING), (Look(event.number),)


def _sent(step: StepNow, outcome: Outcome, memory: Memory, context: Context) -> StepNow:
    """Return a step whose order went out, and its time begins; or that did not go out."""
    if outcome in (Outcome.NOT_SENT, Outcome.BUSY):
        return _remembering(step, replace(memory, sent=step.sent_before))
    return replace(step, tried_at=context.now.ticks, late_at=0.0)


def _refused(step: StepNow, action: Action, context: Context) -> StepNow:
    """Return a step of which a deed after its own was refused: tried again until it is late."""
    settings = context.settings
    moves = isinstance(action, MigrateVm)
    limit_s = settings.migration_deadline_s if moves else _deadline(action, settings)
    if context.now.ticks - step.tried_at > limit_s:
        late = reason("run.late", limit=limit_s, why=step.record.said or plain(""))
        return ended(step, StepState.NEEDS_HUMAN, late, context)
    due = context.now.ticks + _pause(step.record.attempts, settings)
    return replace(step, phase=Phase.RESTING, due=due)


def _queued(step: StepNow, action: Action, why: Reason, context: Context) -> StepNow:
    """Return a step whose turn at the platform has not come; that is no attempt of its own."""
    limit_s, state = context.settings.migration_deadline_s, StepState.NEEDS_HUMAN
    if isinstance(action, AwaitReady | JoinHost):
        limit_s = action.within_s if isinstance(action, JoinHost) else action.ready.timeout_s
        state = StepState.FAILED
    if context.now.ticks - step.tried_at > limit_s:
        return ended(step, state, reason("run.late", limit=limit_s, why=why), context)
    record = saying(step.record, why)
    return replace(step, record=record, phase=Phase.RESTING, due=context.now.ticks + BUSY_S)


def saying(record: StepRecord, why: Reason | None) -> StepRecord:
    """Return the row of a step that says why, as a value and in English words."""
    return replace(record, message="" if why is None else say(why), said=why)


def ended(step: StepNow, state: StepState, why: Reason | None, context: Context) -> StepNow:
    """Return a step that ended in a state."""
    now = context.now.at
    begun_at = step.record.begun_at or (now if state is StepState.DONE else 0.0)
    record = replace(saying(step.record, why), state=state, begun_at=begun_at, ended_at=now)
    return replace(step, record=record, phase=Phase.IDLE, deed=None, last=None)


def _noted(step: StepNow, sight: Sight, context: Context) -> StepNow:
    """Take over the progress of a job, at most once a second, and its pause at its end."""
    job, now = sight.job, context.now.ticks
    step = replace(step, unanswered=0 if sight.answered else step.unanswered + 1)
    if job is None or job.state not in (JobState.RUNNING, JobState.DONE):
        return step
    if job.state is JobState.RUNNING and now - step.noted_at < NOTE_EVERY_S:
        return step
    record = replace(
        step.record,
        progress_bytes_total=max(job.bytes_total, step.record.progress_bytes_total),
        progress_bytes_left=job.bytes_left,
        pause_ms=job.pause_ms,
    )
    return replace(step, record=record, noted_at=now)


def _compared(step: StepNow, decision: Decision, context: Context) -> StepNow:
    """Note since when looks lead to the same decision; the words may differ."""
    last = step.last
    same = _kind(last) == _kind(decision)
    return replace(step, last=decision, since=step.since if same else context.now.ticks)


def _kind(decision: Decision | None) -> tuple[object, ...]:
    match decision:
        case Act(deed=deed):
            return (Act, deed)
        case Wait(soon=soon):
            return (Wait, soon)
        case _:
            return (type(decision),)


def _patient(step: StepNow, decision: Decision, context: Context) -> bool:
    return context.now.ticks - step.since < _patience(decision)


def _patience(decision: Decision) -> float:
    return 0.0 if isinstance(decision, Wait) else decision.patience_s


def _rest(step: StepNow, decision: Decision, sight: Sight, about: tuple[Step, Context]) -> Moved:
    wish, context = about
    settings, begun = context.settings, step.state is StepState.BEGUN
    moving = begun and (isinstance(wish.action, MigrateVm) or tasks.goes_on(sight.job))
    why = decision.why if isinstance(decision, Wait | Act) else None
    beside = why is not None and why.code == BESIDE
    limit_s = settings.migration_deadline_s
    deadline = limit_s if moving or beside else _deadline(wish.action, settings)
    now = context.now.ticks
    if now - step.tried_at > deadline and not step.late_at:
        return replace(step, phase=Phase.RESTING, due=now, late_at=now), ()
    if now - step.tried_at > deadline and now - step.late_at >= _patience(decision):
        decided = begun and not isinstance(wish.action, OfFailure)  # those the guard takes up again
        state = StepState.NEEDS_HUMAN if decided else StepState.FAILED
        late = reason("run.late", limit=deadline, why=why or reason("run.not-all-answer"))
        return ended(step, state, _seen(late, sight), context), ()
    hurries = isinstance(decision, Wait) and decision.soon
    soon = hurries and context.now.ticks - step.since < SOON_FOR_S
    seconds = SOON_S if soon else _pause(step.unanswered, settings)
    if beside:
        step, seconds = replace(step, record=saying(step.record, why)), BUSY_S
    if isinstance(wish.action, _SLOW):
        seldom = SELDOM if isinstance(wish.action, HandOver) else SLOWLY
        seconds = min(seldom * settings.look_every_s, REST_MAX_S)
        step = replace(step, record=saying(step.record, why))
    return replace(step, phase=Phase.RESTING, due=context.now.ticks + seconds), ()


def _deadline(action: Action, settings: Settings) -> float:
    """Return how long to wait in vain; for people who service a host, as long as it takes."""
    match action:
        case AwaitReady(ready=ready):
            return ready.delay_s + ready.timeout_s
        case VerifyHost() | PowerOnHost() | VerifyServer() | PowerOnServer() | JoinHost():
            return action.within_s
        case PowerOffHost() | PowerOffServer():
            return settings.host_shut_down_wait_s + settings.step_deadline_s
        case HandOver():
            return math.inf
        case _:
            return settings.step_deadline_s


def _pause(failures: int, settings: Settings) -> float:
    """Return how long to rest; it doubles with each failure in a row."""
    return backoff(settings.look_every_s, REST_MAX_S, failures)


def _perform(step: StepNow, decision: Act, sight: Sight, about: tuple[RunNow, Context]) -> Moved:
    """Write into the journal that the action itself will be done, then do it."""
    run, context = about
    record, wish = step.record, run.wish(step.record.number)
    if (held := _held(step, sight, about)) is not None:
        return held
    if record.attempts >= context.settings.attempts_max:
        last = decision.why or record.said or plain(record.message)
        up = reason("run.given-up", attempts=record.attempts, why=last)
        return ended(step, StepState.FAILED, up, context), ()
    begun = replace(
        saying(record, decision.why),
        state=StepState.BEGUN,
        attempts=record.attempts + 1,
        begun_at=record.begun_at or context.now.at,
        result=remember(intended(wish, sight, recall(record.result), context.now.at)),
    )
    step = replace(step, record=begun, phase=Phase.ACTING, deed=Deed.PERFORM, last=None)
    return replace(step, sent_before=recall(record.result).sent), (Do(record.number, Deed.PERFORM),)


BROKEN = "run.broken"
BESIDE = "run.beside"


def _held(step: StepNow, sight: Sight, about: tuple[RunNow, Context]) -> Moved | None:
    """Return a step that does not begin now, or never any more; None for one that may."""
    run, context = about
    wish = run.wish(step.record.number)
    if not sight.answered:
        return _rest(step, Wait(reason("run.not-all-answer")), sight, (wish, context))
    if (why := broken(wish, sight.inventory)) is not None and ("state", "unknown") in why.facts:
        return _rest(step, Wait(why), sight, (wish, context))
    if why is None and (against := beginning.refused(run, wish.number, context)) is not None:
        if against.passes:
            return _rest(step, Wait(reason(BESIDE, why=against.why)), sight, (wish, context))
        why = against.why
    if why is None:
        return None
    return ended(step, StepState.FAILED, reason(BROKEN, why=why), context), ()


def _correct(step: StepNow, decision: Act) -> Moved:
    """Write into the journal what will be put right, then do it."""
    memory = recall(step.record.result)
    if decision.deed is Deed.CANCEL_MIGRATION:
        memory = replace(memory, called_back=True)
    told = decision.why
    why = None if told is None else reason("run.deed", deed=decision.deed, why=told)
    record = replace(saying(step.record, why), state=StepState.BEGUN, result=remember(memory))
    step = replace(step, record=record, phase=Phase.ACTING, deed=decision.deed, last=None)
    return step, (Do(record.number, decision.deed),)


def _seen(why: Reason, sight: Sight) -> Reason:
    """Return a reason with what was seen on the hosts behind it."""
    return reason("run.seen", why=why, seen=sight.told()) if sight.seen else why


def _remembering(step: StepNow, memory: Memory) -> StepNow:
    return replace(step, record=replace(step.record, result=remember(memory)))


def _concluded(
    step: StepNow, decision: Done | Fail | AskHuman | Withdraw, sight: Sight, context: Context
) -> Moved:
    match decision:
        case Done(message=message):
            step = replace(step, record=replace(step.record, progress_bytes_left=0))
            return ended(step, StepState.DONE, message, context), ()
        case Fail(why=why):
            return ended(step, StepState.FAILED, why, context), ()
        case AskHuman(why=why):
            return ended(step, StepState.NEEDS_HUMAN, _seen(why, sight), context), ()
        case Withdraw(why=why):
            return ended(step, StepState.CANCELLED, why, context), ()
