"""Calendars as they are kept: each change of one is an event, and wakes whoever looks at them."""

from collections.abc import Callable

from msgspec.structs import replace

from anypool.engine.engine import Engine
from anypool.engine.observing.board import Notice
from anypool.errors import Conflict
from anypool.model.calendar import Calendar, CalendarId, Hold
from anypool.plan import Reason, reason, say
from anypool.store import Store, Tx, calendars, events, plans
from anypool.store.calendars import Standing
from anypool.store.records import EventRecord, Severity

Change = Callable[[Calendar], Calendar]


class Calendars:
    """All calendars; any thread."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store
        self.changed: Callable[[], None] = lambda: None

    def all(self) -> tuple[tuple[Calendar, Standing], ...]:
        """Return all calendars by name, each with how it stands."""
        with self._store.reading() as tx:
            known = {one.calendar: one for one in calendars.standings.all(tx)}
            return tuple(
                (one, known.get(one.id) or Standing(calendar=one.id))
                for one in calendars.calendars.all(tx)
            )

    def get(self, key: str) -> tuple[Calendar, Standing]:
        """Return one calendar and how it stands; raise `NotFound`."""
        with self._store.reading() as tx:
            found = calendars.get(tx, key)
            return found, calendars.standing(tx, found.id)

    def declare(self, made: Calendar, by: str) -> None:
        """Keep a calendar as it is declared now; a hold of one that is there stays."""
        self._engine.must_lead()
        with self._store.writing() as tx:
            old = calendars.calendars.get(tx, made.id)
            word = "added" if old is None else "changed"
            _put_changed(tx, replace(made, hold=None if old is None else old.hold), by)
            events.append(tx, event_of(made.id, word, reason(f"calendar.{word}", who=by), by))
        self._told(made.id)

    def change(self, key: str, how: Change, by: str) -> Calendar:
        """Change a calendar; what was due before is not made up for. Raise what `how` raises."""
        self._engine.must_lead()
        with self._store.writing() as tx:
            kept = _put_changed(tx, how(calendars.get(tx, key)), by)
            events.append(tx, event_of(kept.id, "changed", reason("calendar.changed", who=by), by))
        self._told(key)
        return kept

    def remove(self, key: str, by: str) -> None:
        """Forget a calendar; what servers bear stays as it is. Raise `NotFound`."""
        self._engine.must_lead()
        with self._store.writing() as tx:
            found = calendars.get(tx, key)
            calendars.remove(tx, found.id)
            events.append(tx, event_of(found.id, "removed", reason("calendar.removed", who=by), by))
        self._told(key)

    def hold(self, key: str, asked: Hold, by: str) -> Calendar:
        """Hold a calendar until a moment, with a purpose or as all is; raise `NotFound`."""
        self._engine.must_lead()
        with self._store.writing() as tx:
            held = replace(asked, since=tx.now, by=by)
            kept = replace(calendars.get(tx, key), hold=held)
            calendars.calendars.put(tx, kept)
            why = reason("calendar.held", who=by, purpose=held.purpose or "-")
            events.append(tx, event_of(kept.id, "held", why, by))
        self._told(key)
        return kept

    def release(self, key: str, by: str) -> Calendar:
        """End a hold; raise `Conflict` where there is none."""
        self._engine.must_lead()
        with self._store.writing() as tx:
            found = calendars.get(tx, key)
            if found.hold is None:
                raise Conflict(f"nobody holds {key}", hint="`anypool calendar list` shows it")
            kept = replace(found, hold=None, changed_at=tx.now)
            calendars.calendars.put(tx, kept)
            events.append(
                tx, event_of(kept.id, "released", reason("calendar.released", who=by), by)
            )
        self._told(key)
        return kept

    def again(self, key: str, by: str) -> Standing:
        """Try what stopped once more, with fresh attempts; raise `NotFound`."""
        self._engine.must_lead()
        with self._store.writing() as tx:
            found = calendars.get(tx, key)
            now = calendars.standing(tx, found.id)
            fresh = replace(now, settled=False, attempts=0, due=0.0)
            calendars.standings.put(tx, fresh)
            events.append(tx, event_of(found.id, "again", reason("calendar.again-by", who=by), by))
        self._told(key)
        return fresh

    def put(
        self,
        standing: Standing,
        kind: str = "",
        *,
        loud: bool = False,
        also: tuple[Reason, ...] = (),
    ) -> Standing:
        """Keep how a calendar stands, with an event of a kind where that is news to people.

        `also` are events of their own: what was missed or skipped.
        """
        with self._store.writing() as tx:
            calendars.standings.put(tx, standing)
            for why in also:
                events.append(tx, event_of(standing.calendar, "missed", why, loud=True))
            if kind and standing.said is not None:
                events.append(tx, event_of(standing.calendar, kind, standing.said, loud=loud))
        self._engine.board.tell((Notice("calendar", standing.calendar), Notice("event")))
        return standing

    def _told(self, key: str) -> None:
        """Have a change looked at, and say that there is one."""
        self._engine.board.tell((Notice("calendar", key), Notice("event")))
        self.changed()


def _put_changed(tx: Tx, made: Calendar, by: str) -> Calendar:
    """Store a calendar that somebody changed; a plan that still waits is of the one before."""
    kept = replace(made, changed_at=tx.now)
    calendars.calendars.put(tx, kept)
    now = calendars.standing(tx, kept.id)
    if now.plan and plans.supersede(tx, (now.plan,), reason("calendar.changed", who=by)):
        now = replace(now, plan=None)
    calendars.standings.put(tx, replace(now, settled=False, attempts=0, due=0.0))
    return kept


def author(key: CalendarId) -> str:
    """Return who a plan of a calendar is said to be by."""
    return f"calendar:{key}"


def event_of(
    key: CalendarId, kind: str, why: Reason, by: str = "", *, loud: bool = False
) -> EventRecord:
    """Return the event that tells how a calendar stands."""
    return EventRecord(
        kind=f"calendar.{kind}",
        message=say(why),
        said=why,
        severity=Severity.WARNING if loud else Severity.INFO,
        subject_kind="calendar",
        subject_id=key,
        by=by or author(key),
    )
