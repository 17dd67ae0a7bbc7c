"""From what is measured to what can be asked: gaps, restarts, clocks that are set, kills."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anypool.clock import ManualClock
from anypool.engine.loads.history import History, Span
from anypool.engine.loads.load import Loads, Sample, measured
from anypool.engine.loads.recorder import Recorder
from anypool.errors import Invalid, StoreFailed
from anypool.model import EndpointId, Load, VmId
from anypool.store import Store, Tx, loads
from tests.unit.store_kit import clock as clock
from tests.unit.store_kit import readings
from tests.unit.store_kit import store as store

STEP_S = 30
HOUR = 1_700_002_800  # a full hour
NAN = math.nan


@pytest.fixture
def clock() -> ManualClock:  # noqa: F811
    return ManualClock(float(HOUR))


class Desk:
    """A recorder and the history in front of it; `restart` is what a kill leaves behind."""

    def __init__(self, store: Store, clock: ManualClock) -> None:
        self.store, self.clock = store, clock
        self.restart()

    def restart(self, step_s: int = STEP_S) -> None:
        self.recorder = Recorder(self.store, self.clock, step_s)
        self.history = History(self.store, self.recorder, step_s)

    def measure(self, cpu: float, name: str = "v1") -> None:
        self.recorder.take(readings(cpu, 100.0, NAN, NAN, 0.0, 0.0, name=name))

    def go(self, *values: float, name: str = "v1") -> None:
        """Measure each value in a slot of its own, and save it."""
        for value in values:
            self.measure(value, name)
            self.clock.advance(STEP_S)
            self.recorder.flush()

    def cpu(self, since: float = 0.0, until: float = 3600.0, step_s: int = STEP_S) -> list[object]:
        span = Span(HOUR + since, HOUR + until, step_s)
        found = self.history.series("v1", ["cpu_percent"], span).columns["cpu_percent"]
        return [None if value is None else round(value) for value in found.mean]


@pytest.fixture
def desk(store: Store, clock: ManualClock) -> Desk:
    return Desk(store, clock)


def test_a_slot_is_the_mean_of_what_was_measured_in_it(desk: Desk) -> None:
    for value in (10.0, 20.0, 60.0):
        desk.measure(value)
        desk.clock.advance(5)
    desk.clock.advance(15)
    desk.recorder.flush()
    assert desk.cpu(0, 90) == [30, None, None]


def test_what_nobody_measured_is_a_gap_and_zero_is_zero(desk: Desk) -> None:
    desk.go(5.0, NAN, 0.0)
    desk.clock.advance(60)
    desk.go(7.0)
    assert desk.cpu(0, 180) == [5, None, 0, None, None, 7]
    unread = desk.history.series("v1", ["disk_read_bytes_s"], Span(HOUR, HOUR + 180, 30))
    assert set(unread.columns["disk_read_bytes_s"].max) == {None}


def test_an_hour_becomes_a_chunk_and_its_tails_go(desk: Desk) -> None:
    desk.go(*range(1, 121))
    desk.measure(500.0)
    desk.recorder.flush()
    with desk.store.reading() as tx:
        assert loads.tail_hours(tx) == ()
        number = loads.number_of(tx, "v1")
        assert number is not None
        assert len(loads.chunks(tx, number, range(HOUR // 3600, HOUR // 3600 + 1))) == 1
    assert desk.cpu(0, 3600) == list(range(1, 121))


def test_a_new_object_in_mid_hour_and_one_that_goes(desk: Desk) -> None:
    desk.go(1.0, 2.0, name="v0")
    desk.go(3.0)
    desk.go(4.0, name="v2")
    assert desk.cpu(0, 150) == [None, None, 3, None, None]
    desk.restart()
    desk.recorder.flush()
    assert desk.cpu(0, 150) == [None, None, 3, None, None]


@pytest.mark.thorough
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(st.sampled_from(["slot", "gap", "kill", "hour", "back"]), max_size=25))
def test_a_kill_loses_the_last_slot_at_most(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    clock = ManualClock(float(HOUR))
    path = tmp_path_factory.mktemp("db") / "anypool.db"
    store = Store.open(f"sqlite:///{path}", clock=clock)
    desk = Desk(store, clock)
    expected: dict[int, int] = {}
    for number, step in enumerate(steps, 1):
        if step == "slot":
            expected[int(clock.now()) // STEP_S * STEP_S] = number
            desk.go(float(number))
        elif step == "gap":
            clock.advance(90)
        elif step == "hour":
            clock.advance(3600)
            desk.recorder.flush()
        elif step == "back":
            clock._start -= 4000.0
        else:
            desk.measure(999.0)
            desk.restart()
    span = Span(HOUR - 30 * 4000, HOUR + 30 * 3600, 30)
    shown = desk.history.series("v1", ["cpu_percent"], Span(span.since, span.until, 30 * 2))
    assert shown.step_s == 60
    for moment in expected:
        one = desk.history.series("v1", ["cpu_percent"], Span(moment, moment + 30, 30))
        (mean,) = one.columns["cpu_percent"].mean
        assert mean is not None
        assert round(mean) == expected[moment]
    known = [value for value in shown.columns["cpu_percent"].max if value is not None]
    assert 999 not in {round(value) for value in known}
    assert desk.history.percentiles("v1", "cpu_percent", span.since, span.until).count == len(
        expected
    )
    store.close()


class Failing:
    """A store that fails at its nth write, before the commit or after it."""

    def __init__(self, store: Store, at: int, *, after: bool) -> None:
        self._store, self._left, self._after = store, at, after
        self.reading = store.reading

    @contextmanager
    def writing(self) -> Iterator[Tx]:
        self._left -= 1
        if self._left == 0 and not self._after:
            raise StoreFailed("killed")
        with self._store.writing() as tx:
            yield tx
        if self._left == 0:
            raise StoreFailed("killed")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, 9))
def test_killed_at_any_write_nothing_saved_is_lost(desk: Desk, at: int, after: bool) -> None:
    desk.go(1.0, 2.0)
    whole = desk.store
    desk.recorder._store = Failing(whole, at, after=after)  # type: ignore[assignment]
    try:
        desk.go(3.0)
        desk.clock.advance(3600)
        desk.measure(4.0)
        desk.recorder.flush()
        desk.clock.advance(3600)
        desk.recorder.flush()
    except StoreFailed:
        pass
    desk.restart()
    assert desk.cpu(0, 60) == [1, 2], "a manager that stands by reads what the dead one left"
    desk.recorder.flush()
    assert desk.cpu(0, 60) == [1, 2]
    with desk.store.reading() as tx:
        assert loads.tail_hours(tx) == ()


def test_a_write_that_failed_is_written_the_next_time(desk: Desk) -> None:
    desk.go(1.0)
    whole = desk.store
    desk.recorder._store = Failing(whole, 1, after=False)  # type: ignore[assignment]
    with pytest.raises(StoreFailed):
        desk.go(2.0)
    desk.recorder.flush()
    desk.restart()
    assert desk.cpu(0, 60) == [1, 2]


def test_hours_without_a_database_are_written_when_it_is_back(desk: Desk) -> None:
    for value in (1.0, 2.0, 3.0):
        desk.measure(value)
        desk.clock.advance(3600)
    desk.recorder.flush()
    with desk.store.reading() as tx:
        assert loads.tail_hours(tx) == ()
    assert desk.cpu(0, 3 * 3600, 3600) == [1, 2, 3]


def test_another_step_after_a_restart_keeps_the_hour(desk: Desk) -> None:
    desk.go(*[10.0] * 4)
    desk.restart(step_s=60)
    desk.clock.advance(3600 - 4 * STEP_S)
    desk.recorder.flush()
    assert desk.cpu(0, 180, 60) == [10, 10, None]


def test_a_lease_that_is_lost_in_the_middle_leaves_the_rest_to_the_next_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.go(1.0)
    desk.restart()
    recover = desk.recorder._recover

    def lost() -> None:
        recover()
        desk.recorder.forget()

    monkeypatch.setattr(desk.recorder, "_recover", lost)
    desk.recorder.flush()
    assert not desk.recorder.recovered, "tails of whoever led meanwhile are not in memory"


def test_memory_of_another_manager_is_forgotten(desk: Desk) -> None:
    desk.go(1.0)
    desk.measure(2.0)
    desk.recorder.forget()
    assert desk.recorder.in_memory("v1") == []
    assert desk.cpu(0, 60) == [1, None]


def test_a_counter_that_was_reset_has_no_rate() -> None:
    vm, at = VmId("v1"), EndpointId("e1")
    old = Load(vm=vm, cpu_ns=5_000, disk_read_bytes=100, memory_used_mib=7)
    new = Load(vm=vm, cpu_ns=2_000, disk_read_bytes=300, memory_used_mib=9)
    before, after = Sample(1.0, 1.0, [old]), Sample(3.0, 3.0, [new])
    cpu, memory, read, *_ = measured(before, after)[:, 0]
    assert math.isnan(cpu)
    assert (memory, read) == (9.0, 100.0)
    loads = Loads().taken(at, before).taken(at, after)
    assert (loads[vm].cpu_percent, loads[vm].disk_read_bytes_s, loads[vm].at) == (0.0, 100.0, 3.0)
    first = measured(None, after)[:, 0]
    assert [math.isnan(value) for value in first] == [True, False, True, True, True, True]


def test_a_clock_that_is_set_does_not_change_a_rate() -> None:
    vm = VmId("v1")
    old = Sample(5_000.0, 10.0, [Load(vm=vm, net_sent_bytes=0)])
    new = Sample(1_000.0, 15.0, [Load(vm=vm, net_sent_bytes=500)])
    assert measured(old, new)[5, 0] == 100.0


def test_loads_are_of_whoever_measured_last() -> None:
    one, other = EndpointId("e1"), EndpointId("e2")
    v1, v2, v3 = VmId("v1"), VmId("v2"), VmId("v3")

    def sample(at: float, **sent: int) -> Sample:
        return Sample(at, at, [Load(vm=VmId(vm), net_sent_bytes=n) for vm, n in sent.items()])

    loads = Loads().taken(one, sample(1, v1=0, v2=0)).taken(one, sample(2, v2=10, v3=0, v1=30))
    sent = {vm: load.net_sent_bytes_s for vm, load in loads.items()}
    assert sent == {v1: 30.0, v2: 10.0, v3: 0.0}, "rows may change places"
    moved = loads.taken(other, sample(3, v1=5)).taken(one, sample(4, v2=10))
    assert sorted(moved) == [v1, v2]
    assert moved[v1].net_sent_bytes_s == 0.0, "nothing is known of it there before"
    back = moved.taken(one, sample(6, v1=90, v2=14))
    assert (back[v1].net_sent_bytes_s, back[v2].net_sent_bytes_s) == (0.0, 2.0)
    assert sorted(back.taken(one, sample(7))) == []
    assert sent == {vm: load.net_sent_bytes_s for vm, load in loads.items()}, "as it was"


@pytest.mark.parametrize(
    ("metrics", "span"),
    [
        (["cpu"], Span(0, 10)),
        ([], Span(10, 10)),
        ([], Span(math.nan, 10)),
        ([], Span(0, 1e12)),
        ([], Span(0, 10, -1)),
        ([], Span(0, 3e7, 30)),
    ],
)
def test_what_cannot_be_asked_is_refused(desk: Desk, metrics: list[str], span: Span) -> None:
    with pytest.raises(Invalid) as refused:
        desk.history.series("v1", metrics, span)
    assert refused.value.hint


def test_of_what_was_never_measured_there_are_gaps_alone(desk: Desk) -> None:
    assert desk.cpu(0, 60) == [None, None]
    assert desk.history.percentiles("v1", "cpu_percent", HOUR, HOUR + 60).p95 is None
