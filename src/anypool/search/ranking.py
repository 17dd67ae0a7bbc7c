"""The order of rows as one number for each, and places in it that outlive the rows."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anypool.search.column import Column, Order, Place
from anypool.search.compiler import follow, found, rank_of
from anypool.search.nouns import Resolved
from anypool.search.rows import Rows
from anypool.search.syntax import SortKey

Numbers = NDArray[np.int64]
_MOST = 1 << 62


class _Key(NamedTuple):
    """One sort key over all rows: twice the rank, so that there is room in between."""

    column: Column
    by_code: Numbers
    highest: int
    raw: Callable[[int], Any]
    place: Callable[[Any], Place]
    descending: bool

    def number(self, place: Place) -> int:
        twice = 2 * place.rank if place.exact else 2 * place.rank - 1
        return 1 + (self.highest - twice if self.descending else twice)

    def numbers(self) -> Numbers:
        twice = 2 * self.by_code
        by_code: Numbers = 1 + (self.highest - twice if self.descending else twice)
        return self.column.spread(by_code)


class Ranking:
    """Rows in the order of some keys, then by name and id.

    `numbers` are smaller for rows that come earlier, and differ for any two rows.
    """

    def __init__(self, order: tuple[SortKey, ...], rows: Rows) -> None:
        self._keys = (*(_key(key, rows) for key in order), _last(rows))
        self._packs: list[tuple[int, Numbers | None]] = []
        numbers, most = self._keys[0].numbers(), self._keys[0].highest + 3
        for key in self._keys[1:]:
            width = key.highest + 3
            table = None
            if most * width >= _MOST:
                table, numbers = np.unique(numbers, return_inverse=True)
                numbers, most = 2 * numbers.astype(np.int64) + 1, 2 * len(table) + 3
            self._packs.append((width, table))
            numbers, most = numbers * width + key.numbers(), most * width
        self.numbers: Numbers = numbers

    def mark(self, row: int) -> tuple[Any, ...]:
        """Return the values that say where a row stands, for `after`; JSON can hold them."""
        return tuple(key.raw(int(key.column.codes[row])) for key in self._keys)

    def after(self, mark: tuple[Any, ...]) -> int:
        """Return the number that rows after a mark exceed.

        A row that has changed or gone since leaves its place where it was. Raises
        `ValueError` for what is no mark of this order.
        """
        try:
            places = [key.place(value) for key, value in zip(self._keys, mark, strict=True)]
        except (TypeError, AttributeError) as error:
            raise ValueError("not a mark of this order") from error
        number = self._keys[0].number(places[0])
        for key, place, (width, table) in zip(self._keys[1:], places[1:], self._packs, strict=True):
            if table is not None:
                at = int(np.searchsorted(table, number))
                exact = at < len(table) and int(table[at]) == number
                number = 2 * at + 1 if exact else 2 * at
            number = number * width + key.number(place)
        return number


def _key(key: SortKey, rows: Rows) -> _Key:
    place = found(rows.noun, key.path)
    if place.joins:
        return _joined(place, key.descending, rows)
    field = place.field
    values, order, rank = rows.values(field), rows.order(field), rank_of(field)
    return _of(rows.field(field), order, values, rank, key.descending)


def _last(rows: Rows) -> _Key:
    base = rows.base
    return _of(base, base.order(tuple), base.values, tuple, False)


def _of(
    column: Column, order: Order, values: list[Any], rank: Callable[[Any], Any], descending: bool
) -> _Key:
    def raw(code: int) -> Any:
        value = values[code]
        return sorted(value) if isinstance(value, frozenset) else value

    highest = 2 * len(values)
    place: Callable[[Any], Place] = lambda value: order.place(rank(value))  # noqa: E731
    return _Key(column, order.by_code, highest, raw, place, descending)


def _joined(place: Resolved, descending: bool, rows: Rows) -> _Key:
    """Return the key of a field of neighbours: that of the first of them counts."""
    column = rows.join(place.joins[0])
    rank, get, inventory = rank_of(place.field), place.field.get, rows.inventory
    values: list[Any] = []
    for record in column.values:
        ends = [get(end, inventory) for end in follow(place.joins, record, inventory)]
        first = min(ends, key=rank, default=None)
        values.append(frozenset(first) if isinstance(first, list | tuple) else first)

    def any_rank(value: Any) -> Any:
        return () if value is None else rank(value)

    order = Order()
    order.extend((any_rank(value), code) for code, value in enumerate(values))
    return _of(column, order, values, any_rank, descending)
