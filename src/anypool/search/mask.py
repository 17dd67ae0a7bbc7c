"""Which rows satisfy an expression: every part of it is tried on values, not on records."""

from functools import reduce
from typing import Any, assert_never

import numpy as np

from anypool.search.column import Mask
from anypool.search.compiler import comparison, folded_test, found, is_folded, rank_of
from anypool.search.field import Field, Kind
from anypool.search.nouns import FIELDS, Resolved
from anypool.search.pattern import contains
from anypool.search.rows import Rows
from anypool.search.syntax import (
    And,
    Compare,
    Expression,
    Not,
    OneOf,
    Operator,
    Or,
    Value,
    Word,
)

_BOUNDS = frozenset({Operator.LESS, Operator.AT_MOST, Operator.MORE, Operator.AT_LEAST})


def mask(expression: Expression | None, rows: Rows, now: float) -> Mask:
    """Return which rows satisfy an expression; None is satisfied by all that have a record.

    The answer is that of `compiler.predicate` for each record. `now` is in seconds since
    1970. Raises `Invalid` for names or values that do not fit.
    """
    if expression is None:
        return rows.alive.copy()
    return rows.alive & _mask(expression, rows, now)


def _mask(expression: Expression, rows: Rows, now: float) -> Mask:
    match expression:
        case Word(value=value):
            return _free_text(value, rows)
        case Compare(path=path, operator=sign, value=value):
            return _compared(found(rows.noun, path), sign, value, rows, now)
        case OneOf(path=path, values=values):
            place = found(rows.noun, path)
            every = (_compared(place, Operator.EQUAL, value, rows, now) for value in values)
            return reduce(np.logical_or, every)
        case Not(part=part):
            return ~_mask(part, rows, now)
        case And(parts=parts):
            return reduce(np.logical_and, (_mask(part, rows, now) for part in parts))
        case Or(parts=parts):
            return reduce(np.logical_or, (_mask(part, rows, now) for part in parts))
        case _:
            assert_never(expression)


def _compared(place: Resolved, sign: Operator, value: Value, rows: Rows, now: float) -> Mask:
    if sign is Operator.UNEQUAL:
        return ~_compared(place, Operator.EQUAL, value, rows, now)
    field = place.field
    if place.joins:
        holds = comparison(place, sign, value, now)
        column = rows.join(place.joins[0])
        return column.where(lambda record: holds(record, rows.inventory), column.values)
    if field.kind is Kind.TEXT and sign in _BOUNDS and not value.wild:
        return _bounded(field, sign, value.text, rows)
    if sign is Operator.CONTAINS and not value.wild:
        return _holding(field, value.text.casefold(), rows)
    test = folded_test(field, sign, value, now)
    if field.kind is Kind.ENUM:
        values = [item.casefold() for item in rows.values(field)]
    else:
        values = rows.folded(field) if is_folded(field) else rows.values(field)
    return rows.field(field).where(test, values)


def _bounded(field: Field[Any], sign: Operator, text: str, rows: Rows) -> Mask:
    """Return which rows have a text before or after another one."""
    order = rows.order(field)
    place = order.place(rank_of(field)(text))
    ranks = order.by_code
    above = ranks > place.rank if place.exact else ranks >= place.rank
    by_code = {
        Operator.LESS: ranks < place.rank,
        Operator.AT_LEAST: ranks >= place.rank,
        Operator.MORE: above,
        Operator.AT_MOST: ~above,
    }
    return rows.field(field).spread(by_code[sign])


def _holding(field: Field[Any], word: str, rows: Rows) -> Mask:
    """Return which rows have a word in a field of texts."""
    if field.key is None and field.kind is not Kind.ENUM:
        return rows.field(field).holding(word)
    texts = rows.values(field) if field.kind is Kind.ENUM else rows.folded(field)
    one = field.kind is not Kind.SET
    holds = [word in text if one else any(word in item for item in text) for text in texts]
    return rows.field(field).spread(np.array(holds, np.bool_))


def _free_text(value: Value, rows: Rows) -> Mask:
    free = [field for field in FIELDS[rows.noun].values() if field.free]
    none = np.zeros(len(rows.records), np.bool_)
    if not value.wild:
        word = value.text.casefold()
        return reduce(np.logical_or, (_holding(field, word, rows) for field in free), none)
    test = contains(value.text.casefold(), wild=value.wild)
    any_of_them: dict[bool, Any] = {False: test, True: lambda items: any(map(test, items))}
    found_in = [
        rows.field(field).where(any_of_them[field.kind is Kind.SET], rows.folded(field))
        for field in free
    ]
    return reduce(np.logical_or, found_in, none)
