"""What a database error means to a person: which error of ours, and what to do next."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from anypool.errors import AnypoolError, Conflict, Invalid, OutcomeUnknown, StoreFailed

# First match wins: the start of SQLite's error name, what is wrong, what to do.
_SQLITE = (
    ("SQLITE_BUSY", "is locked", "another process is writing for too long; stop it or try again"),
    ("SQLITE_LOCKED", "is locked", "another process is writing for too long; try again"),
    ("SQLITE_READONLY", "is read-only", "make the file and its directory writable for this user"),
    ("SQLITE_FULL", "cannot grow: the disk is full", "free some space; nothing was changed"),
    ("SQLITE_NOTADB", "is not an anypool database", "name another file, or move this one away"),
    ("SQLITE_CORRUPT", "is damaged", "restore it from its backup"),
    ("SQLITE_CANTOPEN", "cannot be opened", "the directory must exist and be writable"),
    ("SQLITE_PERM", "may not be opened", "make the file readable and writable for this user"),
    ("SQLITE_IOERR_SHM", "cannot grow: the disk is full", "free some space; nothing was changed"),
    ("SQLITE_IOERR", "cannot be read or written", "the disk is full, limited or broken; check it"),
)

# The start of PostgreSQL's SQLSTATE; "" is a connection that failed without one.
_POSTGRESQL = (
    ("55P03", "is locked", "another process is writing for too long; stop it or try again"),
    ("57014", "took too long", "another process is writing for too long; try again"),
    ("53100", "cannot grow: the disk is full", "free some space; nothing was changed"),
    ("53300", "has no free connection", "raise max_connections, or stop what holds them"),
    ("25006", "is read-only", "connect to the primary server, not to a standby"),
    ("42501", "refuses this user", "the user needs CREATE on the schema and its own tables"),
    ("28", "refuses this user", "check user and password in the URL"),
    ("3D000", "does not exist", "create the database, or correct its name in the URL"),
    ("08", "does not answer", "check address and port in the URL, and that the server runs"),
    ("57P", "is shutting down or starting up", "try again when the server runs"),
    ("25P03", "was left waiting for too long", "the machine is overloaded; try again"),
    ("FATAL", "refuses the connection", "check user, password and database name in the URL"),
    ("", "does not answer", "check address and port in the URL, and that the server runs"),
)


@contextmanager
def explained(place: str) -> Iterator[None]:
    """Turn what the database driver raises into an error of ours; `place` names the database."""
    try:
        yield
    except SQLAlchemyError as error:
        raise explain(error, place) from error


@contextmanager
def explained_commit(place: str) -> Iterator[None]:
    """As `explained`, for a commit: where its answer was lost, nobody knows what was stored."""
    try:
        yield
    except DBAPIError as error:
        if _answer_lost(error):
            raise OutcomeUnknown(
                f"the database {place} went away while it was storing a change",
                hint="read the object again to see whether the change was stored",
            ) from error
        raise


def explain(error: SQLAlchemyError, place: str) -> AnypoolError:
    """Return the error of ours that says what an error of the database means."""
    if isinstance(error, IntegrityError):
        return Conflict(
            f"the change contradicts what is stored: {_first_line(error.orig)}",
            hint="the name or id is taken, or what it refers to is gone; look and try again",
        )
    if isinstance(error, PoolTimeout):
        return StoreFailed(f"the database {place} is overloaded", hint="try again")
    if not isinstance(error, DBAPIError) or error.orig is None:
        return StoreFailed(f"the database {place} refused: {_first_line(error)}")
    code, table = _code(error.orig)
    said = _first_line(error.orig)
    for start, wrong, hint in table:
        if code.startswith(start) and (start or error.connection_invalidated or _cut(error.orig)):
            return StoreFailed(f"the database {place} {wrong} ({said})", hint=hint)
    if isinstance(error, DataError):
        return Invalid(f"a value cannot be stored: {said}")
    return StoreFailed(f"the database {place} refused: {said}")


def _code(orig: BaseException) -> tuple[str, tuple[tuple[str, str, str], ...]]:
    if isinstance(orig, sqlite3.Error):
        return getattr(orig, "sqlite_errorname", ""), _SQLITE
    if (state := getattr(orig, "sqlstate", None)) is None and "FATAL:" in str(orig):
        return "FATAL", _POSTGRESQL  # the server answered, and libpq hides its SQLSTATE
    return state or "", _POSTGRESQL


def _cut(orig: BaseException) -> bool:
    return type(orig).__name__ in {"OperationalError", "ConnectionTimeout"}


def _answer_lost(error: DBAPIError) -> bool:
    if isinstance(error.orig, sqlite3.Error):
        return getattr(error.orig, "sqlite_errorname", "") == "SQLITE_IOERR_FSYNC"
    return error.connection_invalidated


def _first_line(error: BaseException | None) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0]
