"""From a backup to a database, in one transaction; afterwards nothing is done until all is read."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from msgspec import Struct

from anypool.clock import Clock
from anypool.errors import Conflict, Invalid
from anypool.store import connect, restoration
from anypool.store.failures import explained, explained_commit
from anypool.store.migrate import migrate, revision
from anypool.store.portable.alone import alone, epoch_of, hold
from anypool.store.portable.file import Backup
from anypool.store.portable.pour import Report, empty, pour, quiet
from anypool.store.portable.shape import shapes
from anypool.store.sealing import Vault
from anypool.store.tx import Tx

_SIGNS_OF_LIFE = ("users", "endpoints", "plans", "events")


class Restored(Struct, frozen=True, kw_only=True):
    """What was restored: rows, runs that were under way, endpoints to be read, epoch, schemas."""

    rows: int
    runs: int
    endpoints: int
    epoch: int
    schema_then: str
    schema_now: str


def restore(
    url: str, backup: Backup, clock: Clock, *, replace: bool = False, report: Report = quiet
) -> Restored:
    """Bring a database back to the moment of a backup; errors as `restoring`."""
    with restoring(url, backup, clock, replace=replace, report=report) as done:
        return done


@contextmanager
def restoring(
    url: str, backup: Backup, clock: Clock, *, replace: bool = False, report: Report = quiet
) -> Iterator[Restored]:
    """Bring a database back to the moment of a backup; whatever was in it is gone then.

    The block is run before the commit, and may still prevent it by raising. Raise `Conflict`
    while a manager runs, or where records are and `replace` was not said; `Invalid` for a
    damaged file, `StoreFailed` for one of a newer schema. All or nothing.
    """
    backup.verify(report)
    with (
        alone(url, clock) as (engine, place),
        explained(place),
        connect.writing(engine) as (connection, transaction),
    ):
        epoch = hold(connection)
        if revision(connection) is not None:
            if not replace and _lives(connection):
                hint = "say --replace to lose them, or name another folder or database"
                raise Conflict(f"{place} holds records already", hint=hint)
            empty(connection)
        if tuple(pour(connection, place, backup, report)) != backup.manifest.tables:
            raise Invalid(f"{backup.path} was altered while it was read", hint="try again")
        migrate(connection, place)
        yield _mark(connection, backup, clock, epoch)
        with explained_commit(place):
            transaction.commit()


def _lives(connection: sa.Connection) -> bool:
    there = {shape.name for shape in shapes(connection)}
    return any(
        connection.execute(sa.text(f"SELECT 1 FROM {table} LIMIT 1")).first() is not None
        for table in _SIGNS_OF_LIFE
        if table in there
    )


def _mark(connection: sa.Connection, backup: Backup, clock: Clock, epoch: int) -> Restored:
    """Take the lease from everybody, and say what must be read before anything is done."""
    made = backup.manifest
    day = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(made.made_at))
    tx = Tx(connection, clock.now(), Vault(None))
    runs = restoration.begin(tx, made.made_at, made.release, day, epoch)
    return Restored(
        rows=backup.total,
        runs=runs,
        endpoints=len(restoration.pending(tx)),
        epoch=epoch_of(connection),
        schema_then=backup.schema,
        schema_now=revision(connection) or "",
    )
