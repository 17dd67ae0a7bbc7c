"""After a restore: what must be read again before anything is done, and the runs of before.

Between the backup and the restore the world went on, and so did a manager whose records
are lost. So nothing that was begun is gone on with, every endpoint is closed until it was
read whole (`facts.effective`), and no number that may have been given out is given again.
"""

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Table, delete, func, select, text, update

from anypool.errors import NotFound
from anypool.model import EndpointId
from anypool.plan import PlanState, Reason, reason, say
from anypool.store import audit, calendars, events, facts, ha, lease, plans, rollouts, runs, tables
from anypool.store.records import EventRecord, RunRecord, RunState, Severity, StepRecord, StepState
from anypool.store.restored_tables import restoration, unread
from anypool.store.tables import metadata
from anypool.store.tx import Tx, from_row

EPOCHS_AHEAD = 1_000_000
"""How far the epoch jumps: no manager of before can have, or come to, the same one."""
NUMBERS_AHEAD = 1_000_000_000
"""How far the numbers of events, plans and so on jump: more than were given out meanwhile."""

_INNER = frozenset({"load_objects", "load_tails"})


class Restoration(Struct, frozen=True, kw_only=True, gc=False):
    """A restore: when, from a backup of when and of which release, and how much it closed.

    `endpoints` had to be read and `runs` were interrupted; the audit trail goes on at
    `audit_from`; `ended_at` is 0.0 until all is read.
    """

    at: float
    backup_at: float
    release: str
    endpoints: int = 0
    runs: int = 0
    audit_from: int = 0
    ended_at: float = 0.0


class Unread(Struct, frozen=True, kw_only=True, gc=False):
    """An endpoint still to be read; `vouched_by` is who said that no VM runs behind it."""

    endpoint: EndpointId
    vouched_by: str = ""


def begin(tx: Tx, backup_at: float, release: str, day: str, epoch: int = 0) -> int:
    """Mark all records as restored; return how many runs wait for a person now.

    Call it in the transaction that restored them, with this release's schema in place.
    `day` is `backup_at` for people; `epoch` is that of the records that were replaced, or 0.
    """
    _leap(tx, epoch)
    endpoints = facts.endpoints.all(tx)
    stuck = [_interrupt(tx, run, day) for run in runs.unfinished(tx)]
    waiting = plans.supersede(tx, None, reason("restored.plan", day=day))
    rollouts.interrupt(tx, reason("rollout.restored", day=day))
    calendars.interrupt(tx, day)
    if voided := ha.void_all(tx):
        events.append(tx, _event("ha.voided", reason("restored.statements", hosts=voided)))
    row = Restoration(
        at=tx.now,
        backup_at=backup_at,
        release=release,
        endpoints=len(endpoints),
        runs=len(stuck),
        audit_from=audit.head(tx).number + NUMBERS_AHEAD,
        ended_at=0.0 if endpoints else tx.now,
    )
    tx.put(restoration, [{"id": 1, **msgspec.to_builtins(row)}])
    tx.run(delete(unread))
    for endpoint in endpoints:
        tx.add(unread, {"endpoint": endpoint.id, "vouched_by": ""})
    counts = {"endpoints": len(endpoints), "runs": len(stuck), "plans": waiting}
    told = _event("manager.restored", reason("restored.begun", day=day, **counts))
    events.append(tx, replace(told, severity=Severity.WARNING))
    return len(stuck)


def state(tx: Tx) -> Restoration | None:
    """Return the latest restore, None if there was none."""
    row = tx.row(select(restoration))
    return None if row is None else from_row(row, Restoration)


def pending(tx: Tx) -> tuple[Unread, ...]:
    """Return the endpoints that must still be read, by id."""
    rows = tx.rows(select(unread).order_by(unread.c.endpoint))
    return tuple(from_row(row, Unread) for row in rows)


def settle(tx: Tx, endpoint: EndpointId, *, gone: bool = False) -> bool:
    """Note that an endpoint was read whole, or is `gone`; return whether it was awaited.

    The mark is lifted with the last one; both are events.
    """
    if not tx.run(delete(unread).where(unread.c.endpoint == endpoint)):
        return False
    if not gone:
        why = reason("restored.endpoint", endpoint=endpoint)
        events.append(tx, _of(endpoint, "endpoint.resynchronised", why))
    if not tx.count(select(func.count()).select_from(unread)):
        tx.run(update(restoration).values(ended_at=tx.now))
        events.append(tx, _event("manager.resynchronised", reason("restored.ended")))
    return True


def vouch(tx: Tx, endpoint: EndpointId, by: str) -> None:
    """Note that somebody looked and no VM runs behind an endpoint; raise `NotFound`.

    It stays closed until it is read; what is elsewhere need not wait for it any more.
    """
    mine = unread.c.endpoint == endpoint
    if not tx.run(update(unread).where(mine).values(vouched_by=by)):
        raise NotFound(
            f"{endpoint} is not waited for since a restore",
            hint="`anypool resync show` lists what is left",
        )
    why = reason("restored.vouched", endpoint=endpoint, who=by)
    told = _of(endpoint, "endpoint.vouched", why)
    events.append(tx, replace(told, severity=Severity.WARNING, by=by))


def _event(kind: str, why: Reason) -> EventRecord:
    return EventRecord(kind=kind, message=say(why), said=why)


def _of(endpoint: EndpointId, kind: str, why: Reason) -> EventRecord:
    return replace(_event(kind, why), subject_kind="endpoint", subject_id=endpoint)


def _interrupt(tx: Tx, run: RunRecord, day: str) -> RunRecord:
    why = reason("restored.run", day=day)
    stuck = replace(
        run, state=RunState.INTERRUPTED, message=say(why), said=why, paused=False, cancelling=False
    )
    for step in runs.steps(tx, run.id):
        if step.state is StepState.BEGUN:
            runs.put_step(tx, _doubtful(step, day))
    runs.put_run(tx, stuck)
    plans.set_state(tx, run.plan, PlanState.PAUSED, only_from=frozenset(PlanState))
    told = replace(_event(f"run.{stuck.state}", why), severity=Severity.WARNING)
    named = replace(told, subject_kind="run", subject_id=run.id, plan=run.plan, run=run.id)
    events.append(tx, named)
    return stuck


def _doubtful(step: StepRecord, day: str) -> StepRecord:
    why = reason("restored.step", day=day)
    return replace(step, state=StepState.NEEDS_HUMAN, message=say(why), said=why)


def _leap(tx: Tx, epoch: int) -> None:
    """Let the lease and all numbers that people see go on far ahead of what is known."""
    known = lease.read(tx)
    vacant = {"holder": "", "guarded": False, "renewals": known.renewals + 1}
    ahead = max(known.epoch, epoch) + EPOCHS_AHEAD
    tx.run(update(tables.lease).values(epoch=ahead, **vacant))
    for table in metadata.sorted_tables:
        numbered = "number" in table.c and table.c.number.autoincrement is True
        if numbered and table.name not in _INNER:
            _leap_table(tx, table)


def _leap_table(tx: Tx, table: Table) -> None:
    newest = tx.count(select(func.coalesce(func.max(table.c.number), 0)))
    if tx.dialect == "postgresql":
        sequence = f"pg_get_serial_sequence('{table.name}', 'number')"
        ahead = f"greatest(nextval({sequence}), {newest}) + {NUMBERS_AHEAD}"
        tx.rows(text(f"SELECT setval({sequence}, {ahead})"))
        return
    kept = tx.row(text(f"SELECT max(seq) AS seq FROM sqlite_sequence WHERE name = '{table.name}'"))
    last = max(newest, 0 if kept is None or kept.seq is None else int(kept.seq))
    tx.run(text(f"DELETE FROM sqlite_sequence WHERE name = '{table.name}'"))
    ahead = str(last + NUMBERS_AHEAD)
    tx.run(text(f"INSERT INTO sqlite_sequence (name, seq) VALUES ('{table.name}', {ahead})"))
