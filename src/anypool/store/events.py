"""What happened, append-only and numbered in the order in which it became visible."""

from typing import Any

import msgspec
from sqlalchemy import Row, func, select

from anypool.store.pages import Ask, page
from anypool.store.records import EventRecord, Page, Severity
from anypool.store.tables import events
from anypool.store.tx import Told, Tx, from_row, to_row


class EventFilter(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which events are wanted; "" and None do not narrow."""

    kind: str = ""
    subject_kind: str = ""
    subject_id: str = ""
    run: str = ""
    severity: Severity | None = None


def append(tx: Tx, event: EventRecord) -> EventRecord:
    """Store an event; return it with its number and the time of the transaction."""
    told = Told(
        kind=event.kind,
        object_kind=event.subject_kind,
        object_id=event.subject_id,
        detail=event.message,
        by=event.by,
        plan=event.plan or "",
        run=event.run or "",
    )
    tx.tell(told)
    row = {**to_row(event), "at": tx.now}
    del row["number"]
    return msgspec.structs.replace(event, at=tx.now, number=tx.add(events, row))


def since(tx: Tx, number: int, limit: int = 1000) -> tuple[EventRecord, ...]:
    """Return up to `limit` events after a number, oldest first."""
    query = select(events).where(events.c.number > number).order_by(events.c.number).limit(limit)
    return tuple(_event(row) for row in tx.rows(query))


def last_number(tx: Tx) -> int:
    """Return the number of the latest event, 0 if there is none."""
    return tx.count(select(func.coalesce(func.max(events.c.number), 0)))


def worked_on(tx: Tx, kind: str, key: str, lately_s: float) -> bool:
    """Return whether a step works on a VM or host, or did in the last seconds."""
    query = (
        select(events)
        .where(events.c.subject_kind == kind, events.c.subject_id == key, events.c.run.is_not(None))
        .order_by(events.c.number.desc())
        .limit(1)
    )
    found = [_event(row) for row in tx.rows(query)]
    return any(one.kind == "step.begun" or one.at >= tx.now - lately_s for one in found)


def find(tx: Tx, ask: Ask, only: EventFilter | None = None) -> Page[EventRecord]:
    """Return a page of events, newest first."""
    wanted = {} if only is None else to_row(only)
    where = [events.c[name] == value for name, value in wanted.items() if value]
    return page(tx, events, ask, _event, *where)


def _event(row: Row[Any]) -> EventRecord:
    return from_row(row, EventRecord)


def note(tx: Tx, subject: tuple[str, str], message: str, by: str) -> None:
    """Write that somebody changed something, which is named by its kind and id."""
    kind, key = subject
    append(
        tx,
        EventRecord(
            kind=f"{kind}.changed", message=message, subject_kind=kind, subject_id=key, by=by
        ),
    )
