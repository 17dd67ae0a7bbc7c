"""Expressions and sort keys as closures, built once and called for every record."""

import operator
import re
from collections.abc import Callable, Iterator
from typing import Any, assert_never

from anypool.model import Inventory
from anypool.search.column import folded
from anypool.search.field import Field, Join, Kind
from anypool.search.nouns import FIELDS, Resolved, Unresolved, resolve
from anypool.search.pattern import contains, equals
from anypool.search.problem import article, did_you_mean, problem
from anypool.search.syntax import (
    And,
    Compare,
    Expression,
    Not,
    Noun,
    OneOf,
    Operator,
    Or,
    SortKey,
    Value,
    Word,
)
from anypool.search.value import Span, understood

Predicate = Callable[[Any, Inventory], bool]
Getter = Callable[[Any, Inventory], Any]
_Test = Callable[[Any], bool]
_DIGITS = re.compile(r"(\d+)")
_SIGNS: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQUAL: operator.eq,
    Operator.LESS: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.MORE: operator.gt,
    Operator.AT_LEAST: operator.ge,
}


def predicate(expression: Expression, noun: Noun, now: float) -> Predicate:
    """Return a function that says whether a record of `noun` satisfies an expression.

    `now` is in seconds since 1970. Raises `Invalid` for names or values that do not fit.
    """
    match expression:
        case Word(value=value):
            return _free_text(value, noun)
        case Compare(path=path, operator=sign, value=value):
            return comparison(found(noun, path), sign, value, now)
        case OneOf(path=path, values=values):
            place = found(noun, path)
            return _either([comparison(place, Operator.EQUAL, v, now) for v in values])
        case Not(part=part):
            return _negation(predicate(part, noun, now))
        case And(parts=parts):
            return _both([predicate(part, noun, now) for part in parts])
        case Or(parts=parts):
            return _either([predicate(part, noun, now) for part in parts])
        case _:
            assert_never(expression)


def sort_key(key: SortKey, noun: Noun) -> Getter:
    """Return a function to a value that sorts as people expect: `h2` before `h10`."""
    place = found(noun, key.path)
    rank = rank_of(place.field)
    get = place.field.get
    if not place.joins:
        return lambda record, inventory: rank(get(record, inventory))

    def smallest(record: Any, inventory: Inventory) -> Any:
        ranks = [rank(get(end, inventory)) for end in follow(place.joins, record, inventory)]
        return min(ranks, default=())

    return smallest


def found(noun: Noun, path: tuple[str, ...]) -> Resolved:
    """Return the field at the end of a path; raise `Invalid` if there is none."""
    place = resolve(noun, path)
    if isinstance(place, Unresolved):
        text = ".".join(path)
        hint = did_you_mean(place.part, place.known)
        raise problem(text, 0, len(text), f"{article(place.noun)} has no '{place.part}'", hint=hint)
    return place


def _negation(part: Predicate) -> Predicate:
    return lambda record, inventory: not part(record, inventory)


def _both(parts: list[Predicate]) -> Predicate:
    return lambda record, inventory: all(part(record, inventory) for part in parts)


def _either(parts: list[Predicate]) -> Predicate:
    return lambda record, inventory: any(part(record, inventory) for part in parts)


def comparison(place: Resolved, sign: Operator, value: Value, now: float) -> Predicate:
    """Return a function that compares the field at the end of a path."""
    if sign is Operator.UNEQUAL:
        return _negation(comparison(place, Operator.EQUAL, value, now))
    test = _test(place.field, sign, value, now)
    get, joins = place.field.get, place.joins
    if not joins:
        return lambda record, inventory: test(get(record, inventory))
    return lambda record, inventory: any(
        test(get(end, inventory)) for end in follow(joins, record, inventory)
    )


def follow(joins: tuple[Join[Any], ...], record: Any, inventory: Inventory) -> Iterator[Any]:
    """Yield the records at the end of joins that begin at a record."""
    if not joins:
        yield record
        return
    for neighbour in joins[0].get(record, inventory):
        yield from follow(joins[1:], neighbour, inventory)


def _test(field: Field[Any], sign: Operator, value: Value, now: float) -> _Test:
    test = folded_test(field, sign, value, now)
    return (lambda item: test(folded(item))) if is_folded(field) else test


def is_folded(field: Field[Any]) -> bool:
    """Return whether the values of a field are compared without regard to case."""
    return field.kind in (Kind.TEXT, Kind.SET, Kind.ENUM)


def folded_test(field: Field[Any], sign: Operator, value: Value, now: float) -> _Test:
    """Return a test of a field's values, which are folded already if they are texts."""
    wanted = understood(field, value, now)
    if field.kind is Kind.SET:
        text = _text_test(sign, wanted, wild=value.wild)
        return lambda items: any(map(text, items))
    if field.kind is Kind.TEXT or value.wild or sign is Operator.CONTAINS:
        return _text_test(sign, wanted, wild=value.wild)
    if field.kind is Kind.ENUM:
        return _enum_test(field.values, sign, wanted)
    if isinstance(wanted, Span):
        return _time_test(sign, wanted)
    compare = _SIGNS[sign]
    return lambda item: compare(item, wanted)


def _text_test(sign: Operator, folded: str, *, wild: bool) -> Callable[[str], bool]:
    if sign is Operator.EQUAL:
        return equals(folded, wild=wild)
    if sign is Operator.CONTAINS:
        return contains(folded, wild=wild)
    compare, bound = _SIGNS[sign], natural(folded)
    return lambda text: compare(natural(text), bound)


def _enum_test(values: tuple[str, ...], sign: Operator, wanted: str) -> _Test:
    bound = values.index(wanted)
    compare = _SIGNS[sign]
    fits = frozenset(value for rank, value in enumerate(values) if compare(rank, bound))
    return lambda item: item in fits


def _time_test(sign: Operator, span: Span) -> _Test:
    begin, end = span
    match sign:
        case Operator.LESS:
            return lambda at: 0 < at < begin
        case Operator.AT_MOST:
            return lambda at: 0 < at < end
        case Operator.MORE:
            return lambda at: bool(at >= end)
        case Operator.AT_LEAST:
            return lambda at: bool(at >= begin)
        case _:
            return lambda at: begin <= at < end


def _free_text(value: Value, noun: Noun) -> Predicate:
    test = contains(value.text.casefold(), wild=value.wild)
    fields = [field for field in FIELDS[noun].values() if field.free]
    texts = [field.get for field in fields if field.kind is not Kind.SET]
    sets = [field.get for field in fields if field.kind is Kind.SET]

    def holds(record: Any, inventory: Inventory) -> bool:
        for get in texts:
            if test(get(record, inventory).casefold()):
                return True
        return any(test(item.casefold()) for get in sets for item in get(record, inventory))

    return holds


def rank_of(field: Field[Any]) -> Callable[[Any], Any]:
    """Return a function from a field's value to what sorts as people expect."""
    if field.kind is Kind.TEXT:
        return lambda text: natural(text.casefold())
    if field.kind is Kind.SET:
        return lambda items: tuple(sorted(natural(item.casefold()) for item in items))
    if field.kind is Kind.ENUM:
        places = {value: rank for rank, value in enumerate(field.values)}
        return lambda item: (places.get(item, len(places)),)
    return lambda number: (number,)


def natural(text: str) -> tuple[str | tuple[int, str], ...]:
    """Return text as pieces, texts and numbers by turns, so that numbers compare as such."""
    pieces: list[str | tuple[int, str]] = []
    for index, piece in enumerate(_DIGITS.split(text)):
        digits = piece.lstrip("0")
        pieces.append((len(digits), digits) if index % 2 else piece)
    return tuple(pieces)
