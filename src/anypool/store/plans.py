"""Plans and their life. What a plan says never changes; its state does."""

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Integer, Row, bindparam, select, update

from anypool.errors import Conflict, Invalid, NotFound
from anypool.model import PlanId, PolicyId, RunId, VmId
from anypool.plan import (
    Plan,
    PlanState,
    Reason,
    decode_plan,
    encode_plan,
    moves_in,
    outline,
    say,
    unknown_actions,
)
from anypool.store.pages import LIMIT_MAX, Ask, page
from anypool.store.records import Page, PlanRecord, PlanSummary
from anypool.store.tables import plans
from anypool.store.tx import Told, Tx, from_row

_BY_ID = select(plans).where(plans.c.id == bindparam("this"))
_CHANGE = update(plans).where(plans.c.id == bindparam("this"))
_OF_POLICY = (
    select(plans)
    .where(plans.c.policy == bindparam("this"), plans.c.created_at >= bindparam("since"))
    .order_by(plans.c.number.desc())
    .limit(bindparam("most", type_=Integer))
)


def add(
    tx: Tx,
    plan_id: PlanId,
    plan: Plan,
    *,
    by: str,
    made_by: tuple[PolicyId | None, PlanState] = (None, PlanState.RECOMMENDED),
) -> PlanRecord:
    """Store a new plan; raise `Conflict` if the id is taken.

    `made_by` is the policy it comes from and the state it begins in: RECOMMENDED or SHADOW.
    """
    policy, state = made_by
    tx.tell(Told(f"plan.{state}", "plan", plan_id, plan.goal, by=by, plan=plan_id))
    tx.add(
        plans,
        {
            "id": plan_id,
            "goal": plan.goal,
            "state": state.value,
            "by": by,
            "created_at": tx.now,
            "changed_at": tx.now,
            "steps": len(plan.steps),
            "cost": msgspec.to_builtins(plan.cost),
            "run": None,
            "note": "",
            "aim": _built(plan.aim),
            "said": None,
            "body": encode_plan(plan),
            "policy": policy,
        },
    )
    return get(tx, plan_id)


def get(tx: Tx, plan_id: PlanId) -> PlanRecord:
    """Return a plan; raise `NotFound`, or `Invalid` if another release stored it."""
    row = _row(tx, plan_id)
    return PlanRecord(
        id=plan_id,
        plan=decode_plan(row.body),
        state=PlanState(row.state),
        by=row.by,
        created_at=row.created_at,
        changed_at=row.changed_at,
        run=row.run,
        note=row.note,
        said=_read(row.said),
        policy=row.policy,
    )


def body(tx: Tx, plan_id: PlanId) -> bytes:
    """Return a plan as it was encoded; raise `NotFound`."""
    return bytes(_row(tx, plan_id).body)


def readable(tx: Tx, plan_id: PlanId) -> PlanRecord:
    """Return a plan; of one that another release stored, its steps as they were stored."""
    try:
        return get(tx, plan_id)
    except Invalid:
        row = _row(tx, plan_id)
        known = _summary(row)
        return PlanRecord(
            id=known.id,
            plan=Plan(goal=known.goal, cost=known.cost, aim=known.aim),
            state=known.state,
            by=known.by,
            created_at=known.created_at,
            changed_at=known.changed_at,
            run=known.run,
            note=known.note,
            said=known.said,
            unknown=known.unknown or ("?",),
            outline=outline(row.body),
            policy=known.policy,
        )


def summary(tx: Tx, plan_id: PlanId) -> PlanSummary:
    """Return what can be said of any plan, also of another release; raise `NotFound`."""
    return _summary(_row(tx, plan_id))


def set_state(
    tx: Tx,
    plan_id: PlanId,
    new: PlanState,
    *,
    only_from: Collection[PlanState],
    note: Reason | None = None,
) -> None:
    """Change the state; raise `NotFound`, or `Conflict` unless it is in one of `only_from`."""
    values: dict[str, object] = {"state": new.value, "changed_at": tx.now}
    if note is not None:
        values |= {"note": say(note), "said": _built(note)}
    allowed = sorted(state.value for state in only_from)
    met = tx.run(
        update(plans).where(plans.c.id == plan_id, plans.c.state.in_(allowed)).values(values)
    )
    if not met:
        now = _row(tx, plan_id).state
        raise Conflict(
            f"plan {plan_id} is {now} and cannot become {new}",
            hint=f"only a plan that is {' or '.join(allowed)} can",
        )


def set_run(tx: Tx, plan_id: PlanId, run: RunId) -> None:
    """Note the latest run of a plan; raise `NotFound`."""
    if not tx.run(_CHANGE, [{"this": plan_id, "run": run}]):
        raise _not_found(plan_id)


def supersede(tx: Tx, plan_ids: Collection[PlanId] | None, note: Reason) -> int:
    """Mark those that did not run yet as SUPERSEDED, None for all; return how many."""
    waiting = [PlanState.RECOMMENDED.value, PlanState.APPROVED.value]
    named = () if plan_ids is None else (plans.c.id.in_(list(plan_ids)),)
    return tx.run(
        update(plans)
        .where(plans.c.state.in_(waiting), *named)
        .values(
            state=PlanState.SUPERSEDED.value,
            changed_at=tx.now,
            note=say(note),
            said=_built(note),
        )
    )


def list_plans(
    tx: Tx, ask: Ask, *, states: Collection[PlanState] | None = None
) -> Page[PlanSummary]:
    """Return a page of plans, newest first; of all states unless some are named."""
    if states is None:
        return page(tx, plans, ask, _summary)
    return page(tx, plans, ask, _summary, plans.c.state.in_([state.value for state in states]))


def of_policy(
    tx: Tx, policy: PolicyId, *, since: float = 0.0, limit: int = LIMIT_MAX
) -> tuple[PlanSummary, ...]:
    """Return the plans that a policy made since a moment, newest first, at most `limit`."""
    rows = tx.rows(_OF_POLICY, this=policy, since=since, most=limit)
    return tuple(_summary(row) for row in rows)


def moves(tx: Tx, plan_ids: Collection[PlanId]) -> dict[PlanId, tuple[tuple[int, VmId], ...]]:
    """Return the migrations in some plans: the numbers of their steps, and the VMs."""
    query = select(plans.c.id, plans.c.body).where(plans.c.id.in_(list(plan_ids)))
    return {PlanId(row.id): moves_in(row.body) for row in tx.rows(query)}


def _built(why: Reason | None) -> object:
    return None if why is None else msgspec.to_builtins(why)


def _read(stored: object) -> Reason | None:
    return msgspec.convert(stored, Reason | None)


def _summary(row: Row[Any]) -> PlanSummary:
    return from_row(row, PlanSummary, unknown=unknown_actions(row.body))


def _row(tx: Tx, plan_id: PlanId) -> Row[Any]:
    if (row := tx.row(_BY_ID, this=plan_id)) is None:
        raise _not_found(plan_id)
    return row


def _not_found(plan_id: PlanId) -> NotFound:
    return NotFound(f"there is no plan {plan_id}", hint="`anypool plan list` shows them")
