"""Having a database to oneself: no manager runs on it, and none can begin meanwhile."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa

from anypool.clock import Clock
from anypool.errors import Conflict, NotFound, StoreFailed
from anypool.store import connect
from anypool.store.failures import explained
from anypool.store.guard import Guard
from anypool.store.migrate import revision
from anypool.store.records import Lease

_LOOK_S = 0.2
_STOP = "stop it first; of several managers, all of them"
_LIMITS = ("statement_timeout", "idle_in_transaction_session_timeout")


@contextmanager
def alone(url: str, clock: Clock) -> Iterator[tuple[sa.Engine, str]]:
    """Give a database on which no manager runs, and its name for people.

    Raise `Conflict` while one does. On PostgreSQL a manager that was killed counts until its
    lease is over; call `hold` first in the transaction that reads or writes everything.
    An SQLite file that was not there is gone again if the block raises.
    """
    parsed = connect.parse(url)
    file, place = connect.file_of(parsed), place_of(parsed)
    if file is None:
        engine = connect.engine(parsed)
        try:
            _await_silence(engine, place, clock)
            yield engine, place
        finally:
            engine.dispose()
        return
    if not file.parent.is_dir():
        raise StoreFailed(f"there is no folder {file.parent}", hint="make it first")
    guard = Guard(file.with_name(f"{file.name}.manager"))
    if not guard.take():
        raise Conflict(f"a manager runs on {place}", hint=_STOP)
    try:
        with _clean(file):
            engine = connect.engine(parsed)
            try:
                yield engine, place
            finally:
                engine.dispose()
    finally:
        guard.give()


def place_of(url: sa.URL) -> str:
    """Return how a database is called before people: its file, or its URL without a password."""
    file = connect.file_of(url)
    return str(file) if file is not None else connect.shown(url)


def must_be_there(url: sa.URL) -> None:
    """Raise `NotFound` for an SQLite file that is not there, before anybody makes it."""
    file = connect.file_of(url)
    if file is not None and not file.exists():
        raise NotFound(f"there is no database {file}", hint="check the state folder")


def hold(connection: sa.Connection) -> int:
    """Keep managers from taking the lease until the transaction ends; return its epoch."""
    patient(connection)
    if revision(connection) is None:
        return 0
    lock = " FOR UPDATE" if connection.dialect.name == "postgresql" else ""
    return int(connection.execute(sa.text(f"SELECT epoch FROM lease{lock}")).scalar_one())


def epoch_of(connection: sa.Connection) -> int:
    """Return the epoch of the lease."""
    return int(connection.execute(sa.text("SELECT epoch FROM lease")).scalar_one())


def patient(connection: sa.Connection) -> None:
    """Let this transaction take its time: the limits of a manager are not for all records."""
    if connection.dialect.name == "postgresql":
        for name in _LIMITS:
            connection.execute(sa.text(f"SET LOCAL {name} = 0"))


@contextmanager
def _clean(file: Path) -> Iterator[None]:
    """Remove what this block made of an SQLite database that was not there, if it raises."""
    there = file.exists()
    try:
        yield
    except BaseException:
        if not there:
            for tail in ("", "-wal", "-shm"):
                with suppress(OSError):
                    file.with_name(file.name + tail).unlink(missing_ok=True)
        raise


def _await_silence(engine: sa.Engine, place: str, clock: Clock) -> None:
    seen = _lease(engine, place)
    if seen is None or not seen.holder:
        return
    end = clock.monotonic() + seen.ttl_s + 1
    while clock.monotonic() < end:
        clock.wait(threading.Event(), _LOOK_S)
        now = _lease(engine, place)
        if now is None or not now.holder:
            return
        if (now.epoch, now.renewals) != (seen.epoch, seen.renewals):
            raise Conflict(f"a manager runs on {place}: {now.holder}", hint=_STOP)


def _lease(engine: sa.Engine, place: str) -> Lease | None:
    with explained(place), connect.reading(engine) as connection:
        if revision(connection) is None:
            return None
        row = connection.execute(sa.text("SELECT * FROM lease")).one_or_none()
    if row is None:
        return None
    fields = {name: row._mapping[name] for name in Lease.__struct_fields__}
    return Lease(**fields)
