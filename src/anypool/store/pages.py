"""Lists in pages, newest first, that stay put while new rows arrive.

The cursor is the number of the last row shown: what is inserted later has a higher one,
so nothing is shown twice and nothing is left out.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, Table, func, select

from anypool.errors import Invalid
from anypool.store.records import Page
from anypool.store.tx import Tx

T = TypeVar("T")
LIMIT_MAX = 1000


class Ask(Struct, frozen=True, kw_only=True, gc=False):
    """Which page is wanted: up to `limit` rows (1 to 1000) after `cursor`, "" for the first."""

    limit: int = 100
    cursor: str = ""


def page(
    tx: Tx, table: Table, ask: Ask, read: Callable[[Row[Any]], T], *where: ColumnElement[bool]
) -> Page[T]:
    """Return a page of the rows that meet `where`; raise `Invalid` for a bad limit or cursor."""
    if not 1 <= ask.limit <= LIMIT_MAX:
        raise Invalid(f"a page of {ask.limit} is not possible", hint=f"ask for 1 to {LIMIT_MAX}")
    query = select(table).where(*where).order_by(table.c.number.desc()).limit(ask.limit + 1)
    if ask.cursor:
        query = query.where(table.c.number < _number(ask.cursor))
    rows = tx.rows(query)
    total = tx.count(select(func.count()).select_from(table).where(*where))
    more = len(rows) > ask.limit
    shown = rows[: ask.limit]
    return Page(
        items=tuple(read(row) for row in shown),
        total=total,
        next=str(shown[-1].number) if more else None,
    )


def _number(cursor: str) -> int:
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise Invalid("the cursor is not one of ours", hint="start again without a cursor")
    return int(cursor)
