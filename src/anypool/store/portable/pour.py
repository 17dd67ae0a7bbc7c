"""Filling a database with the records of another, inside one transaction."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

import sqlalchemy as sa
from msgspec import Struct

from anypool.errors import Invalid, StoreFailed
from anypool.store.migrate import VERSION_TABLE, migrate
from anypool.store.portable.rows import Digest, Line, Step, lines_of, pour_lines
from anypool.store.portable.shape import Kind, Shape, set_next, shapes
from anypool.store.tables import metadata

Report = Callable[[str, int, int], None]
"""Told what is done, how many rows of it went by, and how many there are in all."""


def quiet(_what: str, _done: int, _total: int) -> None:
    """Report nothing."""


class Summed(Struct, frozen=True, kw_only=True):
    """A table with the number of its rows and the sum over them."""

    shape: Shape
    rows: int
    sha256: str


class Source(Protocol):
    """Where records come from: another database or a backup."""

    schema: str

    @property
    def total(self) -> int:
        """How many rows there are."""
        ...

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The tables, those that others refer to first."""
        ...

    def lines(self, shape: Shape, step: Step) -> Iterator[Line]:
        """The rows of one."""
        ...


def pour(connection: sa.Connection, place: str, source: Source, report: Report) -> list[Summed]:
    """Make the source's schema and fill it; the database is empty, and the caller commits.

    What was written is read again and compared. Raise `StoreFailed` when it differs or a
    schema is not known here.
    """
    migrate(connection, place, source.schema)
    mine = {shape.name: shape for shape in shapes(connection)}
    _same_tables(mine, source.shapes)
    meter = Meter("writing", source.total, report)
    written: list[Summed] = []
    with _without_triggers(connection, source.shapes):
        for shape in reversed(source.shapes):
            connection.execute(sa.text(f"DELETE FROM {_quoted(connection, shape.name)}"))
        for shape in source.shapes:
            seen = Digest()
            lines = seen.through(source.lines(shape, _nothing))
            pour_lines(connection, shape, lines, meter.step)
            set_next(connection, shape)
            written.append(Summed(shape=shape, rows=seen.rows, sha256=seen.sha256))
    compare(connection, written, report)
    return written


def compare(connection: sa.Connection, expected: Iterable[Summed], report: Report) -> None:
    """Raise `StoreFailed` unless every table holds exactly these rows and will number on."""
    known = list(expected)
    mine = {shape.name: shape for shape in shapes(connection)}
    meter = Meter("checking", sum(one.rows for one in known), report)
    for one in known:
        seen = Digest()
        for _ in seen.through(lines_of(connection, one.shape, meter.step)):
            pass
        same = (seen.rows, seen.sha256) == (one.rows, one.sha256)
        if not same or 0 < mine[one.shape.name].next < one.shape.next:
            raise StoreFailed(
                f"{one.shape.name} does not read back as it was written "
                f"({seen.rows} rows of {one.rows})",
                hint="nothing was changed; please report this",
            )


class Meter:
    """Sums steps up for a report, which is told of the beginning, too."""

    def __init__(self, what: str, total: int, report: Report) -> None:
        self._what, self._total, self._report = what, total, report
        self._done = 0
        report(what, 0, total)

    def step(self, rows: int) -> None:
        """Say that rows went by."""
        self._done += rows
        self._report(self._what, self._done, self._total)


def empty(connection: sa.Connection) -> None:
    """Remove everything of ours from a database, and nothing else.

    Tables of somebody else are met again by `migrate`, which refuses them.
    """
    ours = [shape.name for shape in shapes(connection) if shape.name in metadata.tables]
    functions = _trigger_functions(connection, ours)
    for name in (*reversed(ours), VERSION_TABLE):
        connection.execute(sa.text(f"DROP TABLE IF EXISTS {_quoted(connection, name)}"))
    for function in functions:
        connection.execute(sa.text(f"DROP FUNCTION {function}"))


def _trigger_functions(connection: sa.Connection, tables: Sequence[str]) -> tuple[str, ...]:
    """Return the functions that triggers of some tables call; SQLite has none."""
    if connection.dialect.name != "postgresql":
        return ()
    asked = sa.text(
        "SELECT DISTINCT t.tgfoid::regprocedure::text FROM pg_trigger t"
        " JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE NOT t.tgisinternal AND n.nspname = current_schema()"
        " AND c.relname = ANY(:tables)"
    )
    return tuple(connection.execute(asked, {"tables": list(tables)}).scalars())


@contextmanager
def _without_triggers(connection: sa.Connection, found: Iterable[Shape]) -> Iterator[None]:
    """Let rows pass as they are, also where triggers refuse changes or make rows of their own."""
    if connection.dialect.name == "postgresql":
        tables = [_quoted(connection, shape.name) for shape in found]
        for name in tables:
            connection.execute(sa.text(f"ALTER TABLE {name} DISABLE TRIGGER USER"))
        yield
        for name in tables:
            connection.execute(sa.text(f"ALTER TABLE {name} ENABLE TRIGGER USER"))
        return
    asked = sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    triggers = connection.execute(asked).all()
    for name, _ in triggers:
        connection.exec_driver_sql(f"DROP TRIGGER {_quoted(connection, name)}")
    yield
    for _, sql in triggers:
        connection.exec_driver_sql(sql)


def _same_tables(mine: Mapping[str, Shape], theirs: Iterable[Shape]) -> None:
    """Raise `Invalid` unless the tables are those that their schema has."""
    wanted = {shape.name: _outline(shape) for shape in theirs}
    made = {name: _outline(shape) for name, shape in mine.items()}
    if wanted != made:
        odd = sorted(name for name in wanted | made if wanted.get(name) != made.get(name))
        raise Invalid(
            f"the tables are not those of their schema: {', '.join(odd[:5])}",
            hint="they were made by a changed release, or by another program; use that one",
        )


def _outline(shape: Shape) -> tuple[dict[str, Kind], tuple[str, ...]]:
    return {column.name: column.kind for column in shape.columns}, shape.key


def _quoted(connection: sa.Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote(name)


def _nothing(_rows: int) -> None:
    pass
