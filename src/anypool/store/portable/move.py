"""From one database to another, in one transaction of the target."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from msgspec import Struct

from anypool.clock import Clock
from anypool.errors import Conflict, Invalid
from anypool.store import connect
from anypool.store.failures import explained, explained_commit
from anypool.store.migrate import revision
from anypool.store.portable.alone import alone, hold, must_be_there, patient
from anypool.store.portable.live import Live
from anypool.store.portable.pour import Report, Summed, pour, quiet


class Moved(Struct, frozen=True, kw_only=True):
    """What was moved, table by table; both databases hold exactly these rows."""

    schema: str
    tables: tuple[Summed, ...]

    @property
    def rows(self) -> int:
        """Return the number of all rows."""
        return sum(table.rows for table in self.tables)


def move(source: str, target: str, clock: Clock, *, report: Report = quiet) -> Moved:
    """Copy every record into an empty database; the source stays as it is.

    Raise `NotFound` if there is no source, `Conflict` while a manager runs on one of them, or
    when the target is not empty. The target has nothing until it has everything, read back
    and compared row by row.
    """
    must_be_there(connect.parse(source))
    if connect.parse(source) == connect.parse(target):
        raise Invalid("source and target are the same database", hint="name another target")
    with (
        alone(source, clock) as (old, from_place),
        alone(target, clock) as (new, to_place),
        explained(from_place),
        _whole(old) as read,
        explained(to_place),
        connect.writing(new) as (connection, transaction),
    ):
        known = Live(read, from_place)
        patient(connection)
        _must_be_empty(connection, to_place)
        tables = pour(connection, to_place, known, report)
        with explained_commit(to_place):
            transaction.commit()
    return Moved(schema=known.schema, tables=tuple(tables))


@contextmanager
def _whole(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Give a connection that sees one moment and keeps managers out."""
    one_moment = {"isolation_level": "REPEATABLE READ"}
    options = one_moment if engine.dialect.name == "postgresql" else {}
    with engine.connect().execution_options(**options) as connection, connection.begin():
        hold(connection)
        yield connection


def _must_be_empty(connection: sa.Connection, place: str) -> None:
    if (found := revision(connection)) is not None:
        raise Conflict(
            f"{place} is not empty: it has schema {found}",
            hint="name a new file, or a database that was just made with createdb",
        )
