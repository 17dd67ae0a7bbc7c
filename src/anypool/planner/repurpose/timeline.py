"""When a calendar wants what: from texts about the wall clock to moments in seconds since 1970.

A time of the clock on the wall is one moment. One that is skipped when clocks go forward is the
moment of the change; one that comes twice when they go back is the first of both. So an order of
times is an order of moments, and spans that do not overlap on the wall never do.
"""

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct
from msgspec.structs import replace

from anypool.errors import Invalid
from anypool.model.calendar import Calendar
from anypool.model.weekspan import WEEK_MIN, WeekSpan, date_span, overlap_of, week_spans

MARGIN = timedelta(days=8)
"""So far around a question spans are looked at: no span of the week is longer than seven days."""
ALWAYS = 0.0
"""When a stretch began that has no beginning near."""
_YEARS = (1971, 9000)


class Stretch(Struct, frozen=True, kw_only=True, gc=False):
    """A time in which one purpose is wanted, "" where all is left as it is.

    `cause` is why: `span`, `exception`, `hold` or `otherwise`; `words` are those of the exception
    or of whoever holds it, `restored` is the day of the backup whose restore does. `begin` and
    `end` are seconds since 1970.
    """

    begin: float
    end: float
    purpose: str
    cause: str
    words: str = ""
    restored: str = ""


class Vanished(Struct, frozen=True, kw_only=True, gc=False):
    """A span that there is not on one day, because clocks go forward over all of it."""

    purpose: str
    when: str
    day: str


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    """Return a time zone; raise `Invalid` for one that the time zone database does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        hint = "use a name such as Europe/Berlin, America/New_York or UTC"
        raise Invalid(f"there is no time zone {name[:80]!r}", hint=hint) from error


def moment_of(wall: datetime, zone: ZoneInfo) -> float:
    """Return the moment of a time of the wall clock, which has no zone of its own."""
    early, late = wall.replace(tzinfo=zone), wall.replace(tzinfo=zone, fold=1)
    before, after = early.utcoffset(), late.utcoffset()
    assert before is not None
    assert after is not None
    if after <= before:
        return early.timestamp()
    return _change(late.timestamp(), early.timestamp(), zone)


def wall_of(at: float, zone: ZoneInfo) -> datetime:
    """Return what the clock on the wall shows at a moment."""
    return datetime.fromtimestamp(at, UTC).astimezone(zone).replace(tzinfo=None)


def timeline(calendar: Calendar, begin: float, end: float) -> tuple[Stretch, ...]:
    """Return all stretches that have a part in a time, in order and without a gap.

    Neighbours have different purposes. The first began before `begin`, or `ALWAYS`; the last ends
    after `end`. Raise `Invalid` for a zone that is not there.
    """
    zone = zone_of(calendar.zone)
    near = (wall_of(begin, zone) - MARGIN, wall_of(end, zone) + MARGIN)
    _check_years(near)
    layers = (
        tuple(_holds(calendar)),
        tuple(_exceptions(calendar, zone)),
        tuple(_weekly(calendar, zone, near)),
    )
    outer = moment_of(near[0], zone), moment_of(near[1], zone)
    edges = {at for layer in layers for one in layer for at in (one.begin, one.end)}
    cuts = sorted({*outer, *(at for at in edges if outer[0] < at < outer[1])})
    found: list[Stretch] = []
    for first, last in itertools.pairwise(cuts):
        one = _wanted(calendar, layers, first)
        if found and found[-1].purpose == one.purpose:
            found[-1] = _until(found[-1], last)
        else:
            found.append(_until(one, last, begin=first))
    if found[0].begin == outer[0]:
        found[0] = _until(found[0], found[0].end, begin=ALWAYS)
    return tuple(one for one in found if one.end > begin and one.begin < end)


def stretch_at(calendar: Calendar, at: float) -> Stretch:
    """Return what is wanted at a moment, and until when."""
    return next(one for one in timeline(calendar, at, at + 1.0) if one.begin <= at < one.end)


def vanished(calendar: Calendar, begin: float, end: float) -> tuple[Vanished, ...]:
    """Return the spans of a time that there are not, because clocks skip them."""
    zone = zone_of(calendar.zone)
    near = (wall_of(begin, zone), wall_of(end, zone))
    return tuple(
        Vanished(purpose=span.purpose, when=span.when, day=first.date().isoformat())
        for span in calendar.spans
        for first, last in _occurrences(week_spans(span.when), near)
        if moment_of(first, zone) >= moment_of(last, zone)
    )


def overlaps(calendar: Calendar) -> Iterator[tuple[str, str]]:
    """Yield each pair of spans, or of exceptions, that want something at one time."""
    parts = [(f"{one.purpose} {one.when}", part) for one in calendar.spans
             for part in week_spans(one.when)]  # fmt: skip
    for number, (name, part) in enumerate(parts):
        for other, against in parts[:number]:
            if overlap_of(part, against):
                yield other, name
    dated = [(f"{one.purpose or 'nothing'} {one.when}", date_span(one.when))
             for one in calendar.exceptions]  # fmt: skip
    for number, (name, (first, last)) in enumerate(dated):
        for other, (begin, end) in dated[:number]:
            if first < end and begin < last:
                yield other, name


def _change(low: float, high: float, zone: ZoneInfo) -> float:
    """Return the first second between two at which clocks go as they go at the end."""
    goal = datetime.fromtimestamp(high, zone).utcoffset()
    first, last = int(low), int(high)
    while first < last:
        middle = (first + last) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == goal:
            last = middle
        else:
            first = middle + 1
    return float(first)


def _wanted(calendar: Calendar, layers: tuple[tuple[Stretch, ...], ...], at: float) -> Stretch:
    """Return what is wanted at a moment: what a person holds, then exceptions, then the week."""
    for layer in layers:
        for one in layer:
            if one.begin <= at < one.end:
                return one
    return Stretch(begin=at, end=at, purpose=calendar.otherwise, cause="otherwise")


def _holds(calendar: Calendar) -> Iterator[Stretch]:
    if (hold := calendar.hold) is not None:
        yield Stretch(
            begin=hold.since,
            end=hold.until,
            purpose=hold.purpose,
            cause="hold",
            words=hold.words or hold.by,
            restored=hold.restored,
        )


def _exceptions(calendar: Calendar, zone: ZoneInfo) -> Iterator[Stretch]:
    for one in calendar.exceptions:
        first, last = (moment_of(wall, zone) for wall in date_span(one.when))
        yield Stretch(
            begin=first, end=last, purpose=one.purpose, cause="exception", words=one.words
        )


def _weekly(
    calendar: Calendar, zone: ZoneInfo, near: tuple[datetime, datetime]
) -> Iterator[Stretch]:
    for span in calendar.spans:
        for first, last in _occurrences(week_spans(span.when), near):
            begin, end = moment_of(first, zone), moment_of(last, zone)
            if begin < end:
                yield Stretch(begin=begin, end=end, purpose=span.purpose, cause="span")


def _occurrences(
    spans: tuple[WeekSpan, ...], near: tuple[datetime, datetime]
) -> Iterator[tuple[datetime, datetime]]:
    """Yield each time that spans of the week have a part in a time, on the wall."""
    first = near[0].date() - timedelta(days=near[0].weekday() + 7)
    week = datetime(first.year, first.month, first.day)
    while week < near[1]:
        for span in spans:
            begin = week + timedelta(minutes=span.begin)
            end = begin + timedelta(minutes=span.minutes)
            if begin < near[1] and end > near[0]:
                yield begin, end
        week += timedelta(minutes=WEEK_MIN)


def _until(one: Stretch, end: float, begin: float | None = None) -> Stretch:
    first = one.begin if begin is None else begin
    return replace(one, begin=first, end=end)


def _check_years(near: tuple[date, date]) -> None:
    if near[0].year < _YEARS[0] or near[1].year > _YEARS[1]:
        raise Invalid("no calendar is kept for that year", hint="ask about a time near now")
