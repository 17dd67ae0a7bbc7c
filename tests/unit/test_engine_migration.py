"""The table of migrations, cell by cell for what must never be, and by example."""

import itertools

import pytest

from anypool.engine.runs.decision import Act, AskHuman, Deed, Done, Fail, Memory, Wait, Withdraw
from anypool.engine.runs.migration import TABLE, Times, called_back, decide, noted
from anypool.engine.runs.sight import GONE, Copy
from anypool.model import Job, JobState
from anypool.plan import reason

TIMES = Times(settle_s=3.0, stall_s=45.0)
JOBS = (None, *(Job(state=state) for state in JobState))
MEMORIES = tuple(
    Memory(sent=True, held=held, paused=paused, never_ran=never_ran, stale=stale)
    for held, paused, never_ran, stale in itertools.product((False, True), repeat=4)
    if held or not paused
)
ALL = tuple(itertools.product(Copy, Copy, JOBS, MEMORIES))


def deed(source: Copy, target: Copy, job: Job | None, memory: Memory) -> Deed | None:
    found = decide((source, target), job, memory, TIMES)
    return found.deed if isinstance(found, Act) else None


def test_what_must_never_be() -> None:
    for source, target, job, memory in ALL:
        check_cell(source, target, job, memory)


def check_cell(source: Copy, target: Copy, job: Job | None, memory: Memory) -> None:
    found = deed(source, target, job, memory)
    if Copy.UNKNOWN in (source, target):
        assert found is None, "nothing is done while somebody does not answer"
    if found is Deed.RESUME_TARGET:
        assert source in GONE
        assert target is Copy.PAUSED
        assert not memory.paused
        assert not memory.stale
    if found is Deed.RESUME_SOURCE:
        assert target is Copy.ABSENT
        assert memory.held or memory.never_ran
        assert not memory.paused
    if found is Deed.DISCARD_SOURCE:
        assert source in (Copy.PAUSED, Copy.MIGRATING, Copy.STOPPED)
        assert target is Copy.RUNNING or (memory.paused and source is Copy.STOPPED)
    if found is Deed.DISCARD_TARGET:
        assert target in (Copy.PAUSED, Copy.INCOMING, Copy.STOPPED)
        assert source not in (Copy.ABSENT, Copy.UNKNOWN)
        if target is Copy.PAUSED:
            assert memory.held or memory.never_ran
    if found is Deed.PERFORM:
        assert source in (Copy.RUNNING, Copy.PAUSED)
        assert target is Copy.ABSENT
    decision = decide((source, target), job, memory, TIMES)
    if isinstance(decision, Done):
        assert source in GONE


def test_what_destroys_is_seen_for_a_while() -> None:
    for source, target, job, memory in ALL:
        decision = decide((source, target), job, memory, TIMES)
        destroys = deed(source, target, job, memory) in (Deed.DISCARD_SOURCE, Deed.DISCARD_TARGET)
        if destroys or isinstance(decision, Fail | AskHuman):
            assert not isinstance(decision, Wait)
            assert decision.patience_s >= TIMES.settle_s


@pytest.mark.parametrize(
    ("source", "target", "held", "wanted"),
    [
        # E15: Finish ran, its answer was lost, locks stop the source.
        (Copy.MIGRATING, Copy.RUNNING, False, Deed.DISCARD_SOURCE),
        # E16 with the target held: the source came back.
        (Copy.RUNNING, Copy.PAUSED, True, Deed.DISCARD_TARGET),
        # E16 cured: the source is gone.
        (Copy.ABSENT, Copy.PAUSED, True, Deed.RESUME_TARGET),
        # E9: an orphan waits at a target that was frozen.
        (Copy.RUNNING, Copy.INCOMING, False, Deed.DISCARD_TARGET),
        # E2, E4, E8: it did not happen.
        (Copy.RUNNING, Copy.ABSENT, False, Deed.PERFORM),
        (Copy.STOPPED, Copy.RUNNING, False, Deed.DISCARD_SOURCE),
    ],
)
def test_known_faults(source: Copy, target: Copy, held: bool, wanted: Deed) -> None:
    over = Job(state=JobState.GONE)
    assert deed(source, target, over, Memory(sent=True, held=held)) is wanted


def test_copy_that_its_source_outlived_is_never_resumed() -> None:
    """The source ran on, and left for a third host: the copy is an old state of the VM."""
    memory = Memory(sent=True, held=True)
    assert noted((Copy.MIGRATING, Copy.PAUSED), memory) == memory
    outlived = noted((Copy.RUNNING, Copy.PAUSED), memory)
    found = decide((Copy.ABSENT, Copy.PAUSED), None, outlived, TIMES)
    assert found == AskHuman(reason("migration.stale"), TIMES.settle_s)
    assert deed(Copy.ABSENT, Copy.PAUSED, None, memory) is Deed.RESUME_TARGET
    assert deed(Copy.STOPPED, Copy.PAUSED, None, outlived) is Deed.DISCARD_TARGET


@pytest.mark.parametrize("third", [Copy.RUNNING, Copy.PAUSED, Copy.MIGRATING])
def test_copy_is_not_resumed_while_a_third_host_has_the_vm(third: Copy) -> None:
    """Another tool moved it there from the source, whose going says nothing about the target."""
    memory = Memory(sent=True, held=True)
    assert noted((Copy.ABSENT, Copy.PAUSED), memory, (Copy.STOPPED, Copy.UNKNOWN)) == memory
    moved = noted((Copy.ABSENT, Copy.PAUSED), memory, (Copy.STOPPED, third))
    found = decide((Copy.ABSENT, Copy.PAUSED), None, moved, TIMES)
    assert found == AskHuman(reason("migration.stale"), TIMES.settle_s)


def test_two_running_copies_are_never_touched() -> None:
    for job, memory in itertools.product(JOBS, MEMORIES):
        found = decide((Copy.RUNNING, Copy.RUNNING), job, memory, TIMES)
        assert isinstance(found, AskHuman)


def test_nothing_destructive_while_the_platform_works_on_it() -> None:
    moving = Job(state=JobState.RUNNING)
    for source, target, memory in itertools.product(Copy, Copy, MEMORIES):
        found = deed(source, target, moving, memory)
        if found in (Deed.DISCARD_TARGET, Deed.PERFORM, Deed.RESUME_SOURCE):
            pytest.fail(f"{found} at {source}, {target}")


def test_begins_only_from_a_clean_start() -> None:
    for source, target in itertools.product(Copy, Copy):
        found = decide((source, target), None, Memory(), TIMES)
        clean = source in (Copy.RUNNING, Copy.PAUSED) and target in GONE
        assert isinstance(found, Act) is clean


def test_a_vm_that_was_paused_stays_paused() -> None:
    memory = Memory(sent=True, held=True, paused=True)
    found = decide((Copy.ABSENT, Copy.PAUSED), None, memory, TIMES)
    assert isinstance(found, Done)


@pytest.mark.parametrize("held", [True, False])
def test_the_guest_standing_still_is_looked_at_soon_if_it_waits_for_us(held: bool) -> None:
    moving = Job(state=JobState.RUNNING)
    memory = Memory(sent=True, held=held)
    found = decide((Copy.MIGRATING, Copy.INCOMING), moving, memory, TIMES)
    assert isinstance(found, Wait)
    assert found.soon is held


def test_called_back() -> None:
    sent = Memory(sent=True)
    pair = (Copy.RUNNING, Copy.INCOMING)
    assert called_back(Wait(), pair, sent) == Act(
        Deed.CANCEL_MIGRATION, reason("migration.called-back")
    )
    again = Memory(sent=True, called_back=True)
    assert called_back(Wait(), pair, again) == Wait()
    assert isinstance(called_back(Act(Deed.PERFORM, None), pair, sent), Withdraw)
    late = (Copy.MIGRATING, Copy.RUNNING)
    assert called_back(Wait(), late, sent) == Wait()


def test_the_table_has_no_cell_for_silence() -> None:
    assert not any(Copy.UNKNOWN in pair for pair in TABLE)
