"""Events of a busy vCenter: never more are asked for than the brake lets, and nothing waits."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from anypool.clock import ManualClock
from anypool.drivers.vsphere.brake import QUERIES_PER_S, ROWS_AT_ONCE, ROWS_PER_S, Brake
from anypool.model import HostId, Remark, VmId

vim = pytest.importorskip("pyVmomi").vim

from anypool.drivers.vsphere import remarks  # noqa: E402

MINUTE_S = 60
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.mark.parametrize("asks_per_s", [1, 7, 100])
def test_a_minute_of_asking_stays_below_the_brake(asks_per_s: int) -> None:
    brake, queries, rows = Brake(), 0, 0
    for number in range(MINUTE_S * asks_per_s):
        if most := brake.most(number / asks_per_s):
            brake.asked(number / asks_per_s, most)
            queries, rows = queries + 1, rows + most
    assert queries <= MINUTE_S * QUERIES_PER_S + 2
    assert rows <= MINUTE_S * ROWS_PER_S + ROWS_AT_ONCE
    assert queries >= MINUTE_S * 0.9


def test_what_did_not_come_costs_nothing_and_a_clock_that_goes_back_gives_nothing() -> None:
    brake = Brake()
    assert brake.most(10.0) == ROWS_AT_ONCE
    brake.asked(10.0, 1000)
    assert brake.most(10.0) == 0
    brake.unused(990)
    assert brake.most(10.0) == 990
    brake.asked(10.0, 990)
    assert brake.most(3.0) == 0
    assert brake.most(4.0) == ROWS_PER_S


class Vcenter:
    """A vCenter as far as its events are concerned; `rate` happen each second of its clock."""

    generation, account = "g1", "anypool"

    def __init__(self, clock: ManualClock, rate: float) -> None:
        self.clock, self.rate = clock, rate
        self.asked: list[int] = []
        self.about: Callable[[int], str] = lambda _: "vm-1"
        self.free = threading.Event()
        self.free.set()
        self.stub = SimpleNamespace()

    def read(self, _: str, question: Callable[[Any], Any]) -> Any:
        folder = SimpleNamespace(_stub=self.stub)
        return question(SimpleNamespace(eventManager=self, rootFolder=folder))

    def QueryEvents(self, wanted: Any) -> list[Any]:
        self.free.wait(20)
        begin = (wanted.time.beginTime - NOON).total_seconds()
        first = max(0, round(begin * self.rate))
        last = round(self.clock.monotonic() * self.rate)
        last = min(last, first + wanted.maxCount)
        self.asked.append(last - first)
        return [self._event(number) for number in range(first, last)]

    def _event(self, number: int) -> Any:
        vm = SimpleNamespace(vm=SimpleNamespace(_moId=self.about(number)))
        when = NOON + timedelta(seconds=number / self.rate)
        return SimpleNamespace(
            key=number + 1, createdTime=when, userName="anna", vm=vm, fullFormattedMessage="moved"
        )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    made = ManualClock()
    now = lambda _: NOON + timedelta(seconds=made.monotonic())  # noqa: E731
    monkeypatch.setattr(remarks, "_now", now)
    return made


def follower(vcenter: Vcenter, clock: ManualClock) -> remarks.Remarks:
    made = remarks.Remarks(
        vcenter,  # type: ignore[arg-type]
        lambda moid: VmId(moid),
        lambda moid: HostId(moid),
        clock.monotonic,
    )
    assert made.take() == ()
    assert made.begun
    return made


def followed(made: remarks.Remarks, clock: ManualClock, seconds: int) -> list[Remark]:
    """Follow a vCenter of which changes are told ten times a second."""
    said: list[Remark] = []
    for number in range(10 * seconds):
        made.warm([VmId("vm-1"), VmId(f"vm-{number}")])
        said += made.take()
        clock.advance(0.1)
    return said


def test_a_quiet_vcenter_is_told_whole_with_who(clock: ManualClock) -> None:
    vcenter = Vcenter(clock, rate=3.0)
    said = followed(follower(vcenter, clock), clock, 30)
    assert [one.by for one in said] == ["anna"] * len(said)
    assert 80 <= len(said) <= 90
    assert len(vcenter.asked) <= 30 * QUERIES_PER_S + 3


def test_a_busy_vcenter_is_not_asked_for_more_and_the_rest_is_told_without_who(
    clock: ManualClock,
) -> None:
    vcenter = Vcenter(clock, rate=5000.0)
    said = followed(follower(vcenter, clock), clock, 30)
    assert sum(vcenter.asked) <= 30 * ROWS_PER_S + ROWS_AT_ONCE
    assert len(vcenter.asked) <= 30 * QUERIES_PER_S + 3
    unsaid = [one for one in said if one.if_seen]
    assert unsaid
    assert {one.by for one in unsaid} == {""}
    assert any(one.by == "anna" and one.vm == "vm-1" for one in said), "of some it is known who"
    assert len(said) < 30 * 700


def test_a_vcenter_that_takes_long_for_its_events_holds_up_nothing(clock: ManualClock) -> None:
    vcenter = Vcenter(clock, rate=3.0)
    made = follower(vcenter, clock)
    clock.advance(2.0)
    vcenter.free.clear()
    made.warm([VmId("vm-1")])
    began = time.monotonic()
    assert made.take() == ()
    assert made.take() == ()
    assert time.monotonic() - began < 1.0
    assert made.hot, "an answer may still come"
    assert len(vcenter.asked) == 1, "it is asked once at a time"
    vcenter.free.set()
    deadline = time.monotonic() + 5
    while not (said := made.take()):
        assert time.monotonic() < deadline
    assert {one.by for one in said} == {"anna"}
