"""When a calendar wants what: texts about the wall clock, exceptions, and clocks that jump."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from anypool.errors import Invalid
from anypool.model.calendar import Calendar, CalendarId, Hold, OneOff, Purpose, Span
from anypool.model.weekspan import WeekSpan, date_span, overlap_of, wall_time, week_spans
from anypool.planner.repurpose.timeline import (
    moment_of,
    overlaps,
    stretch_at,
    timeline,
    vanished,
    wall_of,
    zone_of,
)

BERLIN = "Europe/Berlin"
HOUR_S = 3600.0


def at(text: str, zone: str = BERLIN) -> float:
    return moment_of(datetime.fromisoformat(text), zone_of(zone))


def made(**changes: object) -> Calendar:
    """Production on weekdays, reporting else."""
    values: dict[str, object] = {
        "id": CalendarId("blades"),
        "servers": "",
        "zone": BERLIN,
        "purposes": (Purpose(name="production"), Purpose(name="reporting")),
        "spans": (Span(purpose="production", when="mon 06:00 - fri 20:00"),),
        "otherwise": "reporting",
    }
    return Calendar(**(values | changes))  # type: ignore[arg-type]


def told(calendar: Calendar, begin: str, end: str) -> list[tuple[str, str]]:
    """Return when each stretch begins on the wall, and what it wants."""
    zone = zone_of(calendar.zone)
    return [
        (f"{wall_of(one.begin, zone):%a %m-%d %H:%M}" if one.begin else "always", one.purpose)
        for one in timeline(calendar, at(begin), at(end))
    ]


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("sat-sun", [(5 * 1440, 1440), (6 * 1440, 1440)]),
        ("mon 06:00 - fri 20:00", [(360, 4 * 1440 + 840)]),
        ("fri 20:00-mon 06:00", [(4 * 1440 + 1200, 3 * 1440 - 840)]),
        ("sat,mon 22:00-06:00", [(5 * 1440 + 1320, 480), (1320, 480)]),
        ("wed 00:00-24:00", [(2 * 1440, 1440)]),
        ("mon 06:00 - mon 06:00", [(360, 7 * 1440)]),
    ],
)
def test_spans_of_the_week_are_read(text: str, spans: list[tuple[int, int]]) -> None:
    assert [(one.begin, one.minutes) for one in week_spans(text)] == spans


@pytest.mark.parametrize(
    "text", ["", "mo", "mon 25:00-26:00", "mon-fri", "mon,mon", "mon 6:00-7:00", "mon 06:60-07:00"]
)
def test_what_is_no_span_says_how_one_is_written(text: str) -> None:
    if text == "mon-fri":
        assert len(week_spans(text)) == 5
        return
    with pytest.raises(Invalid) as caught:
        week_spans(text)
    assert caught.value.hint


def test_dates_are_whole_days_or_what_lies_between_two_times() -> None:
    assert date_span("2026-12-25") == (datetime(2026, 12, 25), datetime(2026, 12, 26))
    assert date_span("2026-12-24 14:00 - 2026-12-27 06:00") == (
        datetime(2026, 12, 24, 14), datetime(2026, 12, 27, 6))  # fmt: skip
    assert date_span("2026-12-24 - 2026-12-27")[1] == datetime(2026, 12, 28)
    assert wall_time("2026-12-24") == datetime(2026, 12, 25)
    assert wall_time("2026-12-24 24:00") == datetime(2026, 12, 25)
    for wrong in ("2026-02-30", "2026-12-27 - 2026-12-24", "tomorrow", "2020-01-01 - 2026-01-01"):
        with pytest.raises(Invalid):
            date_span(wrong)


def test_weekdays_are_production_and_the_weekend_is_for_reports() -> None:
    assert told(made(), "2026-11-25T12:00", "2026-12-01T12:00") == [
        ("Mon 11-23 06:00", "production"),
        ("Fri 11-27 20:00", "reporting"),
        ("Mon 11-30 06:00", "production"),
    ]


def test_a_span_each_day_that_leaves_no_gap_is_one_stretch() -> None:
    calendar = made(spans=(Span(purpose="production", when="mon-sun 00:00-24:00"),))
    assert told(calendar, "2026-11-25T12:00", "2026-12-01T12:00") == [("always", "production")]
    assert stretch_at(calendar, at("2026-11-25T12:00")).begin == 0.0


def test_an_exception_goes_before_the_week_and_a_hold_before_both() -> None:
    odd = OneOff(purpose="reporting", when="2026-11-26", words="stocktaking")
    calendar = made(exceptions=(odd,))
    assert told(calendar, "2026-11-25T12:00", "2026-11-27T12:00") == [
        ("Mon 11-23 06:00", "production"),
        ("Thu 11-26 00:00", "reporting"),
        ("Fri 11-27 00:00", "production"),
    ]
    hold = Hold(since=at("2026-11-26T09:00"), until=at("2026-11-26T11:00"), purpose="")
    assert told(replace(calendar, hold=hold), "2026-11-26T08:00", "2026-11-26T12:00") == [
        ("Thu 11-26 00:00", "reporting"),
        ("Thu 11-26 09:00", ""),
        ("Thu 11-26 11:00", "reporting"),
    ]
    now = stretch_at(calendar, at("2026-11-26T10:00"))
    assert (now.cause, now.words) == ("exception", "stocktaking")


def test_a_week_in_which_clocks_go_forward_or_back_has_its_hours() -> None:
    """The same span on the wall lasts an hour less in March and an hour more in October."""
    calendar = made(spans=(Span(purpose="production", when="sun 00:00-12:00"),))
    for day, hours in (("2026-03-22", 12), ("2026-03-29", 11), ("2026-10-25", 13)):
        (one,) = timeline(calendar, at(f"{day}T06:00"), at(f"{day}T07:00"))
        assert one.end - one.begin == hours * HOUR_S


def test_a_time_that_is_skipped_is_the_moment_of_the_change() -> None:
    change = datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp()
    assert at("2026-03-29T02:00") == at("2026-03-29T02:30") == at("2026-03-29T03:00") == change
    calendar = made(spans=(Span(purpose="production", when="sun 02:30-04:00"),))
    assert told(calendar, "2026-03-29T03:30", "2026-03-29T03:31") == [
        ("Sun 03-29 03:00", "production")
    ]


def test_a_span_that_lies_in_the_skipped_hour_is_not_there_and_that_is_told() -> None:
    calendar = made(spans=(Span(purpose="production", when="sun 02:10-02:50"),))
    assert told(calendar, "2026-03-28T12:00", "2026-03-29T12:00") == [
        ("Sun 03-22 02:50", "reporting")
    ]
    (gone,) = vanished(calendar, at("2026-03-28T12:00"), at("2026-03-30T12:00"))
    assert (gone.day, gone.when) == ("2026-03-29", "sun 02:10-02:50")
    assert vanished(calendar, at("2026-04-01T12:00"), at("2026-04-08T12:00")) == ()


def test_a_time_that_comes_twice_is_the_first_of_both() -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp()
    assert at("2026-10-25T02:30") == first
    calendar = made(
        spans=(Span(purpose="production", when="sun 02:30-03:00"),
               Span(purpose="reporting", when="sun 03:00-04:00")),
        otherwise="",
    )  # fmt: skip
    found = timeline(calendar, first, first + 3 * HOUR_S)
    assert [(one.purpose, one.end - one.begin) for one in found[:2]] == [
        ("production", 1.5 * HOUR_S), ("reporting", HOUR_S)]  # fmt: skip


def test_a_whole_day_that_a_zone_left_out_is_no_day() -> None:
    """Samoa had no 30 December 2011."""
    calendar = made(zone="Pacific/Apia", spans=(Span(purpose="production", when="fri"),))
    begin, end = at("2011-12-29T12:00", "Pacific/Apia"), at("2011-12-31T12:00", "Pacific/Apia")
    assert {one.purpose for one in timeline(calendar, begin, end)} == {"reporting"}
    assert [one.day for one in vanished(calendar, begin, end)] == ["2011-12-30"]


def test_a_zone_that_is_not_there_says_how_one_is_written() -> None:
    for name in ("Mars/Olympus", "../../etc/passwd", ""):
        with pytest.raises(Invalid, match="no time zone"):
            timeline(made(zone=name), 1.7e9, 1.7e9 + 60)


def test_spans_that_overlap_are_found_also_over_the_turn_of_the_week() -> None:
    twice = (Span(purpose="production", when="sun 22:00 - mon 06:00"),
             Span(purpose="reporting", when="mon 05:00-07:00"))  # fmt: skip
    assert len(list(overlaps(made(spans=twice)))) == 1
    beside = (Span(purpose="production", when="sun 22:00 - mon 05:00"), twice[1])
    assert list(overlaps(made(spans=beside))) == []
    odd = OneOff(purpose="", when="2026-12-25")
    more = OneOff(purpose="reporting", when="2026-12-24 - 2026-12-26")
    assert len(list(overlaps(made(exceptions=(odd, more))))) == 1


ZONES = st.sampled_from([BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
                         "America/St_Johns", "Africa/Casablanca", "UTC"])  # fmt: skip
WALLS = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1))


@given(ZONES, WALLS, st.integers(0, 40_000))
def test_an_order_of_times_is_an_order_of_moments(zone: str, wall: datetime, minutes: int) -> None:
    later = wall + timedelta(minutes=minutes)
    first, last = moment_of(wall, zone_of(zone)), moment_of(later, zone_of(zone))
    assert first <= last
    shown = wall_of(first, zone_of(zone))
    assert shown == wall.replace(fold=0) or shown > wall


SPANS = st.builds(WeekSpan, st.integers(0, 10_079), st.integers(1, 10_080))


@given(SPANS, SPANS)
def test_whether_spans_overlap_is_what_their_minutes_say(one: WeekSpan, other: WeekSpan) -> None:
    def minutes(span: WeekSpan) -> set[int]:
        return {(span.begin + n) % 10_080 for n in range(span.minutes)}

    assert overlap_of(one, other) is bool(minutes(one) & minutes(other))


@given(ZONES, WALLS)
def test_a_timeline_has_no_gap_and_no_neighbours_alike(zone: str, wall: datetime) -> None:
    begin = moment_of(wall, zone_of(zone))
    found = timeline(made(zone=zone), begin, begin + 9 * 86_400)
    assert found[0].begin <= begin < found[0].end
    assert found[-1].end >= begin + 9 * 86_400
    for one, after in itertools.pairwise(found):
        assert one.end == after.begin
        assert one.purpose != after.purpose
