"""When the time of a step is over: not by an old look, and not while something can be done."""

from anypool.engine.runs.decision import Deed
from anypool.engine.runs.state import Do, Outcome
from anypool.model import Job, JobState, StateReason, VmState
from tests.unit.engine_kit import H1, H2, SETTINGS, V1, looks, vm
from tests.unit.test_engine_core import INCOMING, MOVING, begun, both


def test_what_was_seen_before_a_standstill_does_not_end_a_step() -> None:
    """The manager stood still with a look in hand: it looks once more before it gives up."""
    bench = begun()
    bench.tick(SETTINGS.migration_deadline_s + 1)
    crawls = both(vm(V1), INCOMING, StateReason.NONE, StateReason.INCOMING)
    assert looks(bench.look(1, *crawls, job=MOVING)) == [1]
    bench.look(1, *both(None, vm(V1, H2)))
    assert bench.states() == ["done"]


def test_what_was_not_sent_before_a_standstill_is_sent_after_it() -> None:
    """It is late by then, and what is to be done is plain: that is seen for a while, and done."""
    bench = begun()
    bench.tick(1)
    held = both(vm(V1, H1, VmState.PAUSED), vm(V1, H2), StateReason.MIGRATING)
    gone = Job(state=JobState.GONE)
    bench.look(1, *held, job=gone)
    bench.tick(10)
    assert bench.look(1, *held, job=gone) == (Do(1, Deed.DISCARD_SOURCE),)
    bench.come_back(1, Outcome.NOT_SENT)
    bench.tick(SETTINGS.migration_deadline_s + 1)
    for seconds in (1, 10):
        bench.look(1, *held, job=gone)
        bench.tick(seconds)
    assert bench.look(1, *held, job=gone) == (Do(1, Deed.DISCARD_SOURCE),)


def test_each_attempt_at_a_migration_has_its_time() -> None:
    bench = begun()
    bench.tick(SETTINGS.migration_deadline_s - 1)
    failed = both(vm(V1), None)
    for _ in range(2):
        bench.look(1, *failed, job=Job(state=JobState.FAILED))
        bench.tick(10)
    assert bench.run.step(1).record.attempts == 2
    bench.come_back(1)
    crawls = both(vm(V1), INCOMING, StateReason.NONE, StateReason.INCOMING)
    for _ in range(3):
        bench.look(1, *crawls, job=MOVING)
        bench.tick(10)
    assert bench.states() == ["begun"], "the second attempt began ten seconds ago"
