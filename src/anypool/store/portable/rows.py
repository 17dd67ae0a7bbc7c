"""Rows as lines of JSON and back, without loss: floats exactly, bytes as base64."""

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import msgspec
import sqlalchemy as sa

from anypool.errors import Invalid
from anypool.store.portable.shape import Kind, Shape, table_of

BATCH = 500
_encoder = msgspec.json.Encoder()
_READ: dict[Kind, Any] = {
    Kind.TEXT: str | None,
    Kind.INT: int | None,
    Kind.FLOAT: float | str | None,  # JSON has no infinity; it is written as a word
    Kind.BOOL: bool | None,
    Kind.BYTES: bytes | None,
    Kind.JSON: str | None,
}

Line = bytes
Step = Callable[[int], None]
"""Told of each number of rows that went by."""


class Digest:
    """Counts lines and sums them up."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.rows = 0

    def through(self, lines: Iterable[Line]) -> Iterator[Line]:
        """Pass lines on."""
        for line in lines:
            self._hash.update(line + b"\n")
            self.rows += 1
            yield line

    @property
    def sha256(self) -> str:
        """Return the sum over all lines so far, in hex."""
        return self._hash.hexdigest()


def count(connection: sa.Connection, shape: Shape) -> int:
    """Return how many rows a table has."""
    return int(
        connection.execute(sa.select(sa.func.count()).select_from(table_of(shape))).scalar_one()
    )


def lines_of(connection: sa.Connection, shape: Shape, step: Step) -> Iterator[Line]:
    """Yield the rows of a table by its key, the same on every database."""
    table = table_of(shape)
    order = [_ordered(connection, table.columns[name]) for name in shape.key]
    query = sa.select(table).order_by(*order).execution_options(yield_per=BATCH)
    floats = [at for at, column in enumerate(shape.columns) if column.kind is Kind.FLOAT]
    for rows in connection.execute(query).partitions():
        for row in rows:
            yield _encoder.encode(_finite(list(row), floats))
        step(len(rows))


def pour_lines(connection: sa.Connection, shape: Shape, lines: Iterable[Line], step: Step) -> None:
    """Insert rows; raise `Invalid` for a line that is not of this table."""
    names = [column.name for column in shape.columns]
    kinds = [column.kind for column in shape.columns]
    row_type: Any = tuple.__class_getitem__(tuple(_READ[kind] for kind in kinds))
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(row_type)
    floats = [at for at, kind in enumerate(kinds) if kind is Kind.FLOAT]
    insert = table_of(shape).insert()
    source = iter(lines)
    while batch := list(islice(source, BATCH)):
        rows = [_row(decoder, line, names, floats, shape.name) for line in batch]
        connection.execute(insert, rows)
        step(len(rows))


def _row(
    decoder: msgspec.json.Decoder[Any], line: Line, names: list[str], floats: list[int], table: str
) -> dict[str, Any]:
    try:
        values = list(decoder.decode(line))
        for at in floats:
            values[at] = float(values[at]) if isinstance(values[at], str) else values[at]
    except (msgspec.DecodeError, ValueError) as error:
        raise Invalid(f"a row of {table} is not understood: {error}") from error
    return dict(zip(names, values, strict=True))


def _finite(row: list[Any], floats: list[int]) -> list[Any]:
    for at in floats:
        value = row[at]
        if isinstance(value, float) and not math.isfinite(value):
            row[at] = repr(value)
    return row


def _ordered(connection: sa.Connection, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """Return a column as it is sorted: texts by their bytes, whatever the server's language."""
    if connection.dialect.name == "postgresql" and isinstance(column.type, sa.Text):
        return sa.collate(column, "C")
    return column
