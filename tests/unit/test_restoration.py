"""After a restore: marks, numbers, runs and plans of before, and what is still waited for."""

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from anypool.engine.rollouts import Expected, begun
from anypool.errors import NotFound
from anypool.model import (
    Endpoint,
    EndpointId,
    HostId,
    PlanId,
    PoolId,
    RolloutState,
    RolloutWish,
    RunId,
)
from anypool.plan import PlanState, say
from anypool.store import (
    Store,
    act,
    audit,
    events,
    facts,
    ha,
    lease,
    plans,
    restoration,
    rollouts,
    runs,
    tables,
)
from anypool.store.audit import AuditRecord
from anypool.store.records import EventRecord, RunState, StepRecord, StepState
from anypool.store.restoration import EPOCHS_AHEAD, NUMBERS_AHEAD
from tests.unit.store_kit import GOAL, add_plan, add_run, clock, store

__all__ = ["clock", "store"]

H1, H2 = EndpointId("h1"), EndpointId("h2")
DAY = "2026-05-01 12:00:00 UTC"


def add_endpoints(store: Store) -> None:
    with store.writing() as tx:
        for key in (H1, H2):
            facts.endpoints.put(tx, Endpoint(id=key, driver="sim", uri=f"sim://{key}"))


def restored(store: Store, epoch: int = 0) -> int:
    with store.writing() as tx:
        return restoration.begin(tx, 1_000.0, "0.1.0", DAY, epoch)


def kinds(store: Store) -> list[str]:
    with store.reading() as tx:
        return [event.kind for event in events.since(tx, 0)]


def test_what_was_said_before_of_dead_hosts_counts_no_more(store: Store) -> None:
    """They may have been repaired since the backup, and run what was lost from the records."""
    act.begin(act.Act(who="ada", role="operator", proof="session", deed="CONFIRM_DEATH"))
    with store.writing() as tx:
        ha.state(tx, HostId("h3"), 5.0, "burnt")
    act.begin(None)
    restored(store)
    with store.reading() as tx:
        assert ha.standing(tx) == ()
        (told,) = [one.message for one in events.since(tx, 0) if one.kind == "ha.voided"]
    assert "h3" in told


def test_nothing_was_restored_in_a_new_database(store: Store) -> None:
    with store.reading() as tx:
        assert restoration.state(tx) is None
        assert restoration.pending(tx) == ()


def test_every_endpoint_is_closed_until_it_was_read_and_the_last_one_lifts_the_mark(
    store: Store,
) -> None:
    add_endpoints(store)
    restored(store)
    with store.reading() as tx:
        known = {one.id: facts.effective(tx, one) for one in facts.endpoints.all(tx)}
        assert all(one.observe_only and one.unread for one in known.values())
        state = restoration.state(tx)
        assert state is not None
        assert (state.endpoints, state.backup_at, state.ended_at) == (2, 1_000.0, 0.0)
    with store.writing() as tx:
        assert restoration.settle(tx, H1)
        assert not restoration.settle(tx, H1)
    with store.reading() as tx:
        opened = facts.effective(tx, known[H1])
        assert not opened.unread
        assert [one.endpoint for one in restoration.pending(tx)] == [H2]
    with store.writing() as tx:
        assert restoration.settle(tx, H2)
    with store.reading() as tx:
        state = restoration.state(tx)
        assert state is not None
        assert state.ended_at == tx.now
    assert kinds(store) == [
        "manager.restored",
        "endpoint.resynchronised",
        "endpoint.resynchronised",
        "manager.resynchronised",
    ]


def test_what_is_found_out_about_an_endpoint_is_not_kept_in_its_record(store: Store) -> None:
    add_endpoints(store)
    restored(store)
    with store.writing() as tx:
        (first, _) = facts.endpoints.all(tx)
        facts.endpoints.put(tx, replace(first, unread=True))
        restoration.settle(tx, first.id)
        again = facts.endpoints.get(tx, first.id)
        assert again is not None
        assert not facts.effective(tx, again).observe_only


def test_without_endpoints_nothing_is_waited_for(store: Store) -> None:
    restored(store)
    with store.reading() as tx:
        state = restoration.state(tx)
        assert state is not None
        assert state.ended_at == tx.now


def test_somebody_vouches_for_an_endpoint_that_stays_closed(store: Store) -> None:
    add_endpoints(store)
    restored(store)
    with store.writing() as tx:
        restoration.vouch(tx, H2, "ada")
        with pytest.raises(NotFound):
            restoration.vouch(tx, EndpointId("h3"), "ada")
    with store.reading() as tx:
        assert [one.vouched_by for one in restoration.pending(tx)] == ["", "ada"]
        (_, second) = facts.endpoints.all(tx)
        assert facts.effective(tx, second).observe_only


def test_runs_are_interrupted_and_what_they_were_in_the_middle_of_is_in_doubt(
    store: Store,
) -> None:
    plan = add_plan(store)
    with store.writing() as tx:
        run = add_run(tx, "r1", plan)
        plans.set_state(tx, plan, PlanState.RUNNING, only_from={PlanState.RECOMMENDED})
        runs.put_step(tx, StepRecord(run=run.id, number=1, state=StepState.BEGUN, attempts=1))
    assert restored(store) == 1
    with store.reading() as tx:
        again = runs.get_run(tx, RunId("r1"))
        first, second = runs.steps(tx, again.id)
        assert again.state is RunState.INTERRUPTED
        assert "look first" in again.message
        assert (first.state, second.state) == (StepState.NEEDS_HUMAN, StepState.WAITING)
        assert plans.get(tx, plan).state is PlanState.PAUSED
    assert kinds(store) == ["run.interrupted", "manager.restored"]


def test_plans_that_waited_are_superseded_for_they_may_have_been_run_since(store: Store) -> None:
    waiting = add_plan(store)
    restored(store)
    with store.reading() as tx:
        found = plans.get(tx, waiting)
    assert found.state is PlanState.SUPERSEDED
    assert DAY in found.note


def test_epochs_and_numbers_go_on_far_ahead(store: Store) -> None:
    with store.writing() as tx:
        events.append(tx, EventRecord(kind="a", message="a"))
        tx.run(tables.lease.update().values(epoch=7, holder="old"))
    restored(store, epoch=9)
    with store.writing() as tx:
        now = lease.read(tx)
        assert (now.epoch, now.holder) == (9 + EPOCHS_AHEAD, "")
        assert events.append(tx, EventRecord(kind="b", message="b")).number > NUMBERS_AHEAD
        plan = plans.add(tx, PlanId("p2"), GOAL, by="ada")
        row = tx.row(tables.plans.select().where(tables.plans.c.id == plan.id))
        assert row is not None
        assert row.number > NUMBERS_AHEAD


def test_the_audit_trail_goes_on_far_ahead_and_its_chain_holds(store: Store) -> None:
    with store.writing() as tx:
        before = audit.append(tx, AuditRecord(deed="first"))
    restored(store)
    with store.writing() as tx:
        after = audit.append(tx, AuditRecord(deed="second"))
        said = audit.get(tx, before.number + NUMBERS_AHEAD)
        assert said.deed == "manager.restored"
        assert after.number == said.number + 1
        assert audit.append(tx, AuditRecord(deed="third")).number == after.number + 1
        assert audit.verify(tx).sound


def test_a_row_that_only_the_lost_records_had_is_missed(store: Store) -> None:
    with store.writing() as tx:
        audit.append(tx, AuditRecord(deed="first"))
    restored(store)
    with store.writing() as tx:
        audit.append(tx, AuditRecord(deed="second"))
        lost = audit.Head(number=2, hash="f" * 64, at=1.0)
        verdict = audit.verify(tx, (lost,))
    assert not verdict.sound
    assert verdict.broken_at == 2
    assert "restored" in verdict.why


def test_a_row_taken_out_before_a_gap_is_seen(store: Store) -> None:
    with store.writing() as tx:
        for deed in ("first", "second"):
            audit.append(tx, AuditRecord(deed=deed))
    restored(store)
    with store.writing() as tx:
        audit.append(tx, AuditRecord(deed="third"))
        tx.run(text("DROP TRIGGER audit_no_delete"))
        tx.run(tables.audit.delete().where(tables.audit.c.deed == "second"))
        verdict = audit.verify(tx)
    assert "missing" in verdict.why


def test_a_rollout_that_was_under_way_goes_on_only_when_somebody_says_so(store: Store) -> None:
    wish = RolloutWish(hosts=(HostId("h1"),))
    with store.writing() as tx:
        going = begun(tx, PoolId("default"), wish, "ada", Expected((wish.hosts,), 1))
        ended = begun(tx, PoolId("other"), wish, "ada", Expected((wish.hosts,), 1))
        rollouts.put(tx, replace(ended, state=RolloutState.DONE))
    restored(store)
    with store.reading() as tx:
        assert rollouts.get(tx, ended.id).state is RolloutState.DONE
        found = rollouts.get(tx, going.id)
    assert found.state is RolloutState.PAUSED
    assert found.said is not None
    assert DAY in say(found.said)
