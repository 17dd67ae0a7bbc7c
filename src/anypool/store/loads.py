"""Loads kept for later: tails of the running hour, chunks of hours, rows of days.

An hour is hours since 1970, a day is days since 1970. What is in the bytes is in
`loadcodec`.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Table, delete, func, select

from anypool.store.kept_tables import (
    load_chunks,
    load_day_rows,
    load_days,
    load_hours,
    load_objects,
    load_tails,
)
from anypool.store.tx import Tx

_SOME = 500

Bodies = list[tuple[int, bytes]]


def number_of(tx: Tx, name: str) -> int | None:
    """Return the number of an object, None if nothing was ever kept of it."""
    row = tx.row(select(load_objects.c.number).where(load_objects.c.object == name))
    return None if row is None else int(row.number)


def numbers(tx: Tx, names: Sequence[str]) -> dict[str, int]:
    """Return the number of each object, a new one where it has none; they count as in use."""
    tx.put_unique(load_objects, "object", [{"object": name, "used_at": tx.now} for name in names])
    return known_numbers(tx, names)


def known_numbers(tx: Tx, names: Sequence[str]) -> dict[str, int]:
    """Return the numbers of the objects of which anything was ever kept."""
    found: dict[str, int] = {}
    for start in range(0, len(names), _SOME):
        some = load_objects.c.object.in_(names[start : start + _SOME])
        for row in tx.rows(select(load_objects.c.object, load_objects.c.number).where(some)):
            found[row.object] = row.number
    return found


def add_tail(tx: Tx, hour: int, body: bytes) -> int:
    """Keep what an hour has had since the last tail; return the number of the tail."""
    return tx.add(load_tails, {"hour": hour, "body": body})


def tail_hours(tx: Tx) -> tuple[int, ...]:
    """Return the hours that have tails, in order."""
    query = select(load_tails.c.hour).distinct().order_by(load_tails.c.hour)
    return tuple(row.hour for row in tx.rows(query))


def tails(tx: Tx, hour: int) -> Bodies:
    """Return the tails of an hour with their numbers, oldest first."""
    query = select(load_tails.c.number, load_tails.c.body).where(load_tails.c.hour == hour)
    return [(row.number, row.body) for row in tx.rows(query.order_by(load_tails.c.number))]


def drop_tails(tx: Tx, hour: int, numbers_: Sequence[int]) -> None:
    """Forget tails of an hour that are in chunks now; note how large those are."""
    for start in range(0, len(numbers_), _SOME):
        some = load_tails.c.number.in_(numbers_[start : start + _SOME])
        tx.run(delete(load_tails).where(some))
    _count(tx, load_chunks, load_hours, "hour", hour)
    # A day that was rolled up before this hour came must be rolled up again.
    tx.run(delete(load_days).where(load_days.c.day == hour // 24))


def chunks(tx: Tx, number: int, hours: range) -> Bodies:
    """Return the chunks of one object in hours, in order."""
    mine = (load_chunks.c.object == number, *_within(load_chunks.c.hour, hours))
    query = select(load_chunks.c.hour, load_chunks.c.body).where(*mine)
    return [(row.hour, row.body) for row in tx.rows(query.order_by(load_chunks.c.hour))]


def chunks_of(tx: Tx, hour: int, objects: Collection[int]) -> dict[int, bytes]:
    """Return the chunks that some objects have in an hour, by object."""
    found: dict[int, bytes] = {}
    every = list(objects)
    for start in range(0, len(every), _SOME):
        some = load_chunks.c.object.in_(every[start : start + _SOME])
        query = select(load_chunks.c.object, load_chunks.c.body)
        rows = tx.rows(query.where(load_chunks.c.hour == hour, some))
        found |= {row.object: row.body for row in rows}
    return found


def put_chunks(tx: Tx, hour: int, bodies: Iterable[tuple[int, bytes]]) -> None:
    """Keep chunks of an hour, each with the number of its object."""
    tx.put(load_chunks, [{"hour": hour, "object": one, "body": body} for one, body in bodies])


def days(tx: Tx, number: int, span: range) -> Bodies:
    """Return the rows of one object in days, in order."""
    mine = (load_day_rows.c.object == number, *_within(load_day_rows.c.day, span))
    query = select(load_day_rows.c.day, load_day_rows.c.body).where(*mine)
    return [(row.day, row.body) for row in tx.rows(query.order_by(load_day_rows.c.day))]


def day_to_roll(tx: Tx, before: int) -> int | None:
    """Return the oldest day before a day that has chunks and is not rolled up."""
    for row in tx.rows(select(load_hours.c.hour).order_by(load_hours.c.hour)):
        day = int(row.hour) // 24
        if day >= before:
            return None
        if tx.row(select(load_days.c.day).where(load_days.c.day == day)) is None:
            return day
    return None


def day_objects(tx: Tx, day: int, after: int, limit: int) -> tuple[int, ...]:
    """Return the next objects with chunks in a day, in order."""
    found: set[int] = set()
    for hour in range(24 * day, 24 * day + 24):
        mine = (load_chunks.c.hour == hour, load_chunks.c.object > after)
        query = select(load_chunks.c.object).where(*mine).order_by(load_chunks.c.object)
        found.update(row.object for row in tx.rows(query.limit(limit)))
    return tuple(sorted(found)[:limit])


def day_chunks(tx: Tx, day: int, objects: Sequence[int]) -> dict[int, list[bytes]]:
    """Return all chunks of a day of objects that follow each other, by object."""
    found: dict[int, list[bytes]] = {}
    for hour in range(24 * day, 24 * day + 24):
        mine = (load_chunks.c.hour == hour, load_chunks.c.object.between(objects[0], objects[-1]))
        for row in tx.rows(select(load_chunks.c.object, load_chunks.c.body).where(*mine)):
            found.setdefault(row.object, []).append(row.body)
    return found


def put_days(tx: Tx, day: int, rows: Sequence[tuple[int, int, bytes]]) -> None:
    """Keep rows of a day: object, samples, body; one of more samples is not replaced.

    (That would be one whose chunks are gone in part.)
    """
    mine = (load_day_rows.c.day == day, load_day_rows.c.object.in_([row[0] for row in rows]))
    query = select(load_day_rows.c.object, load_day_rows.c.samples).where(*mine)
    had = {row.object: row.samples for row in tx.rows(query)}
    fresh = [row for row in rows if row[1] >= had.get(row[0], 0)]
    names = ("object", "samples", "body")
    tx.put(load_day_rows, [{"day": day} | dict(zip(names, row, strict=True)) for row in fresh])


def close_day(tx: Tx, day: int) -> None:
    """Note that a day is rolled up."""
    _count(tx, load_day_rows, load_days, "day", day)


def _count(tx: Tx, table: Table, into: Table, unit: str, at: int) -> None:
    sums = (func.count(), func.coalesce(func.sum(func.length(table.c.body)), 0))
    row: Any = tx.row(select(*sums).where(table.c[unit] == at))
    tx.put(into, [{unit: at, "objects": row[0], "bytes": row[1]}])


def _within(column: Any, span: range) -> tuple[Any, Any]:
    return (column >= span.start, column < span.stop)
