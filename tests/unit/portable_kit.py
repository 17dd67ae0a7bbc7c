"""What the tests of backups share: a database with strange rows in every table."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from anypool.clock import ManualClock
from anypool.store import Store, connect
from anypool.store.portable.live import Live
from anypool.store.portable.rows import Line
from anypool.store.tables import metadata

TEXTS = ("", "ä\u00a0\U0001f40d", 'a "quoted"\n\tline\\', "-- ; DROP TABLE")
FLOATS = (0.1 + 0.2, -0.0, 1.7e308, 5e-324, 1_700_000_000.123456, math.inf)
NUMBERS = (0, -1, 2**53 + 1, 2**63 - 1)
READ_BY_A_RESTORE: dict[str, Any] = {
    "endpoints.options": [],
    "runs.state": "done",
    "rollouts.state": "done",
}
"""What a restore looks into must make sense."""
VALUES: tuple[Any, ...] = ({}, [], {"b": [1, 2.5, None, "ü"], "a": {"deep": True}}, "text", 7, None)
PER_TABLE = 6


def fill(url: str, per_table: int = PER_TABLE) -> None:
    """Make the tables and put rows into every one of them, as odd as their types allow."""
    Store.open(url, clock=ManualClock()).close()
    engine = connect.engine(connect.parse(url))
    try:
        with connect.writing(engine) as (connection, transaction):
            for table in metadata.sorted_tables:
                single = any(str(one.name).endswith("_one") for one in checks(table))
                count = 1 if single else per_table
                connection.execute(sa.delete(table)) if single else None
                rows = [_row(table, number) for number in range(1, count + 1)]
                connection.execute(table.insert(), rows)
            transaction.commit()
    finally:
        engine.dispose()


def checks(table: sa.Table) -> list[sa.Constraint]:
    return [one for one in table.constraints if isinstance(one, sa.CheckConstraint)]


@contextmanager
def open_once(url: str) -> Iterator[sa.Connection]:
    """A connection that only reads, whose transaction is undone."""
    engine = connect.engine(connect.parse(url))
    try:
        with connect.reading(engine) as connection:
            yield connection
    finally:
        engine.dispose()


def contents(url: str) -> dict[str, list[Line]]:
    """Every row of every table, as a backup has them."""
    with open_once(url) as connection:
        live = Live(connection, url)
        return {shape.name: list(live.lines(shape, lambda _: None)) for shape in live.shapes}


def _row(table: sa.Table, number: int) -> dict[str, Any]:
    return {column.name: _value(table, column, number) for column in table.columns}


def _value(table: sa.Table, column: sa.Column[Any], number: int) -> Any:
    for foreign in column.foreign_keys:
        return _value(foreign.column.table, foreign.column, number)
    if (said := READ_BY_A_RESTORE.get(f"{table.name}.{column.name}")) is not None:
        return said
    unique = column.primary_key or column.unique
    kind = column.type
    if isinstance(kind, sa.JSON):
        return VALUES[number % (len(VALUES) - (not column.nullable))]
    if column.nullable and number % 4 == 3:
        return None
    if isinstance(kind, sa.Boolean):
        return bool(number % 2)
    if isinstance(kind, sa.LargeBinary):
        return bytes([number % 256]) + bytes(range(256)) * (number % 3)
    if isinstance(kind, sa.Float):
        return FLOATS[number % len(FLOATS)]
    if isinstance(kind, sa.Integer):
        fits = number if unique or not isinstance(kind, sa.BigInteger) else None
        return fits if fits is not None else NUMBERS[number % len(NUMBERS)]
    return f"{table.name} {number} ä" if unique else TEXTS[number % len(TEXTS)]
