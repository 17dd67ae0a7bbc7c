"""The journal: what was begun and what came of it, written before and after each deed."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, select, update

from anypool.errors import NotFound
from anypool.model import PlanId, RunId
from anypool.store import plans
from anypool.store.pages import Ask, page
from anypool.store.records import (
    FINAL_RUN_STATES,
    Page,
    RunRecord,
    RunState,
    StepRecord,
    StepState,
)
from anypool.store.tables import runs
from anypool.store.tables import steps as step_table
from anypool.store.tx import Tx, from_row, to_row

_PUT_RUN = update(runs).where(runs.c.id == bindparam("this"))
_PUT_STEP = update(step_table).where(
    step_table.c.run == bindparam("this"), step_table.c.number == bindparam("at")
)
_STEPS = (
    select(step_table).where(step_table.c.run == bindparam("this")).order_by(step_table.c.number)
)
_UNFINISHED = (
    select(runs)
    .where(runs.c.state.not_in(sorted(state.value for state in FINAL_RUN_STATES)))
    .order_by(runs.c.number)
)


def add_run(tx: Tx, run: RunRecord, step_count: int) -> None:
    """Begin a run: its row, a WAITING row for each step, and its id at the plan.

    Raise `NotFound` if there is no such plan, `Conflict` if the id is taken.
    """
    plans.set_run(tx, run.plan, run.id)
    tx.add(runs, to_row(run))
    numbers = range(1, step_count + 1)
    tx.put(step_table, [to_row(StepRecord(run=run.id, number=number)) for number in numbers])


def put_run(tx: Tx, run: RunRecord) -> None:
    """Replace the row of a run; raise `NotFound`."""
    if not tx.run(_PUT_RUN, [{**to_row(run), "this": run.id}]):
        raise _not_found(run.id)


def put_step(tx: Tx, step: StepRecord) -> None:
    """Replace the row of a step; raise `NotFound`."""
    if not tx.run(_PUT_STEP, [{**to_row(step), "this": step.run, "at": step.number}]):
        raise NotFound(f"run {step.run} has no step {step.number}")


def get_run(tx: Tx, run: RunId) -> RunRecord:
    """Return a run; raise `NotFound`."""
    if (row := tx.row(select(runs).where(runs.c.id == run))) is None:
        raise _not_found(run)
    return _run(row)


def steps(tx: Tx, run: RunId) -> tuple[StepRecord, ...]:
    """Return the steps of a run in their order; none for a run that is not there."""
    return tuple(from_row(row, StepRecord) for row in tx.rows(_STEPS, this=run))


def done(tx: Tx, some: Collection[RunId]) -> dict[RunId, frozenset[int]]:
    """Return the numbers of the steps that are done, of each of some runs that has any."""
    table = step_table.c
    mine = (table.run.in_(list(some)), table.state == StepState.DONE.value)
    found: dict[RunId, set[int]] = {}
    for row in tx.rows(select(table.run, table.number).where(*mine)):
        found.setdefault(RunId(row.run), set()).add(row.number)
    return {run: frozenset(numbers) for run, numbers in found.items()}


def unfinished(tx: Tx) -> tuple[RunRecord, ...]:
    """Return the runs that a manager must go on with, oldest first."""
    return tuple(_run(row) for row in tx.rows(_UNFINISHED))


def list_runs(
    tx: Tx,
    ask: Ask,
    *,
    states: Collection[RunState] | None = None,
    plan: PlanId | None = None,
) -> Page[RunRecord]:
    """Return a page of runs, newest first; of all states and plans unless named."""
    where: list[ColumnElement[bool]] = []
    if states is not None:
        where.append(runs.c.state.in_([state.value for state in states]))
    if plan is not None:
        where.append(runs.c.plan == plan)
    return page(tx, runs, ask, _run, *where)


def _run(row: Row[Any]) -> RunRecord:
    return from_row(row, RunRecord)


def _not_found(run: RunId) -> NotFound:
    return NotFound(f"there is no run {run}", hint="`anypool operation list` shows them")
