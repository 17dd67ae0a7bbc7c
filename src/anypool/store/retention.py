"""Forgetting what is old, a few rows at a time, and saying what there is.

Each `forget_...` removes at most `limit` rows that are older than `before`, seconds since
1970, and returns how many. What is unfinished, and what it needs, is never among them.
"""

import math
from collections.abc import Callable
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Table, delete, func, or_, select, update

from anypool.plan import FINAL_STATES, PlanState
from anypool.store import audit as trail
from anypool.store.inventories import size
from anypool.store.kept_tables import (
    inventories,
    load_chunks,
    load_day_rows,
    load_days,
    load_hours,
    load_objects,
    measurements,
    retention,
)
from anypool.store.notify import LetterState
from anypool.store.notify_tables import letters
from anypool.store.records import FINAL_RUN_STATES
from anypool.store.tables import (
    audit,
    events,
    login_codes,
    login_failures,
    plans,
    requests,
    rollouts,
    runs,
    sessions,
    tokens,
)
from anypool.store.tx import Told, Tx

Forget = Callable[[Tx, float, int], int]
Measure = Callable[[Tx], "Amount"]

HOUR_S, DAY_S = 3600, 86400
_FINAL_RUNS = [state.value for state in FINAL_RUN_STATES]
_FINAL_PLANS = [state.value for state in FINAL_STATES]
_WAITING = [PlanState.RECOMMENDED.value, PlanState.APPROVED.value]


class Amount(Struct, frozen=True, kw_only=True, gc=False):
    """How much there is of one kind; `bytes` is None where nobody counts them, `oldest` 0.0
    for nothing at all.
    """

    rows: int = 0
    oldest: float = 0.0
    bytes: int | None = None


class LastRound(Struct, frozen=True, kw_only=True, gc=False):
    """When a kind was last thinned out, and how many rows went then and ever."""

    ran_at: float = 0.0
    removed: int = 0
    removed_ever: int = 0


def forget_events(tx: Tx, before: float, limit: int) -> int:
    """Forget events."""
    return _forget(tx, events, events.c.number, limit, events.c.at < before)


def forget_letters(tx: Tx, before: float, limit: int) -> int:
    """Forget what notifications told or gave up; what waits stays."""
    old = (letters.c.state != LetterState.WAITING, letters.c.made_at < before)
    return _forget(tx, letters, letters.c.id, limit, *old)


def forget_runs(tx: Tx, before: float, limit: int) -> int:
    """Forget runs that have ended, with their steps; their plans say that they ran no more."""
    old = (runs.c.state.in_(_FINAL_RUNS), runs.c.ended_at > 0, runs.c.ended_at < before)
    ids = [row.id for row in tx.rows(select(runs.c.id).where(*old).limit(limit))]
    if ids:
        tx.run(update(plans).where(plans.c.run.in_(ids)).values(run=None))
        tx.run(delete(runs).where(runs.c.id.in_(ids)))
    return len(ids)


def forget_rollouts(tx: Tx, before: float, limit: int) -> int:
    """Forget rolling maintenances that have ended."""
    old = (rollouts.c.ended_at > 0, rollouts.c.ended_at < before)
    return _forget(tx, rollouts, rollouts.c.id, limit, *old)


def forget_plans(tx: Tx, before: float, limit: int) -> int:
    """Forget plans whose life is over and whose runs are forgotten."""
    ran = select(runs.c.plan).where(runs.c.plan == plans.c.id).exists()
    old = (plans.c.state.in_(_FINAL_PLANS), plans.c.changed_at < before, ~ran)
    return _forget(tx, plans, plans.c.number, limit, *old)


def forget_measurements(tx: Tx, before: float, limit: int) -> int:
    """Forget what steps took."""
    old = select(measurements.c.run, measurements.c.step).where(measurements.c.at < before)
    rows = tx.rows(old.limit(limit))
    for row in rows:
        mine = (measurements.c.run == row.run, measurements.c.step == row.step)
        tx.run(delete(measurements).where(*mine))
    return len(rows)


def undecided(tx: Tx, before: float, limit: int) -> list[str]:
    """Return plans that nobody decided on since, or that were approved and never run."""
    old = (plans.c.state.in_(_WAITING), plans.c.changed_at < before)
    return [row.id for row in tx.rows(select(plans.c.id).where(*old).limit(limit))]


def forget_logins(tx: Tx, before: float, limit: int) -> int:
    """Forget failed logins, and sessions, codes and tokens that are over."""
    return (
        _forget(tx, login_failures, login_failures.c.number, limit, login_failures.c.at < before)
        + _forget(tx, sessions, sessions.c.secret_hash, limit, sessions.c.expires_at < before)
        + _forget(
            tx, login_codes, login_codes.c.secret_hash, limit, login_codes.c.expires_at < before
        )
        + _forget(
            tx, tokens, tokens.c.id, limit, tokens.c.expires_at > 0, tokens.c.expires_at < before
        )
    )


def forget_requests(tx: Tx, before: float, limit: int) -> int:
    """Forget requests with idempotency keys, and their answers."""
    old = select(requests.c.principal, requests.c.key).where(requests.c.at < before).limit(limit)
    rows = tx.rows(old)
    for row in rows:
        tx.run(
            delete(requests).where(requests.c.principal == row.principal, requests.c.key == row.key)
        )
    return len(rows)


def forget_loads(tx: Tx, before: float, limit: int) -> int:
    """Forget chunks of hours whose day is rolled up."""
    old = load_hours.c.hour < int(before) // HOUR_S
    for row in tx.rows(select(load_hours.c.hour).where(old).order_by(load_hours.c.hour)):
        day = tx.row(select(load_days.c.day).where(load_days.c.day == row.hour // 24))
        if day is None:
            continue
        mine = load_chunks.c.hour == row.hour
        gone = _forget(tx, load_chunks, load_chunks.c.object, limit, mine)
        if gone < limit:
            tx.run(delete(load_hours).where(load_hours.c.hour == row.hour))
        return max(1, gone)
    return 0


def forget_load_days(tx: Tx, before: float, limit: int) -> int:
    """Forget rows of days, and the numbers of objects of which nothing is left."""
    old = load_days.c.day < int(before) // DAY_S
    row = tx.row(select(load_days.c.day).where(old).order_by(load_days.c.day).limit(1))
    if row is not None:
        mine = load_day_rows.c.day == row.day
        gone = _forget(tx, load_day_rows, load_day_rows.c.object, limit, mine)
        if gone < limit and not _has_hours(tx, row.day):
            tx.run(delete(load_days).where(load_days.c.day == row.day))
            return max(1, gone)
        if gone:
            return gone
    return _forget_objects(tx, before, limit)


def forget_audit(tx: Tx, before: float, limit: int) -> int:
    """Forget rows of the audit trail, oldest first; a checkpoint keeps the rest verifiable."""
    row = tx.row(select(audit.c.at).order_by(audit.c.number).offset(limit - 1).limit(1))
    part = before if row is None else min(before, math.nextafter(row.at, math.inf))
    return trail.prune(tx, part)


def note(tx: Tx, kind: str, removed: int) -> None:
    """Note that a kind was thinned out now."""
    tx.tell(Told("records.removed", "records", kind, f"{removed} rows of {kind} were removed"))
    ever = last(tx).get(kind, LastRound()).removed_ever + removed
    row = {"kind": kind, "ran_at": tx.now, "removed": removed, "removed_ever": ever}
    tx.put(retention, [row])


def last(tx: Tx) -> dict[str, LastRound]:
    """Return the last round of each kind."""
    return {
        row.kind: LastRound(ran_at=row.ran_at, removed=row.removed, removed_ever=row.removed_ever)
        for row in tx.rows(select(retention))
    }


def plans_kept(tx: Tx) -> frozenset[str]:
    """Return the ids of all plans that are kept, whose inventories must stay."""
    return frozenset(row.id for row in tx.rows(select(plans.c.id)))


def measure(table: Table, at: str) -> Measure:
    """Return a function that counts a table; `at` is its column of times."""
    column: Any = table.c[at]

    def measured(tx: Tx) -> Amount:
        row: Any = tx.row(select(func.count(), func.min(column)).select_from(table))
        return Amount(rows=row[0], oldest=row[1] or 0.0)

    return measured


def measure_units(table: Table, unit: str, seconds: int) -> Measure:
    """Return a function that adds up what a table says of each hour or day."""
    column: Any = table.c[unit]
    sums = (func.sum(table.c.objects), func.min(column), func.sum(table.c.bytes))

    def measured(tx: Tx) -> Amount:
        row: Any = tx.row(select(*sums))
        oldest = float((row[1] or 0) * seconds)
        return Amount(rows=int(row[0] or 0), oldest=oldest, bytes=int(row[2] or 0))

    return measured


def measure_undecided(tx: Tx) -> Amount:
    """Count the plans that wait for somebody."""
    sums = (func.count(), func.min(plans.c.changed_at))
    row: Any = tx.row(select(*sums).where(plans.c.state.in_(_WAITING)))
    return Amount(rows=row[0], oldest=row[1] or 0.0)


def measure_inventories(tx: Tx) -> Amount:
    """Count the inventories, and the bytes of all their chunks."""
    found = measure(inventories, "at")(tx)
    return Amount(rows=found.rows, oldest=found.oldest, bytes=size(tx)[1])


measure_events = measure(events, "at")
measure_letters = measure(letters, "made_at")
measure_runs = measure(runs, "started_at")
measure_rollouts = measure(rollouts, "started_at")
measure_plans = measure(plans, "created_at")
measure_measurements = measure(measurements, "at")
measure_logins = measure(login_failures, "at")
measure_audit = measure(audit, "at")
measure_requests = measure(requests, "at")
measure_loads = measure_units(load_hours, "hour", HOUR_S)
measure_load_days = measure_units(load_days, "day", DAY_S)


def _forget_objects(tx: Tx, before: float, limit: int) -> int:
    """Forget numbers that nothing bears; one that was used lately may be about to be used."""
    number = load_objects.c.number
    chunked = select(load_chunks.c.object).where(load_chunks.c.object == number).exists()
    rolled = select(load_day_rows.c.object).where(load_day_rows.c.object == number).exists()
    old = (load_objects.c.used_at < before, ~or_(chunked, rolled))
    return _forget(tx, load_objects, number, limit, *old)


def _has_hours(tx: Tx, day: int) -> bool:
    mine = load_hours.c.hour.between(24 * day, 24 * day + 23)
    return tx.row(select(load_hours.c.hour).where(mine).limit(1)) is not None


def _forget(
    tx: Tx, table: Table, key: ColumnElement[Any], limit: int, *where: ColumnElement[bool]
) -> int:
    some = [row[0] for row in tx.rows(select(key).where(*where).limit(limit))]
    return tx.run(delete(table).where(key.in_(some), *where)) if some else 0
