"""What people ask of a run: pause, go on, cancel, skip and retry; no threads, no world."""

import pytest

from anypool.engine.runs.state import Outcome, Request
from anypool.errors import Conflict, NotFound
from anypool.model import VmState
from anypool.plan import PlanState, RestartVm
from anypool.store.records import RunState
from tests.unit.engine_kit import (
    H1,
    V1,
    V2,
    V3,
    Bench,
    do_pause,
    looks,
    paused_three,
    pool,
    seen,
    step,
    vm,
)


def test_pause_lets_running_steps_finish_and_begins_none() -> None:
    bench = paused_three()
    bench.tick()
    bench.look(1, seen(H1, vm(V1)))
    bench.ask(Request.PAUSE)
    assert bench.look(2, seen(H1, vm(V2))) == (), "it had not begun"
    bench.come_back(1)
    bench.look(1, seen(H1, vm(V1, state=VmState.PAUSED)))
    assert bench.states() == ["done", "waiting", "waiting"]
    assert bench.run.record.state is RunState.PAUSED
    assert bench.tick(100) == ()
    assert looks(bench.ask(Request.RESUME)) == [2]


def test_cancel_lets_running_steps_finish_and_begins_none() -> None:
    bench = paused_three()
    bench.tick()
    bench.look(1, seen(H1, vm(V1)))
    bench.ask(Request.CANCEL)
    bench.look(2, seen(H1, vm(V2)))
    assert bench.run.record.state is RunState.RUNNING
    bench.come_back(1)
    bench.look(1, seen(H1, vm(V1, state=VmState.PAUSED)))
    assert bench.states() == ["done", "cancelled", "cancelled"]
    assert bench.run.record.state is RunState.CANCELLED
    with pytest.raises(Conflict, match="cancelled"):
        bench.ask(Request.PAUSE)


def test_skip_and_retry_of_a_failed_step_reopen_the_run() -> None:
    bench = paused_three()
    bench.tick()
    bench.look(1, seen(H1, vm(V1)))
    bench.come_back(1, Outcome.REFUSED, "no")
    do_pause(bench, 2, V2)
    assert bench.run.record.state is RunState.FAILED
    assert looks(bench.ask(Request.RETRY, 1)) == [1]
    assert bench.run.plan_state is PlanState.RUNNING
    bench.look(1, seen(H1, vm(V1)))
    bench.come_back(1, Outcome.REFUSED, "no")
    assert bench.run.record.state is RunState.FAILED
    assert looks(bench.ask(Request.SKIP, 1)) == [3]
    do_pause(bench, 3, V3)
    assert bench.run.record.state is RunState.DONE
    assert bench.states() == ["skipped", "done", "done"]


def test_a_run_that_was_paused_stays_paused_when_a_step_is_retried() -> None:
    bench = Bench(step(1, RestartVm(vm=V1, host=H1)), inventory=pool(vm(V1)))
    bench.tick()
    bench.look(1, seen(H1, vm(V1)))
    bench.ask(Request.PAUSE)
    bench.come_back(1, Outcome.UNKNOWN, "lost")
    bench.look(1, seen(H1, vm(V1)))
    assert bench.run.record.state is RunState.NEEDS_HUMAN
    assert bench.ask(Request.RETRY, 1) == (), "or it would look again and again without a rest"
    assert bench.run.record.state is RunState.PAUSED
    assert looks(bench.ask(Request.RESUME)) == [1]


def test_requests_that_do_not_fit() -> None:
    bench = paused_three()
    bench.tick()
    with pytest.raises(NotFound):
        bench.ask(Request.SKIP, 9)
    with pytest.raises(Conflict, match="nothing to retry"):
        bench.ask(Request.RETRY, 1)
    bench.look(1, seen(H1, vm(V1)))
    with pytest.raises(Conflict, match="cannot be skipped"):
        bench.ask(Request.SKIP, 1)
