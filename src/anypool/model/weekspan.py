"""Times of the week and of single days, as people write them: on the clock on the wall."""

import re
from datetime import datetime, timedelta

from msgspec import Struct

from anypool.errors import Invalid

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MIN = 1440
WEEK_MIN = 7 * DAY_MIN
_CLOCK = r"(\d\d):(\d\d)"
_DAYS = r"([a-z]{3}(?:-[a-z]{3})?(?:,[a-z]{3}(?:-[a-z]{3})?)*)"
_EACH = re.compile(rf"(?:{_DAYS}\s+)?{_CLOCK}-{_CLOCK}", re.ASCII)
_WHOLE = re.compile(_DAYS, re.ASCII)
_OVER = re.compile(rf"([a-z]{{3}})\s+{_CLOCK}\s*-\s*([a-z]{{3}})\s+{_CLOCK}", re.ASCII)
_DATE = r"(\d{4})-(\d\d)-(\d\d)"
_DATES = re.compile(rf"{_DATE}(?:\s+{_CLOCK})?\s+-\s+{_DATE}(?:\s+{_CLOCK})?", re.ASCII)
_ONE_DATE = re.compile(_DATE, re.ASCII)
_ONE_TIME = re.compile(rf"{_DATE}\s+{_CLOCK}", re.ASCII)
MOST_DAYS = 366
"""A single exception is no longer than that."""


class WeekSpan(Struct, frozen=True, gc=False):
    """From minute `begin` of the week (0 is Monday, 00:00) on, for so many minutes on the wall."""

    begin: int
    minutes: int


def week_spans(text: str) -> tuple[WeekSpan, ...]:
    """Return the spans that a text means, each at most a week; raise `Invalid`.

    `sat-sun` is whole days, `mon-fri 22:00-06:00` a span that begins on each of them (an end that
    is not after the beginning is on the day after), `mon 06:00 - fri 20:00` one span over days.
    """
    plain = " ".join(text.strip().lower().split())
    if (over := _OVER.fullmatch(plain)) is not None:
        first, h1, m1, last, h2, m2 = over.groups()
        begin = _day(text, first) * DAY_MIN + _minute(text, h1, m1)
        end = _day(text, last) * DAY_MIN + _minute(text, h2, m2)
        return (WeekSpan(begin, (end - begin - 1) % WEEK_MIN + 1),)
    if (whole := _WHOLE.fullmatch(plain)) is not None:
        days = _days(text, whole.group(1))
        return tuple(WeekSpan(day * DAY_MIN, DAY_MIN) for day in days)
    if (each := _EACH.fullmatch(plain)) is None:
        raise _wrong(text)
    named, h1, m1, h2, m2 = each.groups()
    begin, end = _minute(text, h1, m1), _minute(text, h2, m2)
    length = (end - begin - 1) % DAY_MIN + 1
    days = _days(text, named) if named else tuple(range(7))
    return tuple(WeekSpan(day * DAY_MIN + begin, length) for day in days)


def overlap_of(one: WeekSpan, other: WeekSpan) -> bool:
    """Return whether two spans of the week, which repeats, have a minute in common."""
    apart = (other.begin - one.begin) % WEEK_MIN
    return apart < one.minutes or (one.begin - other.begin) % WEEK_MIN < other.minutes


def date_span(text: str) -> tuple[datetime, datetime]:
    """Return from when until when a text means, on the wall; raise `Invalid`.

    `2026-12-25` is the whole day, `2026-12-24 14:00 - 2026-12-27 06:00` what lies between.
    Without a clock time the first day counts from its beginning and the last to its end.
    """
    plain = " ".join(text.strip().split())
    try:
        if (one := _ONE_DATE.fullmatch(plain)) is not None:
            begin = datetime(*map(int, one.groups()))  # type: ignore[arg-type]
            return begin, begin + timedelta(days=1)
        if (both := _DATES.fullmatch(plain)) is None:
            raise ValueError
        parts = both.groups()
        begin = _moment(parts[:5])
        end = _moment(parts[5:]) + timedelta(days=parts[8] is None)
    except (ValueError, OverflowError) as error:
        raise _no_date(text) from error
    if end <= begin or end - begin > timedelta(days=MOST_DAYS):
        raise Invalid(
            f"{text[:80]!r} ends before it begins, or lasts over a year",
            hint="the earlier day comes first: 2026-12-24 - 2026-12-27",
        )
    return begin, end


def wall_time(text: str) -> datetime:
    """Return the moment on the wall that a text means: `2026-12-24 14:00`, or the end of a day.

    Raise `Invalid`.
    """
    plain = " ".join(text.strip().split())
    try:
        if (one := _ONE_DATE.fullmatch(plain)) is not None:
            return _moment((*one.groups(), None, None)) + timedelta(days=1)
        if (found := _ONE_TIME.fullmatch(plain)) is None:
            raise ValueError
        return _moment(found.groups())
    except (ValueError, OverflowError) as error:
        hint = "write it as `2026-12-24 14:00`, or `2026-12-24` for the end of that day"
        raise Invalid(f"{text[:80]!r} is no time", hint=hint) from error


def _moment(parts: tuple[str | None, ...]) -> datetime:
    year, month, day, hour, minute = (int(part or 0) for part in parts)
    if (hour, minute) == (24, 0):
        return datetime(year, month, day) + timedelta(days=1)
    return datetime(year, month, day, hour, minute)


def _minute(text: str, hour: str, minute: str) -> int:
    found = 60 * int(hour) + int(minute)
    if int(minute) > 59 or found > DAY_MIN:
        raise _wrong(text)
    return found


def _day(text: str, name: str) -> int:
    if name not in DAYS:
        raise _wrong(text)
    return DAYS.index(name)


def _days(text: str, named: str) -> tuple[int, ...]:
    found: list[int] = []
    for part in named.split(","):
        first, _, last = part.partition("-")
        begin, end = _day(text, first), _day(text, last or first)
        found += [(begin + one) % 7 for one in range((end - begin) % 7 + 1)]
    if len(set(found)) < len(found):
        raise Invalid(f"{text[:80]!r} names a day twice", hint="name each day once")
    return tuple(found)


def _wrong(text: str) -> Invalid:
    return Invalid(
        f"{text[:80]!r} is no span of the week",
        hint="write it as `sat-sun`, `mon-fri 22:00-06:00` or `mon 06:00 - fri 20:00`",
    )


def _no_date(text: str) -> Invalid:
    return Invalid(
        f"{text[:80]!r} is no date",
        hint="write it as `2026-12-25` or `2026-12-24 14:00 - 2026-12-27 06:00`",
    )
