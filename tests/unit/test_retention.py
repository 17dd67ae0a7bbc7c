"""What is old goes, in small parts; what something unfinished needs stays."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from msgspec.structs import replace
from sqlalchemy import func, select

from anypool.clock import ManualClock
from anypool.engine.loads.history import History, Span
from anypool.engine.loads.recorder import Recorder
from anypool.engine.records.retention import BATCH, Retention
from anypool.errors import Busy, Invalid
from anypool.model import PlanId, PoolId, RolloutState, RolloutWish
from anypool.plan import PlanState
from anypool.settings import Settings
from anypool.store import (
    Store,
    Tx,
    audit,
    events,
    idempotency,
    loads,
    people,
    plans,
    rollouts,
    runs,
    sessions,
    tables,
    tokens,
)
from anypool.store.records import EventRecord, Role, RunState, UserRecord
from tests.unit.store_kit import add_plan, add_run, readings
from tests.unit.store_kit import clock as clock
from tests.unit.store_kit import store as store

pytestmark = pytest.mark.thorough

DAY_S = 86_400.0
SETTINGS = Settings(state_dir="/nowhere", history_step_s=600)


@pytest.fixture
def retention(store: Store, clock: ManualClock) -> Retention:
    return Retention(store, clock, SETTINGS)


def rows(store: Store, table: str) -> int:
    with store.reading() as tx:
        return tx.count(select(func.count()).select_from(tables.metadata.tables[table]))


def end(store: Store, run: str, state: RunState = RunState.DONE) -> None:
    with store.writing() as tx:
        record = next(one for one in runs.unfinished(tx) if one.id == run)
        runs.put_run(tx, replace(record, state=state, ended_at=tx.now))
        was = {PlanState.RECOMMENDED, PlanState.RUNNING}
        plans.set_state(tx, record.plan, PlanState.DONE, only_from=was)


def started(store: Store, name: str) -> PlanId:
    plan = add_plan(store, name)
    with store.writing() as tx:
        add_run(tx, f"r-{name}", plan)
    return plan


def test_ended_runs_and_their_plans_go_and_unfinished_ones_stay(
    store: Store, clock: ManualClock, retention: Retention
) -> None:
    for name in ("old", "stuck"):
        started(store, name)
    end(store, "r-old")
    with store.writing() as tx:
        plans.set_state(tx, PlanId("stuck"), PlanState.RUNNING, only_from={PlanState.RECOMMENDED})
        stuck = next(one for one in runs.unfinished(tx) if one.id == "r-stuck")
        runs.put_run(tx, replace(stuck, state=RunState.NEEDS_HUMAN))
    add_plan(store, "waits")
    clock.advance(200 * DAY_S)
    started(store, "young")
    end(store, "r-young")
    clock.advance(200 * DAY_S)
    long = replace(SETTINGS, plan_valid_days=10_000.0)
    removed = Retention(store, clock, long).run()
    assert (removed["operations"], removed["plans"], removed["undecided-plans"]) == (1, 1, 0)
    with store.reading() as tx:
        left = {one.id for one in plans.list_plans(tx, runs.Ask()).items}
        assert left == {"stuck", "waits", "young"}
        assert {one.id for one in runs.list_runs(tx, runs.Ask()).items} == {"r-stuck", "r-young"}
        assert len(runs.steps(tx, stuck.id)) == 2
        assert runs.steps(tx, replace(stuck, id="r-old").id) == ()


def test_an_ended_rollout_goes_and_one_that_waits_stays(
    store: Store, clock: ManualClock, retention: Retention
) -> None:
    def rollout(key: str, state: RolloutState, ended_at: float) -> rollouts.Rollout:
        return rollouts.Rollout(
            id=key, pool=PoolId("east"), wish=RolloutWish(hosts=()), state=state, by="ada",
            waves=(), fewest=0, started_at=clock.now(), ended_at=ended_at,
        )  # fmt: skip

    with store.writing() as tx:
        rollouts.put(tx, rollout("over", RolloutState.DONE, clock.now()))
        rollouts.put(tx, rollout("waits", RolloutState.WAITING, 0.0))
    clock.advance(366 * DAY_S)
    assert retention.run(["rollouts"]) == {"rollouts": 1}
    with store.reading() as tx:
        assert [one.id for one in rollouts.all_(tx)] == ["waits"]


def test_a_plan_whose_run_is_forgotten_first_can_still_be_read(
    store: Store, clock: ManualClock
) -> None:
    plan = started(store, "p")
    end(store, "r-p")
    clock.advance(40 * DAY_S)
    short = replace(SETTINGS, keep_operations_days=30.0)
    assert Retention(store, clock, short).run()["plans"] == 0
    with store.reading() as tx:
        assert plans.get(tx, plan).run is None


def test_a_plan_nobody_ran_is_superseded_then_forgotten(
    store: Store, clock: ManualClock, retention: Retention
) -> None:
    plan = add_plan(store)
    clock.advance(29 * DAY_S)
    assert retention.run(["undecided-plans"]) == {"undecided-plans": 0}
    clock.advance(2 * DAY_S)
    assert retention.run(["undecided-plans"]) == {"undecided-plans": 1}
    with store.reading() as tx:
        found = plans.get(tx, plan)
    assert (found.state, found.note) == (PlanState.SUPERSEDED, "nobody ran it in 30 days")
    clock.advance(366 * DAY_S)
    assert retention.run(["plans"]) == {"plans": 1}


def test_events_logins_and_requests_go_by_age(
    store: Store, clock: ManualClock, retention: Retention
) -> None:
    with store.writing() as tx:
        for _ in range(BATCH + 50):
            events.append(tx, EventRecord(kind="x", message="x"))
        sessions.note_failure(tx, "eve", keep_s=1e9)
        idempotency.remember(tx, "k", "ada", "h")
    clock.advance(400 * DAY_S)
    with store.writing() as tx:
        newest = events.append(tx, EventRecord(kind="x", message="new"))
    removed = retention.run()
    assert (removed["events"], removed["logins"], removed["requests"]) == (BATCH + 50, 1, 1)
    with store.reading() as tx:
        assert events.since(tx, 0) == (newest,)
    shown = {one.rule.kind: one for one in retention.standing()}
    assert shown["events"].amount.rows == 1
    assert shown["events"].amount.oldest == newest.at
    assert shown["events"].last.removed == 250
    assert clock.now() - shown["events"].last.ran_at < 1
    retention.run()
    again = {one.rule.kind: one.last for one in retention.standing()}
    assert (again["events"].removed, again["events"].removed_ever) == (0, 250)


def test_tokens_that_are_over_go_and_others_stay(
    store: Store, clock: ManualClock, retention: Retention
) -> None:
    grant = (Role.VIEWER, None)
    with store.writing() as tx:
        people.add_user(tx, UserRecord(name="ada", role=Role.VIEWER, password_hash=""))
        for label, ttl_s in (("over", DAY_S), ("young", 30 * DAY_S), ("endless", 0.0)):
            tokens.add_token(tx, "ada", grant, label=label, ttl_s=ttl_s)
    clock.advance(9 * DAY_S)
    assert retention.run(["logins"]) == {"logins": 1}
    with store.reading() as tx:
        assert {one.label for one in tokens.list_tokens(tx)} == {"young", "endless"}


def test_the_audit_trail_is_cut_in_parts_and_still_holds(
    store: Store, clock: ManualClock, retention: Retention, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = 20
    monkeypatch.setattr("anypool.engine.records.retention.BATCH", few)
    for _ in range(12):
        clock.advance(60)
        with store.writing() as tx:
            for number in range(few):
                audit.append(tx, audit.AuditRecord(who="ada", deed=f"d{number}"))
    clock.advance(800 * DAY_S)
    with store.writing() as tx:
        last = audit.append(tx, audit.AuditRecord(who="ada", deed="last"))
    assert retention.run(["audit"]) == {"audit": 12 * few}
    with store.reading() as tx:
        verdict = audit.verify(tx)
        assert audit.get(tx, last.number) == last
    assert (verdict.sound, verdict.rows) == (True, 1)
    assert rows(store, "audit_checkpoints") == 1, "those before the newest say nothing"


def measured(store: Store, clock: ManualClock, days: float) -> History:
    """Ten-minute loads of one VM, rising from 0 to 143 percent every day."""
    recorder = Recorder(store, clock, 600)
    clock.advance(-clock.now() % DAY_S)
    for _ in range(int(days * 144)):
        slot = int(clock.now() % DAY_S) // 600
        recorder.take(readings(float(slot), 512.0, 0.0, 0.0, 0.0, 0.0))
        clock.advance(600)
    recorder.flush()
    return History(store, recorder, 600)


def test_loads_are_rolled_up_by_the_day_and_then_forgotten(
    store: Store, clock: ManualClock, retention: Retention
) -> None:
    history = measured(store, clock, 2)
    now = clock.now()
    span = Span(now - 2 * DAY_S, now, 86_400)
    exact = history.series("v1", ["cpu_percent"], span)
    clock.advance(5 * DAY_S)
    assert retention.run(["loads"]) == {"loads": 0}, "rolled up, and kept still"
    clock.advance(20 * DAY_S)
    assert retention.run(["loads"])["loads"] == 48
    assert rows(store, "load_chunks") == rows(store, "load_hours") == 0
    rolled = history.series("v1", ["cpu_percent"], Span(span.since, span.until, 600))
    assert rolled.step_s == 86_400, "hours are gone, so days are what there is"
    assert rolled.columns["cpu_percent"].min == exact.columns["cpu_percent"].min
    assert rolled.columns["cpu_percent"].max == exact.columns["cpu_percent"].max
    assert rolled.columns["cpu_percent"].mean == pytest.approx(
        exact.columns["cpu_percent"].mean, rel=1e-5
    )
    spread = history.percentiles("v1", "cpu_percent", span.since, span.until)
    values = np.tile(np.arange(144.0), 2)
    for percent, got in ((50, spread.p50), (95, spread.p95), (99, spread.p99)):
        assert got == pytest.approx(np.percentile(values, percent), rel=0.03)
    assert spread.count == 288
    clock.advance(900 * DAY_S)
    removed = retention.run(["daily-loads"])
    assert removed == {"daily-loads": 3}, "two days and the number of the object"
    assert rows(store, "load_day_rows") == rows(store, "load_objects") == 0


def test_a_late_hour_rolls_its_day_up_again(
    store: Store, clock: ManualClock, retention: Retention
) -> None:
    history = measured(store, clock, 1)
    day = clock.now() - DAY_S
    clock.advance(3600)
    retention.run(["loads"])
    recorder = Recorder(store, clock, 600)
    clock._start -= DAY_S
    recorder.take(readings(1000.0, 1.0, 0.0, 0.0, 0.0, 0.0))
    recorder.flush()
    clock._start += DAY_S
    recorder.flush()
    retention.run(["loads"])
    clock.advance(20 * DAY_S)
    retention.run(["loads"])
    spread = history.percentiles("v1", "cpu_percent", day, day + DAY_S)
    assert spread.max == pytest.approx(1000.0, rel=0.003)
    assert rows(store, "load_chunks") == 0


def test_a_day_that_is_not_rolled_up_keeps_its_hours(
    store: Store, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, retention: Retention
) -> None:
    measured(store, clock, 1)
    clock.advance(30 * DAY_S)
    monkeypatch.setattr(retention._rolling, "run", lambda now, go_on: 0)
    assert retention.run(["loads"]) == {"loads": 0}
    with store.reading() as tx:
        number = loads.number_of(tx, "v1")
        assert number is not None
        assert len(loads.chunks(tx, number, range(10**6))) == 24


def test_it_stops_between_two_batches_and_writers_are_let_in(
    store: Store, clock: ManualClock, retention: Retention
) -> None:
    with store.writing() as tx:
        for _ in range(3 * BATCH):
            events.append(tx, EventRecord(kind="x", message="x"))
    clock.advance(400 * DAY_S)
    writing, sizes = store.writing, []

    @contextmanager
    def counted() -> Iterator[Tx]:
        before = rows(store, "events")
        with writing() as tx:
            yield tx
        sizes.append(before - rows(store, "events"))
        if sizes[-1]:
            retention.stopping.set()

    store.writing = counted  # type: ignore[method-assign]
    assert retention.run(["events"]) == {"events": BATCH}
    assert max(sizes) == BATCH
    assert rows(store, "events") == 2 * BATCH


def test_one_round_at_a_time_and_no_unknown_kinds(retention: Retention) -> None:
    with pytest.raises(Invalid) as refused:
        retention.run(["everything"])
    assert "events" in refused.value.hint
    with retention._working, pytest.raises(Busy):
        retention.run()
