"""What found rows have in common: how many have each value, and sums."""

from collections import Counter
from typing import Any

from msgspec import Struct

from anypool.errors import Invalid
from anypool.model.units import GIB, KIB, MIB, TIB
from anypool.search.column import Column, Mask
from anypool.search.compiler import follow, found, natural
from anypool.search.field import Field, Kind
from anypool.search.nouns import FIELDS, TABLES, Resolved
from anypool.search.rows import Rows

MOST_VALUES = 100
MOST_FACETS = 10


class Facet(Struct, frozen=True, kw_only=True, gc=False):
    """How many rows have each value of a field, the most frequent first.

    Values are written as in a search. A row with several values counts for each of them;
    `more` is how many further values there are.
    """

    field: str
    values: tuple[tuple[str, int], ...]
    more: int = 0


def facet(name: str, rows: Rows, chosen: Mask) -> Facet:
    """Return a facet of some rows; raise `Invalid` if there is no such field, or it is a time."""
    place = found(rows.noun, tuple(name.strip().split(".")))
    if place.field.kind is Kind.TIME:
        hint = "name a field of another kind, such as state"
        raise Invalid(f"{name} is a time, and has no facets", hint=hint)
    column, values = _by_code(place, rows)
    counts: Counter[Any] = Counter()
    for code, count in enumerate(column.counts(chosen).tolist()):
        if count:
            for value in values[code]:
                counts[value] += count
    least = sorted(counts.values(), reverse=True)[:MOST_VALUES][-1:] or [0]
    frequent = [(value, count) for value, count in counts.items() if count >= least[0]]
    shown = [(_written(place.field, value), count) for value, count in frequent]
    shown.sort(key=lambda one: (-one[1], natural(one[0].casefold())))
    more = max(0, len(counts) - MOST_VALUES)
    return Facet(field=".".join(place.path), values=tuple(shown[:MOST_VALUES]), more=more)


def totals(rows: Rows, chosen: Mask) -> dict[str, int]:
    """Return sums over some rows, by the name of the field; sizes are in bytes and named so."""
    found_: dict[str, int] = {}
    for name in TABLES[rows.noun].totals:
        field = FIELDS[rows.noun][name]
        counts = rows.field(field).counts(chosen).tolist()
        total = sum(value * count for value, count in zip(rows.values(field), counts, strict=True))
        found_[_unit_name(field)] = int(total)
    return found_


def _by_code(place: Resolved, rows: Rows) -> tuple[Column, list[Any]]:
    """Return a column, and for each of its codes the values that count."""
    field = place.field
    if not place.joins:
        values = rows.values(field)
        many = field.kind is Kind.SET
        return rows.field(field), [value if many else (value,) for value in values]
    column = rows.join(place.joins[0])
    ends_of = (follow(place.joins, record, rows.inventory) for record in column.values)
    return column, [_values_at(field, ends, rows) for ends in ends_of]


def _values_at(field: Field[Any], ends: Any, rows: Rows) -> set[Any]:
    values = (field.get(end, rows.inventory) for end in ends)
    if field.kind is Kind.SET:
        return {item for value in values for item in value}
    return set(values)


def _unit_name(field: Field[Any]) -> str:
    name = field.name.replace("-", "_")
    return f"{name}_bytes" if field.kind is Kind.SIZE else name


def _written(field: Field[Any], value: Any) -> str:
    if field.kind is Kind.BOOL:
        return "yes" if value else "no"
    if field.kind is Kind.SIZE:
        return _size(value)
    if field.kind is Kind.DURATION:
        return f"{value}ms"
    return str(value)


def _size(size_bytes: int) -> str:
    """Return a size exactly, in the largest unit that has no fraction."""
    for name, unit in (("TiB", TIB), ("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if size_bytes and size_bytes % unit == 0:
            return f"{size_bytes // unit}{name}"
    return f"{size_bytes}B"
