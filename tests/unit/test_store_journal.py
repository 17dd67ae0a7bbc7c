import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import update

from anypool.clock import ManualClock
from anypool.errors import Conflict, Invalid, NotFound
from anypool.model import HostId, PlanId, RunId, VmId
from anypool.plan import Cost, MigrateVm, Plan, PlanState, Refusal, Step, plain, reason
from anypool.store import Store, events, plans, runs, tables
from anypool.store.events import EventFilter
from anypool.store.pages import Ask
from anypool.store.records import (
    EventRecord,
    RunRecord,
    RunState,
    Severity,
    StepRecord,
    StepState,
)
from tests.unit import store_kit
from tests.unit.store_kit import add_plan, add_run

MOVE = MigrateVm(vm=VmId("v1"), source=HostId("h1"), target=HostId("h2"))
WHY = reason("asked", who="ada")
PLAN = Plan(
    goal="evacuate h1",
    steps=(Step(number=1, action=MOVE, why=WHY, cost=Cost(copy_bytes=2**40)),),
    rejected=(Refusal(vm=VmId("v1"), host=HostId("h3"), why=reason("host.maintenance")),),
    cost=Cost(copy_bytes=2**40, duration_ms=1500, pause_ms=12),
)


clock = store_kit.clock
store = store_kit.store


def test_a_plan_comes_back_as_it_was(store: Store, clock: ManualClock) -> None:
    add_plan(store, plan=PLAN)
    with store.reading() as tx:
        record = plans.get(tx, PlanId("p1"))
        shown = plans.summary(tx, PlanId("p1"))
    assert record.plan == PLAN
    assert (record.state, record.by, record.created_at) == ("recommended", "ada", clock.now())
    assert (shown.goal, shown.steps, shown.cost) == (PLAN.goal, 1, PLAN.cost)


def test_a_plan_id_is_taken_once(store: Store) -> None:
    add_plan(store)
    with pytest.raises(Conflict):
        add_plan(store)


def test_a_plan_of_another_release_is_listed_and_not_run(store: Store) -> None:
    add_plan(store, plan=PLAN)
    with store.writing() as tx:
        tx.run(update(tables.plans).values(body=b'{"format":2,"plan":{"goal":1}}'))
    with store.reading() as tx:
        assert plans.list_plans(tx, Ask()).items[0].goal == PLAN.goal
        with pytest.raises(Invalid):
            plans.get(tx, PlanId("p1"))


def test_a_state_changes_only_from_where_it_may(store: Store, clock: ManualClock) -> None:
    add_plan(store)
    clock.advance(5)
    with store.writing() as tx:
        plans.set_state(
            tx,
            PlanId("p1"),
            PlanState.APPROVED,
            only_from={PlanState.RECOMMENDED},
            note=plain("go"),
        )
    with pytest.raises(Conflict, match="p1 is approved"), store.writing() as tx:
        plans.set_state(tx, PlanId("p1"), PlanState.RUNNING, only_from={PlanState.RECOMMENDED})
    with pytest.raises(NotFound), store.writing() as tx:
        plans.set_state(tx, PlanId("p2"), PlanState.RUNNING, only_from=set(PlanState))
    with store.reading() as tx:
        shown = plans.summary(tx, PlanId("p1"))
    assert (shown.state, shown.note, shown.changed_at) == ("approved", "go", clock.now())


def test_only_waiting_plans_are_superseded(store: Store) -> None:
    ids = [add_plan(store, name) for name in ("p1", "p2", "p3")]
    with store.writing() as tx:
        plans.set_state(tx, ids[0], PlanState.DONE, only_from=set(PlanState))
        assert plans.supersede(tx, ids[:2], plain("h2 left")) == 1
        states = [plan.state for plan in plans.list_plans(tx, Ask()).items]
        assert states == [PlanState.RECOMMENDED, PlanState.SUPERSEDED, PlanState.DONE]
        waiting = plans.list_plans(tx, Ask(), states={PlanState.RECOMMENDED})
    assert [plan.id for plan in waiting.items] == ["p3"]
    assert waiting.total == 1


def test_a_run_has_a_row_for_each_step(store: Store) -> None:
    plan = add_plan(store)
    with store.writing() as tx:
        run = add_run(tx, "r1", plan, 2)
        done = StepRecord(
            run=run.id, number=2, state=StepState.DONE, progress_bytes_total=2**40, result="moved"
        )
        runs.put_step(tx, done)
    with store.reading() as tx:
        assert runs.steps(tx, run.id) == (StepRecord(run=run.id, number=1), done)
        assert plans.get(tx, plan).run == run.id
        assert runs.get_run(tx, run.id) == run


def test_what_is_not_there_is_not_written(store: Store) -> None:
    plan = add_plan(store)
    for refused in (
        lambda tx: add_run(tx, "r1", PlanId("p9")),
        lambda tx: runs.put_step(tx, StepRecord(run=RunId("r1"), number=9)),
        lambda tx: runs.put_run(
            tx, RunRecord(id=RunId("r9"), plan=plan, state=RunState.DONE, by="ada")
        ),
        lambda tx: runs.get_run(tx, RunId("r9")),
    ):
        with pytest.raises(NotFound), store.writing() as tx:
            refused(tx)
    with store.reading() as tx:
        assert runs.unfinished(tx) == ()


def test_unfinished_runs_are_found_again(store: Store) -> None:
    plan = add_plan(store)
    with store.writing() as tx:
        made = [add_run(tx, f"r{number}", plan) for number, _ in enumerate(RunState)]
        for run, state in zip(made, RunState, strict=True):
            runs.put_run(tx, replace(run, state=state, paused=True))
    with store.reading() as tx:
        known = [run.state for run in runs.unfinished(tx)]
        assert known == ["running", "paused", "needs-human", "interrupted"]
        assert runs.list_runs(tx, Ask(limit=1), plan=plan).total == len(RunState)
        assert len(runs.list_runs(tx, Ask(), states={RunState.DONE}).items) == 1


def test_a_failed_transaction_leaves_nothing(store: Store) -> None:
    def fail() -> None:
        with store.writing() as tx:
            plans.add(tx, PlanId("p1"), PLAN, by="ada")
            events.append(tx, EventRecord(kind="plan.made", message="made"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.reading() as tx:
        assert plans.list_plans(tx, Ask()).total == 0
        assert events.last_number(tx) == 0


def test_events_are_numbered_and_found(store: Store, clock: ManualClock) -> None:
    with store.writing() as tx:
        first = events.append(tx, EventRecord(kind="vm.started", message="up", subject_id="v1"))
        second = events.append(
            tx, EventRecord(kind="vm.lost", message="gone", severity=Severity.ERROR)
        )
    assert first.number < second.number
    assert first.at == clock.now()
    with store.reading() as tx:
        assert events.since(tx, 0) == (first, second)
        assert events.since(tx, first.number) == (second,)
        assert events.last_number(tx) == second.number
        assert events.find(tx, Ask(), EventFilter(subject_id="v1")).items == (first,)
        assert events.find(tx, Ask(), EventFilter(severity=Severity.ERROR)).items == (second,)


@pytest.mark.thorough
@settings(
    max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.lists(st.integers(0, 4), max_size=8), st.integers(1, 5))
def test_pages_show_each_row_once_while_others_arrive(
    store: Store, arriving: list[int], limit: int
) -> None:
    def arrive(count: int) -> None:
        with store.writing() as tx:
            for _ in range(count):
                events.append(tx, EventRecord(kind="e", message="m"))

    arrive(sum(arriving))
    with store.reading() as tx:
        there = events.last_number(tx)
    seen: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        with store.reading() as tx:
            page = events.find(tx, Ask(limit=limit, cursor=cursor))
        seen += [event.number for event in page.items]
        cursor = page.next
        arrive(arriving.pop() if arriving else 0)
    assert seen == list(range(there, 0, -1))


@pytest.mark.parametrize(
    "ask",
    [Ask(limit=0), Ask(limit=-1), Ask(limit=10**9)]
    + [Ask(cursor=forged) for forged in ("x", "-1", "1 OR 1=1", "9" * 40, "²")],
)
def test_a_bad_page_is_refused(store: Store, ask: Ask) -> None:
    with pytest.raises(Invalid), store.reading() as tx:
        plans.list_plans(tx, ask)


@settings(
    max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.text())
def test_a_text_comes_back_or_is_refused(store: Store, text: str) -> None:
    try:
        with store.writing() as tx:
            written = events.append(tx, EventRecord(kind="e", message=text))
    except Invalid:
        assert "\0" in text
        return
    with store.reading() as tx:
        assert events.since(tx, written.number - 1) == (written,)


@pytest.mark.parametrize("change", [{"message": "\ud800"}, {"pause_ms": 2**63}])
def test_what_no_database_can_keep_is_refused(store: Store, change: dict[str, object]) -> None:
    plan = add_plan(store)
    with store.writing() as tx:
        run = add_run(tx, "r1", plan)
    step = StepRecord(run=run.id, number=1)
    with pytest.raises(Invalid, match="cannot be stored"), store.writing() as tx:
        runs.put_step(tx, replace(step, **change))
    with store.reading() as tx:
        assert runs.steps(tx, run.id)[0] == step
