"""What tables a database has: columns, keys, and the numbers it would give out next."""

from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.types import UserDefinedType

from anypool.errors import StoreFailed
from anypool.store.migrate import VERSION_TABLE


class Kind(StrEnum):
    """What a column holds; JSON is carried as the text that was stored."""

    TEXT = "text"
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    BYTES = "bytes"
    JSON = "json"


class Column(Struct, frozen=True, kw_only=True):
    """A column."""

    name: str
    kind: Kind


class Shape(Struct, frozen=True, kw_only=True):
    """A table; `next` is the number its next row gets, 0 where the database numbers nothing."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    next: int = 0


_KINDS: tuple[tuple[type[Any], Kind], ...] = (
    (sa.JSON, Kind.JSON),
    (sa.Boolean, Kind.BOOL),
    (sa.LargeBinary, Kind.BYTES),
    (sa.Integer, Kind.INT),
    (sa.Float, Kind.FLOAT),
    (sa.String, Kind.TEXT),
)


def shapes(connection: sa.Connection) -> tuple[Shape, ...]:
    """Return every table of ours, those that others refer to first."""
    found = sa.MetaData()
    found.reflect(connection, only=lambda name, _: name != VERSION_TABLE)
    return tuple(_shape(connection, table) for table in found.sorted_tables)


def _shape(connection: sa.Connection, table: sa.Table) -> Shape:
    columns = tuple(Column(name=str(c.name), kind=_kind(table.name, c)) for c in table.columns)
    key = tuple(str(column.name) for column in table.primary_key)
    shape = Shape(name=str(table.name), columns=columns, key=key)
    number = numbered(connection, shape)
    if number is None:
        return shape
    return Shape(name=shape.name, columns=columns, key=key, next=_next(connection, shape, number))


def _kind(table: str, column: sa.Column[Any]) -> Kind:
    for kind, ours in _KINDS:
        if isinstance(column.type, kind):
            return ours
    raise StoreFailed(f"{table}.{column.name} is of a type that cannot be carried: {column.type}")


class _RawJson(UserDefinedType[str]):
    """JSON as text in both directions: PostgreSQL would hand out values."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the name of the type."""
        return "JSON"

    def column_expression(self, colexpr: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Read it as text."""
        return sa.cast(colexpr, sa.Text)


_TYPES: dict[Kind, sa.types.TypeEngine[Any]] = {
    Kind.TEXT: sa.Text(),
    Kind.INT: sa.BigInteger(),
    Kind.FLOAT: sa.Double(),
    Kind.BOOL: sa.Boolean(),
    Kind.BYTES: sa.LargeBinary(),
    Kind.JSON: _RawJson(),
}


def table_of(shape: Shape) -> sa.Table:
    """Return the table as statements need it."""
    columns = (sa.Column(column.name, _TYPES[column.kind]) for column in shape.columns)
    return sa.Table(shape.name, sa.MetaData(), *columns)


def numbered(connection: sa.Connection, shape: Shape) -> str | None:
    """Return what the database counts the rows of a table with, None where it does not."""
    if len(shape.key) != 1:
        return None
    if connection.dialect.name == "postgresql":
        asked = sa.text("SELECT pg_get_serial_sequence(:table, :column)")
        quoted = connection.dialect.identifier_preparer.quote(shape.name)
        names = {"table": quoted, "column": shape.key[0]}
        found: str | None = connection.execute(asked, names).scalar_one()
        return found
    asked = sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :table")
    sql: str = connection.execute(asked, {"table": shape.name}).scalar_one()
    return "sqlite_sequence" if "AUTOINCREMENT" in sql.upper() else None


def _next(connection: sa.Connection, shape: Shape, counter: str) -> int:
    if connection.dialect.name == "postgresql":
        seen = connection.execute(sa.text(f"SELECT last_value, is_called FROM {counter}")).one()
        return int(seen.last_value) + bool(seen.is_called)
    asked = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :table")
    last = connection.execute(asked, {"table": shape.name}).scalar_one_or_none()
    return int(last or 0) + 1


def set_next(connection: sa.Connection, shape: Shape) -> None:
    """Let the database number on from `shape.next`, or from the highest number there is."""
    counter = numbered(connection, shape)
    if counter is None:
        return
    key = table_of(shape).columns[shape.key[0]]
    highest = connection.execute(sa.select(sa.func.coalesce(sa.func.max(key), 0))).scalar_one()
    upcoming = max(shape.next, int(highest) + 1)
    if connection.dialect.name == "postgresql":
        setting = sa.text("SELECT setval(CAST(:counter AS regclass), :upcoming, false)")
        connection.execute(setting, {"counter": counter, "upcoming": upcoming})
        return
    row = {"table": shape.name, "last": upcoming - 1}
    connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :table"), row)
    connection.execute(sa.text("INSERT INTO sqlite_sequence VALUES (:table, :last)"), row)
