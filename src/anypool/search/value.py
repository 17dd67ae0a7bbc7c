"""Values as written, understood by the kind of their field; the clock is a parameter."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from anypool.errors import Invalid
from anypool.model.units import parse_size
from anypool.search.field import Field, Kind
from anypool.search.lexer import quoted
from anypool.search.problem import did_you_mean
from anypool.search.syntax import Operator, Value

DAY_S = 86_400.0
_LONGEST_NUMBER = 24
_TRUE = frozenset({"yes", "true", "on", "1"})
_FALSE = frozenset({"no", "false", "off", "0"})
_DURATIONS_MS = {
    "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000,
}  # fmt: skip
_ORDERED = frozenset({Operator.LESS, Operator.AT_MOST, Operator.MORE, Operator.AT_LEAST})
_EQUALITY = frozenset({Operator.EQUAL, Operator.UNEQUAL})
OPERATORS: dict[Kind, frozenset[Operator]] = {
    Kind.TEXT: frozenset(Operator),
    Kind.ENUM: frozenset(Operator),
    Kind.SET: _EQUALITY | {Operator.CONTAINS},
    Kind.NUMBER: _EQUALITY | _ORDERED,
    Kind.SIZE: _EQUALITY | _ORDERED,
    Kind.DURATION: _EQUALITY | _ORDERED,
    Kind.BOOL: _EQUALITY,
    Kind.TIME: _EQUALITY | _ORDERED,
}
"""Which operators a kind of field knows."""


class Span(NamedTuple):
    """A stretch of a scale: `begin` is in it, `end` is not; a day is one, a number is not."""

    begin: float
    end: float


def understood(field: Field[Any], value: Value, now: float) -> Any:
    """Return a number, bool, `Span` or folded text; raise `Invalid` for what is none.

    `now` is in seconds since 1970 and moves what is relative, such as `-2h` or `today`.
    """
    if field.kind is Kind.TIME:
        return _time(value.text, now)
    if field.kind is Kind.ENUM:
        return _enum(field, value)
    return _SIMPLE.get(field.kind, str.casefold)(value.text)


def _number(text: str) -> float:
    digits = text.removeprefix("-").replace(".", "", 1)
    if not (digits.isascii() and digits.isdecimal() and len(text) <= _LONGEST_NUMBER):
        raise Invalid(f"{quoted(text)} is not a number", hint="write digits, such as 4 or 0.5")
    return float(text)


def _size(text: str) -> int:
    if not text.isascii() or len(text) > _LONGEST_NUMBER:
        raise Invalid(f"{quoted(text)} is not a size", hint="write 512MiB, 1.5GiB or 2TiB")
    try:
        size = parse_size(text)
    except Invalid:
        raise Invalid(
            f"{quoted(text)} is not a size", hint="write 512MiB, 1.5GiB or 2TiB"
        ) from None
    if size and text.strip()[-1].isdigit():
        raise Invalid(f"{text} has no unit", hint=f"write {text}MiB or {text}GiB")
    return size


def _duration(text: str) -> float:
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    factor = _DURATIONS_MS.get(text[len(number) :])
    if factor is None or number.startswith("-"):
        raise Invalid(f"{quoted(text)} is not a duration", hint="write 50ms, 10s, 5min, 2h or 7d")
    return _number(number) * factor


def _bool(text: str) -> bool:
    if text.lower() not in _TRUE | _FALSE:
        raise Invalid(f"{quoted(text)} is neither yes nor no", hint="write yes or no")
    return text.lower() in _TRUE


def _enum(field: Field[Any], value: Value) -> str:
    text = value.text.casefold()
    if not value.wild and text not in field.values:
        hint = did_you_mean(text, field.values)
        raise Invalid(f"{quoted(value.text)} is not a {field.name}", hint=hint)
    return text


def _time(text: str, now: float) -> Span:
    word = text.lower()
    midnight = now - now % DAY_S
    if word in ("today", "yesterday"):
        begin = midnight if word == "today" else midnight - DAY_S
        return Span(begin, begin + DAY_S)
    if word == "now":
        return Span(now, now + 1)
    hint = "write 2026-11-21, 2026-11-21T09:30, today, yesterday or -2h for two hours ago"
    try:
        if word.startswith("-"):
            begin = now - _duration(word[1:]) / 1000
            return Span(begin, begin + 1)
        return _calendar(text)
    except (Invalid, ValueError, OverflowError):
        raise Invalid(f"{quoted(text)} is not a time", hint=hint) from None


def _calendar(text: str) -> Span:
    if not text.isascii():
        raise ValueError(text)
    moment = datetime.fromisoformat(text.upper())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    width = timedelta(seconds=1) if "T" in text.upper() else timedelta(days=1)
    return Span(moment.timestamp(), moment.timestamp() + width.total_seconds())


_SIMPLE: dict[Kind, Callable[[str], Any]] = {
    Kind.NUMBER: _number,
    Kind.SIZE: _size,
    Kind.DURATION: _duration,
    Kind.BOOL: _bool,
}
