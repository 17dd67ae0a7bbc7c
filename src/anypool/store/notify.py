"""Notifications, and the letters that come of them.

The events are the outbox: one is written in the transaction of what it tells. A rule knows the
number of the last event that was looked at for it, and moves it on in the transaction that
keeps the letters. So no event is passed over, whenever the manager dies.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import delete, func, select, update

from anypool.model import Notification, NotificationId
from anypool.store import secrets
from anypool.store.events import last_number
from anypool.store.notify_tables import letters, notifications
from anypool.store.records import EventRecord
from anypool.store.tx import Tx, from_row, to_row

_STUBBORN = 5
"""A letter that was tried so often lets the others go first."""
SECRET, ADDRESS = "secret", "address"
"""The fields of what is secret of a receiver."""


class LetterState(StrEnum):
    """The life of a letter; a dead one was given up and waits for somebody."""

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"


class Letter(Struct, frozen=True, kw_only=True, gc=False):
    """What one receiver is told: an event, and `count` - 1 others of its kind.

    `more` are the first messages of those others. The `id` stays the same however often it is
    sent. It takes in further events while it `gathers` and was never tried.
    """

    id: str
    notification: NotificationId
    kind: str
    event: EventRecord
    made_at: float
    due_at: float
    more: tuple[str, ...] = ()
    count: int = 1
    gathers: bool = False
    state: LetterState = LetterState.WAITING
    attempts: int = 0
    ended_at: float = 0.0
    error: str = ""


class Standing(Struct, frozen=True, kw_only=True, gc=False):
    """How it goes with a receiver: failures in a row since when, and when it is tried again."""

    seen: int = 0
    failures: int = 0
    failing_since: float = 0.0
    due_at: float = 0.0
    worked_at: float = 0.0
    error: str = ""


class Known(Struct, frozen=True, kw_only=True, gc=False):
    """A rule and how it stands; the counts are letters."""

    rule: Notification
    standing: Standing
    waiting: int = 0
    dead: int = 0


def add(tx: Tx, rule: Notification, hidden: Mapping[str, str]) -> None:
    """Keep a rule and its secrets; it is for events from now on."""
    row = {**to_row(rule), **to_row(Standing(seen=last_number(tx)))}
    tx.put(notifications, [row])
    for field, text in hidden.items():
        if text:
            secrets.put(tx, owner(rule.id), field, text)


def remove(tx: Tx, key: NotificationId) -> bool:
    """Forget a rule, its secrets and its letters; return whether there was one."""
    tx.run(delete(letters).where(letters.c.notification == key))
    secrets.delete_all(tx, owner(key))
    return tx.run(delete(notifications).where(notifications.c.id == key)) > 0


def owner(key: NotificationId) -> str:
    """Return under which name the secrets of a rule are kept."""
    return f"notification:{key}"


def get(tx: Tx, key: NotificationId) -> Known | None:
    """Return one rule without counting its letters, None if there is none."""
    row = tx.row(select(notifications).where(notifications.c.id == key))
    return None if row is None else _one(row, {})


def all_(tx: Tx) -> tuple[Known, ...]:
    """Return all rules by id, without counting their letters."""
    return _known(tx, {})


def counted(tx: Tx) -> tuple[Known, ...]:
    """Return all rules by id, with how many of their letters wait or are dead."""
    states = select(letters.c.notification, letters.c.state, func.count().label("many"))
    rows = tx.rows(states.group_by(letters.c.notification, letters.c.state))
    return _known(tx, {(row.notification, row.state): row.many for row in rows})


def _known(tx: Tx, counts: Mapping[tuple[str, str], int]) -> tuple[Known, ...]:
    return tuple(
        _one(row, counts) for row in tx.rows(select(notifications).order_by(notifications.c.id))
    )


def _one(row: Any, counts: Mapping[tuple[str, str], int]) -> Known:
    return Known(
        rule=from_row(row, Notification),
        standing=from_row(row, Standing),
        waiting=counts.get((row.id, LetterState.WAITING), 0),
        dead=counts.get((row.id, LetterState.DEAD), 0),
    )


def set_standing(tx: Tx, key: NotificationId, **new: Any) -> None:
    """Keep how it goes with a receiver: some fields of its `Standing`."""
    tx.run(update(notifications).where(notifications.c.id == key).values(**new))


def put(tx: Tx, found: Sequence[Letter]) -> None:
    """Keep letters, new ones or in place of those with their ids."""
    tx.put(letters, [to_row(one) for one in found])


def gathering(tx: Tx, key: NotificationId, *, whole: bool) -> dict[str, Letter]:
    """Return the letters of a rule that take in further events, by kind of event.

    With `whole`, all that were never tried do.
    """
    query = select(letters).where(
        letters.c.notification == key,
        letters.c.state == LetterState.WAITING,
        letters.c.attempts == 0,
        *(() if whole else (letters.c.gathers.is_(True),)),
    )
    return {row.kind: from_row(row, Letter) for row in tx.rows(query.order_by(letters.c.made_at))}


def lately(tx: Tx, key: NotificationId, window_s: float) -> dict[str, int]:
    """Return how many letters a rule made within a window, by kind of event."""
    mine = (letters.c.notification == key, letters.c.made_at > tx.now - window_s)
    query = select(letters.c.kind, func.count().label("many")).where(*mine)
    return {row.kind: row.many for row in tx.rows(query.group_by(letters.c.kind))}


def take(tx: Tx, key: NotificationId) -> Letter | None:
    """Return the next letter that is due, marked as tried: from then on it stays as it is."""
    mine = (letters.c.notification == key, letters.c.state == LetterState.WAITING)
    due = select(letters).where(*mine, letters.c.due_at <= tx.now)
    last = letters.c.attempts >= _STUBBORN
    row = tx.row(due.order_by(last, letters.c.made_at, letters.c.id).limit(1))
    if row is None:
        return None
    taken = from_row(row, Letter)
    taken = msgspec.structs.replace(taken, attempts=taken.attempts + 1)
    put(tx, (taken,))
    return taken


def due(tx: Tx) -> frozenset[NotificationId]:
    """Return the rules with a letter that is due and a receiver that is not resting."""
    query = (
        select(letters.c.notification)
        .join(notifications, notifications.c.id == letters.c.notification)
        .where(
            letters.c.state == LetterState.WAITING,
            letters.c.due_at <= tx.now,
            notifications.c.due_at <= tx.now,
        )
        .distinct()
    )
    return frozenset(NotificationId(row.notification) for row in tx.rows(query))


def of(tx: Tx, key: NotificationId, limit: int = 100) -> tuple[Letter, ...]:
    """Return the letters of a rule, the newest first."""
    query = select(letters).where(letters.c.notification == key)
    rows = tx.rows(query.order_by(letters.c.made_at.desc(), letters.c.id).limit(limit))
    return tuple(from_row(row, Letter) for row in rows)


def change(tx: Tx, letter: Letter, **new: Any) -> None:
    """Keep how a letter fared; one of a rule that was removed meanwhile stays away."""
    tx.run(update(letters).where(letters.c.id == letter.id).values(**new))


def give_up(tx: Tx, key: NotificationId, before: float, error: str) -> int:
    """Give up the letters of a rule that were made before and still wait; return how many."""
    old = (letters.c.notification == key, letters.c.state == LetterState.WAITING)
    return tx.run(
        update(letters)
        .where(*old, letters.c.made_at < before)
        .values(state=LetterState.DEAD, ended_at=tx.now, error=error)
    )


def revive(tx: Tx, key: NotificationId) -> int:
    """Let all dead letters of a rule be tried again, now; return how many."""
    dead = (letters.c.notification == key, letters.c.state == LetterState.DEAD)
    again = {"state": LetterState.WAITING, "ended_at": 0.0, "due_at": tx.now, "made_at": tx.now}
    set_standing(tx, key, due_at=0.0)
    return tx.run(update(letters).where(*dead).values(**again))
