"""How to reach a database: the URL, the settings of each connection, the kind of transaction."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Transaction, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from anypool.errors import Invalid, StoreFailed

BUSY_S = 5
MIGRATION_S = 25
"""For so long a migration is waited for that another process is at; it is cheap, but not short
on a machine that is busy."""
_AGAIN_S = 0.02
_WRITE = {"anypool_write": True}
_SNAPSHOT: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

# A manager that freezes or loses its network in mid transaction must not hold the lease
# row for the two hours that TCP would wait, nor for longer than a successor may take.
_SERVER_SETTINGS = {
    "lock_timeout": f"{BUSY_S}s",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "4s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "11s",
}
_POSTGRESQL: dict[str, Any] = {
    "application_name": "anypool",
    "connect_timeout": BUSY_S,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 11_000,
    "options": " ".join(f"-c {name}={value}" for name, value in _SERVER_SETTINGS.items()),
}

_FORMS = "sqlite:////var/lib/anypool/anypool.db or postgresql://user:password@host/database"


def parse(url: str) -> URL:
    """Return a database URL with its driver; raise `Invalid` for one we cannot use."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise Invalid("the database URL is not understood", hint=f"write {_FORMS}") from error
    if parsed.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername != "sqlite":
        raise Invalid(f"{parsed.drivername} is not a database we know", hint=f"write {_FORMS}")
    if parsed.database in (None, "", ":memory:") or parsed.query:
        raise Invalid("the database URL must name a file and nothing else", hint=f"write {_FORMS}")
    return parsed


def shown(url: URL) -> str:
    """Return a URL as people may see it: without a password, which its query may hold, too."""
    return url.set(query={}).render_as_string(hide_password=True)


def file_of(url: URL) -> Path | None:
    """Return the file of an SQLite database, None for a server."""
    return Path(url.database or "").absolute() if url.drivername == "sqlite" else None


def engine(url: URL) -> Engine:
    """Return an engine whose connections are set up as the store needs them."""
    if (file := file_of(url)) is not None:
        _make_private(file)
        return _sqlite(file)
    given = {name: value for name, value in _POSTGRESQL.items() if name not in url.query}
    try:
        return create_engine(url, connect_args=given, pool_pre_ping=True, hide_parameters=True)
    except ModuleNotFoundError as error:
        raise Invalid(
            "the PostgreSQL driver is not installed", hint="pip install 'anypool[postgresql]'"
        ) from error


@contextmanager
def writing(engine: Engine) -> Iterator[tuple[Connection, Transaction]]:
    """Give a connection in a transaction that may write and waits for other writers first."""
    with (
        engine.connect().execution_options(**_WRITE) as connection,
        connection.begin() as transaction,
    ):
        yield connection, transaction


@contextmanager
def migrating(engine: Engine) -> Iterator[tuple[Connection, Transaction]]:
    """As `writing`, where another process may be migrating: that is waited for."""
    with engine.connect().execution_options(**_WRITE) as connection:
        if engine.dialect.name == "sqlite":
            _wait_for(connection, MIGRATION_S)
        with connection.begin() as transaction:
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{MIGRATION_S}s'")
            yield connection, transaction
        if engine.dialect.name == "sqlite":
            _wait_for(connection, BUSY_S)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection in a transaction that sees one moment and cannot write."""
    options = _SNAPSHOT if engine.dialect.name == "postgresql" else {}
    with engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection


def _sqlite(file: Path) -> Engine:
    made = create_engine(
        URL.create("sqlite", database=str(file)),
        connect_args={"timeout": BUSY_S},
        hide_parameters=True,
    )
    event.listen(made, "connect", _set_up)
    event.listen(made, "begin", _begin)
    return made


def _set_up(connection: Any, _record: object) -> None:
    # The module would begin transactions by itself, and only before the first write.
    connection.isolation_level = None
    cursor = connection.cursor()
    _write_ahead(cursor)
    for pragma in (
        # NORMAL could lose the last commits with the power, and with them the note that
        # a deed was begun; the journal is worth one fsync a commit.
        "synchronous=FULL",
        "foreign_keys=ON",
        "trusted_schema=OFF",
        "journal_size_limit=67108864",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _wait_for(connection: Connection, seconds: float) -> None:
    raw: Any = connection.connection.dbapi_connection
    raw.execute(f"PRAGMA busy_timeout={int(1000 * seconds)}")


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Have a journal that is written ahead; a new file has another one until somebody does this.

    SQLite waits here for nobody who writes, however long it may wait elsewhere: of several
    processes that open a new file at once some would be refused.
    """
    end = time.monotonic() + BUSY_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
        time.sleep(_AGAIN_S)


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("anypool_write", False)
    connection.exec_driver_sql(f"PRAGMA query_only={int(not write)}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _make_private(file: Path) -> None:
    """Make the file, readable for its owner only; SQLite gives its side files the same mode."""
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreFailed(
            f"the database {file} cannot be opened: {error.strerror}",
            hint="its directory must exist and be writable for this user, and so must the file",
        ) from error
