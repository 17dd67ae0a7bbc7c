"""Calendars as they are kept, and how each stands: a killed manager goes on with it."""

from msgspec import Struct
from sqlalchemy import update

from anypool.errors import NotFound
from anypool.model import PlanId
from anypool.model.calendar import Calendar, CalendarId, Hold, Memory
from anypool.plan import Reason
from anypool.store import calendar_tables
from anypool.store.facts import Shelf
from anypool.store.tx import Tx, to_row

FOREVER_S = 366 * 86_400.0
"""For so long calendars are held after a restore, unless somebody releases them before."""


class Standing(Struct, frozen=True, kw_only=True, gc=False):
    """How a calendar stands: what was wanted last, and how far that has come.

    `purpose` is wanted since `since`, with `extra` profiles on load; `settled` once nothing is to
    be done for it any more. `plan` is that of the change under way, `begun` once it ran and
    `memory` knows of it. `attempts` counts failures in a row, `due` is when the next attempt
    begins, 0 for at once. `turns` are the latest changes on load. `said` is how it stands.
    """

    calendar: CalendarId
    purpose: str = ""
    since: float = 0.0
    extra: int = 0
    settled: bool = False
    plan: PlanId | None = None
    begun: bool = False
    attempts: int = 0
    due: float = 0.0
    turns: tuple[float, ...] = ()
    memory: Memory = Memory()
    said: Reason | None = None


calendars: Shelf[CalendarId, Calendar] = Shelf(calendar_tables.calendars, Calendar)
standings: Shelf[CalendarId, Standing] = Shelf(calendar_tables.calendar_standings, Standing)


def get(tx: Tx, key: str) -> Calendar:
    """Return a calendar; raise `NotFound`."""
    found = calendars.get(tx, CalendarId(key))
    if found is None:
        hint = "`anypool calendar list` shows them"
        raise NotFound(f"there is no calendar {key[:80]!r}", hint=hint)
    return found


def standing(tx: Tx, key: CalendarId) -> Standing:
    """Return how a calendar stands, also one that nobody looked at yet."""
    return standings.get(tx, key) or Standing(calendar=key)


def remove(tx: Tx, key: CalendarId) -> None:
    """Forget a calendar and how it stood."""
    calendars.delete(tx, key)
    standings.delete(tx, key)


def interrupt(tx: Tx, day: str) -> None:
    """Hold every calendar: the records of who bears what were restored from the backup of a day."""
    table, stand = calendar_tables.calendars, calendar_tables.calendar_standings
    held = Hold(since=tx.now, until=tx.now + FOREVER_S, by="restore", restored=day)
    tx.run(update(table).where(table.c.enabled).values(hold=to_row(held)))
    tx.run(update(stand).values(plan=None, begun=False))
