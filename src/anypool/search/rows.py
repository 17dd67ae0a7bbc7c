"""All records of one noun in columns, so that a search looks at values and not at records.

A column is made when a search first needs it. From one inventory to the next only the
rows whose records changed are touched. Whoever shares one among threads lets one at a
time in.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from anypool.model import Inventory, PMap
from anypool.search.column import Column, Growing, Mask, Order, folded
from anypool.search.compiler import rank_of
from anypool.search.field import Field, Join, Kind
from anypool.search.nouns import TABLES
from anypool.search.syntax import Noun

_EMPTY = Inventory()


class _Resolved(NamedTuple):
    """The values of a column that looks at other records, as long as those are the same."""

    seen: tuple[object, ...]
    values: list[Any]
    folded: list[Any]
    order: Order


class Rows:
    """The records of a noun, each in a row of its own as long as it is there."""

    def __init__(self, noun: Noun) -> None:
        self.noun = noun
        self.inventory = _EMPTY
        self.records: list[Any] = []
        self._alive = Growing(np.bool_)
        self._maps: tuple[PMap[Any, Any], ...] = ()
        self._row_of: dict[str, int] = {}
        self._free: list[int] = []
        self._columns: dict[str, Column] = {}
        self._resolved: dict[str, _Resolved] = {}

    @classmethod
    def of(cls, noun: Noun, records: Iterable[Any], inventory: Inventory) -> "Rows":
        """Return some records in rows, for one search."""
        made = cls(noun)
        made.inventory = inventory
        made._load(records)
        return made

    def advance(self, inventory: Inventory) -> int:
        """Become the rows of another inventory; return how many rows that touched."""
        maps = TABLES[self.noun].maps(inventory)
        before, self._maps, self.inventory = self._maps, maps, inventory
        if not before:
            self._load(maps[0].values())
            return len(self.records)
        pairs = zip(maps, before, strict=True)
        touched = {key for new, old in pairs for key in new.changed_since(old)}
        for key in touched:
            self._take(key, maps[0].get(key))
        for column in self._columns.values():
            if column.worn:
                column.fill(self.records)
        return len(touched)

    @property
    def alive(self) -> Mask:
        """Return which rows have a record."""
        return self._alive.all

    def field(self, field: Field[Any]) -> Column:
        """Return the column of a field: of its values, or of records if it has a key."""
        if field.key is None:
            return self._column(f".{field.name}", self._own(field), witness=False)
        return self._column(f".{field.name}", field.key, witness=True)

    def join(self, join: Join[Any]) -> Column:
        """Return the column of a join, whose values are one record for each of its keys."""
        return self._column(f"{join.name}.", join.key, witness=True)

    @property
    def base(self) -> Column:
        """Return the column that rows are ordered by at last: name and id."""
        return self._column("", base_of, witness=False)

    def values(self, field: Field[Any]) -> list[Any]:
        """Return the values of a field by code."""
        return self.field(field).values if field.key is None else self._looked_up(field).values

    def folded(self, field: Field[Any]) -> list[Any]:
        """Return the values of a field of texts by code, in the form that ignores case."""
        return self.field(field).folded() if field.key is None else self._looked_up(field).folded

    def order(self, field: Field[Any]) -> Order:
        """Return the order of a field's values."""
        if field.key is None:
            return self.field(field).order(rank_of(field))
        known = self._looked_up(field)
        rank = rank_of(field)
        fresh = range(len(known.order.by_code), len(known.values))
        known.order.extend((rank(known.values[code]), code) for code in fresh)
        return known.order

    def steps(self) -> Iterator[Callable[[], object]]:
        """Yield what makes the columns that most searches need, in steps of a moment each."""
        fields = {field.name: field for field in TABLES[self.noun].fields}
        yield lambda: self.base.order(tuple)
        for name in TABLES[self.noun].totals:
            yield partial(self.field, fields[name])
        for field in fields.values():
            if field.free:
                yield partial(self.folded, field)
            if field.free and field.key is None and field.kind in (Kind.TEXT, Kind.SET):
                yield partial(self._held, field)
            if field.kind in (Kind.TEXT, Kind.ENUM, Kind.SIZE, Kind.NUMBER):
                yield partial(self.order, field)

    def _held(self, field: Field[Any]) -> object:
        return self.field(field).holding("-")

    def _looked_up(self, field: Field[Any]) -> _Resolved:
        inventory = self.inventory
        seen = (inventory.hosts, inventory.datastores, inventory.networks, inventory.images)
        old = self._resolved.get(field.name)
        if old is None or any(a is not b for a, b in zip(old.seen, seen, strict=True)):
            old = _Resolved(seen, [], [], Order())
        owners = self.field(field).values
        if len(owners) < len(old.values):
            old = _Resolved(seen, [], [], Order())
        fresh = [_kept(field, field.get(one, inventory)) for one in owners[len(old.values) :]]
        old.values.extend(fresh)
        if field.kind in (Kind.TEXT, Kind.SET):
            old.folded.extend(map(folded, fresh))
        self._resolved[field.name] = old
        return old

    def _own(self, field: Field[Any]) -> Callable[[Any], Any]:
        get = field.get
        if field.kind is Kind.SET:
            return lambda record: frozenset(get(record, self.inventory))
        return lambda record: get(record, self.inventory)

    def _column(self, name: str, key: Callable[[Any], Any], *, witness: bool) -> Column:
        if (found := self._columns.get(name)) is None:
            found = self._columns[name] = Column(key, witness=witness)
            found.fill(self.records)
        return found

    def _load(self, records: Iterable[Any]) -> None:
        self.records = list(records)
        self._row_of = {record.id: row for row, record in enumerate(self.records)}
        self._alive.fill(np.ones(len(self.records), np.bool_))
        self._free.clear()
        for column in self._columns.values():
            column.fill(self.records)

    def _take(self, key: str, record: Any) -> None:
        row = self._row_of.get(key)
        if record is None:
            if row is not None:
                del self._row_of[key]
                self.records[row] = None
                self._alive.put(row, False)
                self._free.append(row)
            return
        if row is None:
            row = self._row_of[key] = self._new_row()
        self.records[row] = record
        self._alive.put(row, True)
        for column in self._columns.values():
            column.put(row, record)

    def _new_row(self) -> int:
        if self._free:
            return self._free.pop()
        row = len(self.records)
        self.records.append(None)
        return row


def base_of(record: Any) -> tuple[str, str]:
    """Return what orders records where nothing else does."""
    return getattr(record, "name", ""), record.id


def _kept(field: Field[Any], value: Any) -> Any:
    """Return a value that does not change and can be a key."""
    return frozenset(value) if field.kind is Kind.SET else value
