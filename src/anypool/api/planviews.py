"""What the API shows of plans, their steps and operations."""

from typing import Any

import msgspec
from msgspec import Struct

from anypool.api.language import ReasonView, language, reason_view, told
from anypool.api.priceviews import CorrectionView, correction_view
from anypool.api.views import time_or_none
from anypool.engine.runs.measuring import took_ms
from anypool.model import Inventory
from anypool.plan import (
    Correction,
    Cost,
    OutlinedStep,
    Proven,
    Reason,
    Redeemed,
    Step,
    goal_of,
    names_of,
    plain,
    reason,
    render,
    tell,
)
from anypool.plan.render import Names, redeeming
from anypool.service.operations import Operation, OperationInFull
from anypool.store.records import (
    FINAL_RUN_STATES,
    PlanRecord,
    PlanSummary,
    RunRecord,
    StepRecord,
    StepState,
)

_ENDED = frozenset({StepState.DONE, StepState.SKIPPED})


class Progress(Struct, frozen=True, kw_only=True):
    """How far a copy is."""

    bytes_total: int
    bytes_left: int


class StepView(Struct, frozen=True, kw_only=True):
    """A step of a plan; what is known of its run is null until it ran.

    `unknown` names an action of another release, which is shown as stored and never run.
    """

    number: int
    action: dict[str, Any]
    text: str
    why: str
    reason: ReasonView | None
    after: tuple[int, ...]
    cost: Cost
    state: str | None = None
    message: str | None = None
    said: ReasonView | None = None
    progress: Progress | None = None
    attempts: int = 0
    begun_at: float | None = None
    ended_at: float | None = None
    pause_ms: int = 0
    took_ms: int | None = None
    took_bytes: int | None = None
    unknown: str = ""


class BoundView(Struct, frozen=True, kw_only=True):
    """A figure of a plan, and what is proven that no plan can be below.

    `what` is `moves`, `hosts`, `time` (milliseconds, of these steps in any order) or `imbalance`
    (hundredths of a percent of a host). `gap_percent` is null above a bound of 0.
    """

    what: str
    reached: int
    bound: int
    gap_percent: float | None


class RejectedView(Struct, frozen=True, kw_only=True):
    """A host that was considered for a VM and not chosen, and why."""

    vm: str
    host: str
    vm_name: str
    host_name: str
    why: str
    reason: ReasonView | None


class RedeemedView(Struct, frozen=True, kw_only=True):
    """What a plan takes of a booking: `memory_mib` of what is kept on `host`, an id."""

    booking: str
    host: str
    host_name: str
    memory_mib: int
    why: str


class TakenOutView(Struct, frozen=True, kw_only=True):
    """What somebody took out of a plan: a `vm` that stays, or a `host` that nothing comes to."""

    kind: str
    name: str


class PlanView(Struct, frozen=True, kw_only=True):
    """A plan; `text` is the whole of it as a person reads it.

    `unknown` names the actions this release does not know; such a plan is never run.
    `waived` says what spoke against it and was overruled, `redeems` which bookings it takes.
    `bounds` says how near it is to the
    best possible, `corrections` what runs taught about its price, null where nobody knows.
    `taken_out` is what somebody took out of the plan `remade_from`, "" where nobody did.
    """

    id: str
    goal: str
    state: str
    by: str
    created_at: float
    changed_at: float
    note: str
    operation: str | None
    cost: Cost
    steps: tuple[StepView, ...]
    rejected: tuple[RejectedView, ...]
    text: str
    unknown: tuple[str, ...] = ()
    policy: str | None = None
    waived: tuple[str, ...] = ()
    redeems: tuple[RedeemedView, ...] = ()
    bounds: tuple[BoundView, ...] = ()
    corrections: tuple[CorrectionView, ...] | None = None
    taken_out: tuple[TakenOutView, ...] = ()
    remade_from: str = ""


class PlanRow(Struct, frozen=True, kw_only=True):
    """A plan in a list; `steps` counts them."""

    id: str
    goal: str
    state: str
    by: str
    created_at: float
    changed_at: float
    note: str
    operation: str | None
    cost: Cost
    steps: int
    unknown: tuple[str, ...] = ()
    policy: str | None = None


class OperationRow(Struct, frozen=True, kw_only=True):
    """An operation in a list."""

    id: str
    plan: str
    goal: str
    state: str
    by: str
    started_at: float | None
    ended_at: float | None
    message: str
    said: ReasonView | None
    paused: bool
    cancelling: bool
    steps_total: int
    steps_done: int
    progress_percent: int


class OperationView(OperationRow, frozen=True, kw_only=True):
    """An operation with its steps, what was quoted for it, and what it took if it has ended."""

    steps: tuple[StepView, ...]
    cost: Cost
    took: Cost | None


class Accepted(Struct, frozen=True, kw_only=True):
    """What was begun; follow it at its Location."""

    operation: OperationView


def plan_view(
    record: PlanRecord,
    inventory: Inventory,
    steps: tuple[StepRecord, ...] = (),
    corrections: tuple[Correction, ...] | None = None,
) -> PlanView:
    """Return a plan as it is shown, with the steps of its latest run."""
    names = names_of(record.plan, inventory)
    return PlanView(
        id=record.id,
        goal=told(goal_of(record.plan)),
        state=record.state,
        by=record.by,
        created_at=record.created_at,
        changed_at=record.changed_at,
        note=told(record.said, record.note),
        operation=record.run,
        cost=record.plan.cost,
        steps=_steps(record, steps, names),
        rejected=tuple(
            RejectedView(
                vm=refusal.vm,
                host=refusal.host,
                vm_name=names(refusal.vm),
                host_name=names(refusal.host),
                why=told(refusal.why),
                reason=reason_view(refusal.why),
            )
            for refusal in record.plan.rejected
        ),
        text=_outlined_text(record) if record.unknown else render(record.plan, names, language()),
        unknown=record.unknown,
        policy=record.policy,
        waived=tuple(map(told, record.plan.waived)),
        redeems=tuple(_redeemed(one, names) for one in record.plan.redeems),
        bounds=tuple(map(_bound, record.plan.bounds)),
        corrections=None
        if corrections is None
        else tuple(correction_view(one, inventory) for one in corrections),
    )


def _redeemed(one: Redeemed, names: Names) -> RedeemedView:
    return RedeemedView(
        booking=one.booking,
        host=one.host,
        host_name=names(one.host),
        memory_mib=one.memory_mib,
        why=told(redeeming(one, names)),
    )


def _bound(one: Proven) -> BoundView:
    gap = None if one.gap is None else one.gap / 100
    return BoundView(what=one.what, reached=one.reached, bound=one.bound, gap_percent=gap)


def plan_row(summary: PlanSummary) -> PlanRow:
    """Return a plan as it is shown in a list."""
    return PlanRow(
        id=summary.id,
        goal=told(summary.aim, summary.goal),
        state=summary.state,
        by=summary.by,
        created_at=summary.created_at,
        changed_at=summary.changed_at,
        note=told(summary.said, summary.note),
        operation=summary.run,
        cost=summary.cost,
        steps=summary.steps,
        unknown=summary.unknown,
        policy=summary.policy,
    )


def operation_row(operation: Operation) -> OperationRow:
    """Return an operation as it is shown in a list."""
    return OperationRow(
        **_common(operation.run, operation.aim or plain(operation.goal), operation.steps)
    )


def operation_view(operation: OperationInFull, inventory: Inventory) -> OperationView:
    """Return an operation as it is shown."""
    plan = operation.plan.plan
    return OperationView(
        **_common(operation.run, goal_of(plan), operation.steps),
        steps=_steps(operation.plan, operation.steps, names_of(plan, inventory)),
        cost=plan.cost,
        took=_took(operation.run, operation.steps),
    )


def _took(run: RunRecord, steps: tuple[StepRecord, ...]) -> Cost | None:
    """Return what a run took; None before its end. Nobody measures its energy."""
    if not run.ended_at:
        return None
    return Cost(
        copy_bytes=sum(step.progress_bytes_total for step in steps),
        duration_ms=round(1000 * (run.ended_at - run.started_at)),
        pause_ms=max((step.pause_ms for step in steps), default=0),
    )


def _common(run: RunRecord, goal: Reason, steps: tuple[StepRecord, ...]) -> dict[str, Any]:
    done = sum(step.state in _ENDED for step in steps)
    return {
        "id": run.id,
        "plan": run.plan,
        "goal": told(goal),
        "state": run.state,
        "by": run.by,
        "started_at": time_or_none(run.started_at),
        "ended_at": time_or_none(run.ended_at),
        "message": told(run.said, run.message),
        "said": reason_view(run.said),
        "paused": run.paused,
        "cancelling": run.cancelling,
        "steps_total": len(steps),
        "steps_done": done,
        "progress_percent": _percent(run, steps),
    }


def _percent(run: RunRecord, steps: tuple[StepRecord, ...]) -> int:
    if run.state in FINAL_RUN_STATES and all(step.state in _ENDED for step in steps):
        return 100
    share = sum(map(_share, steps)) / max(1, len(steps))
    return min(99, int(100 * share))


def _share(step: StepRecord) -> float:
    if step.state in _ENDED:
        return 1.0
    if step.state is not StepState.BEGUN or not step.progress_bytes_total:
        return 0.0
    return max(0.0, 1 - step.progress_bytes_left / step.progress_bytes_total)


def _steps(plan: PlanRecord, records: tuple[StepRecord, ...], names: Names) -> tuple[StepView, ...]:
    journal = {record.number: record for record in records}
    views = [*map(_outlined, plan.outline), *(_planned(step, names) for step in plan.plan)]
    return tuple(_followed(view, journal.get(view.number)) for view in views)


def _planned(step: Step, names: Names) -> StepView:
    return StepView(
        number=step.number,
        action=msgspec.to_builtins(step.action),
        text=told(tell(step.action, names)),
        why=told(step.why),
        reason=reason_view(step.why),
        after=tuple(sorted(step.after)),
        cost=step.cost,
    )


def _outlined(step: OutlinedStep) -> StepView:
    return StepView(
        number=step.number,
        action=step.action,
        text=told(step.tells),
        why=told(step.why),
        reason=reason_view(step.why),
        after=step.after,
        cost=step.cost,
        unknown=step.unknown,
    )


def _outlined_text(record: PlanRecord) -> str:
    """Return a plan of another release as text."""
    head = reason("plan.unknown-head", goal=goal_of(record.plan), actions=record.unknown)
    steps = (f"{s.number:3}. {told(s.tells)}  - {told(s.why)}" for s in record.outline)
    return "\n".join((told(head), *steps))


def _followed(view: StepView, record: StepRecord | None) -> StepView:
    if record is None:
        return view
    total, left = record.progress_bytes_total, record.progress_bytes_left
    return msgspec.structs.replace(
        view,
        state=record.state.value,
        message=told(record.said, record.message),
        said=reason_view(record.said),
        progress=Progress(bytes_total=total, bytes_left=left) if total else None,
        attempts=record.attempts,
        begun_at=time_or_none(record.begun_at),
        ended_at=time_or_none(record.ended_at),
        pause_ms=record.pause_ms,
        took_ms=took_ms(record) or None,
        took_bytes=total or None,
    )
