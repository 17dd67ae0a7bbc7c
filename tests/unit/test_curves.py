"""Curves of the week from readings, and the file about watts and tariffs."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anypool.engine.loads.curves import curves, whole_hours
from anypool.errors import Invalid
from anypool.model import HostId, VmId, told_hour
from anypool.model.metric import COUNT, to_codes
from anypool.service.energy import read_energy, read_hours
from tests.strategies import pool

END = int(datetime(2026, 12, 14, tzinfo=UTC).timestamp())
MONDAY = int(datetime(2026, 11, 23, tzinfo=UTC).timestamp())


def codes(values: list[float]) -> np.ndarray:
    every = np.zeros((COUNT, len(values)))
    every[0] = values
    return to_codes(every)[0]


class Hours:
    """Readings of the second of two objects, as hours that are kept; times count from a Monday."""

    def __init__(self, readings: list[tuple[int, float]]) -> None:
        self._readings = readings

    def hour(self, hour: int) -> Iterator[tuple[int, np.ndarray]]:
        mine = [value for at, value in self._readings if (MONDAY + at) // 3600 == hour]
        if mine:
            yield 1, np.concatenate([codes(mine), np.zeros(3, np.uint16)])


READINGS = st.lists(
    st.tuples(st.integers(0, 3 * 604_800 - 1), st.floats(0, 800)), min_size=1, max_size=60
)


@given(READINGS, st.sampled_from((50.0, 90.0, 95.0, 100.0)))
@settings(max_examples=50)
def test_a_curve_is_the_percentile_of_all_weeks_in_each_hour(
    readings: list[tuple[int, float]], percentile: float
) -> None:
    found = curves(Hours(readings), [VmId("none"), VmId("v")], whole_hours(MONDAY, END), percentile)
    assert set(found) == {VmId("v")}
    curve = found[VmId("v")]
    by_hour: dict[int, list[float]] = {}
    for at, value in readings:
        moment = datetime.fromtimestamp(MONDAY + at, UTC)
        by_hour.setdefault(moment.weekday() * 24 + moment.hour, []).append(value)
    assert curve.hours == len(by_hour)
    for hour in range(168):
        if hour not in by_hour:
            assert math.isnan(curve.high[hour])
            assert math.isnan(curve.mean[hour])
            continue
        values = sorted(by_hour[hour])
        rank = next(k for k in range(1, len(values) + 1) if 100 * k >= percentile * len(values))
        assert curve.high[hour] == pytest.approx(values[rank - 1], rel=0.01, abs=0.01)
        mean = sum(values) / len(values)
        assert curve.mean[hour] == pytest.approx(mean, rel=0.01, abs=0.01)


def test_hours_are_told_from_monday() -> None:
    assert (told_hour(0), told_hour(38), told_hour(167)) == ("Mon 00:00", "Tue 14:00", "Sun 23:00")


ENERGY = """
currency: EUR
price: 0.3
co2_g: 380
watts:
  - {hosts: name = host0, idle: 100, full: 300, off: 8}
  - {idle: 200, full: 500}
"""


def test_the_first_query_that_matches_says_what_a_host_draws(tmp_path: Path) -> None:
    file = tmp_path / "energy.yaml"
    file.write_text(ENERGY)
    found = read_energy(file, named=True)
    assert found.tariff.currency == "EUR"
    assert found.tariff.price == (0.3,) * 168
    assert found.tariff.co2_g == (380.0,) * 168
    world = pool(2)
    watts = found.of(list(world.hosts.values()), world)
    assert (watts[HostId("h0")].idle, watts[HostId("h0")].off) == (100, 8)
    assert (watts[HostId("h1")].full, watts[HostId("h1")].off) == (500, 0)


def test_without_a_file_nothing_is_known_unless_one_was_named(tmp_path: Path) -> None:
    found = read_energy(tmp_path / "energy.yaml", named=False)
    assert not found.tariff.price
    assert not found.watts
    with pytest.raises(Invalid, match=r"energy\.yaml cannot be read"):
        read_energy(tmp_path / "energy.yaml", named=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prize: 3", r"energy.yaml:1: 'prize' is not understood"),
        ("price: much", r"energy.yaml:1: 'much' is no amount"),
        ("price: -1", "is no amount"),
        ("watts:\n- {hosts: colour = red, idle: 1, full: 2}", r"energy.yaml:2: .*colour"),
        ("watts:\n- {idle: 10}", r"energy.yaml:2: idle and full watts are wanted"),
        ("watts:\n- {idle: 10, full: 5}", "draws least when off"),
        ("watts:\n- {idle: 10, full: 50, off: 20}", "draws least when off"),
        ("currency: euros and cents", "a currency is a short word"),
        ("hours: none.csv", "cannot be read"),
    ],
)
def test_what_is_wrong_in_the_file_is_told_with_its_line(
    tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "energy.yaml"
    file.write_text(text)
    with pytest.raises(Invalid, match=said):
        read_energy(file, named=True)


def test_prices_by_the_hour_of_a_day_of_a_week_or_over_time(tmp_path: Path) -> None:
    day = "hour,price\n" + "\n".join(f"{hour},{hour / 100}" for hour in range(24))
    assert read_hours("day.csv", day)["price"][24 + 14] == 0.14
    week = "hour,price,co2_g\n" + "\n".join(f"{hour},1,{hour}" for hour in range(168))
    assert read_hours("week.csv", week)["co2_g"][167] == 167
    rows = [
        (datetime.fromtimestamp(MONDAY + 3600 * at, UTC).isoformat(), at // 168)
        for at in range(336)
    ]
    series = "time,price\n" + "\n".join(f"{time},{price}" for time, price in rows)
    assert read_hours("spot.csv", series)["price"] == (0.5,) * 168
    file = tmp_path / "energy.yaml"
    file.write_text("hours: day.csv\nprice: 9\nco2_g: 5\n")
    (tmp_path / "day.csv").write_text(day)
    tariff = read_energy(file, named=True).tariff
    assert (tariff.price[3], tariff.co2_g[3]) == (0.03, 5.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "day.csv:1: no columns"),
        ("hour,prize\n0,1", "day.csv:1: no columns"),
        ("hour,price\n0,1\n1,cheap", "day.csv:3: could not convert"),
        ("hour,price\n0,nan", "day.csv:2: an amount is no number"),
        ("hour,price\n24,1", "day.csv:2: there is no hour 24"),
        ("hour,price\n0,1,2", "day.csv:2: "),
        ("hour,price\n0,1", "161 hours of the week have no row"),
        ("time,price\nyesterday,1", "day.csv:2: "),
    ],
)
def test_what_is_wrong_in_prices_is_told_with_its_line(text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read_hours("day.csv", text)
