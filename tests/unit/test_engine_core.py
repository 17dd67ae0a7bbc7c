"""The core of the engine, event by event; no threads, no world, no database."""

from msgspec.structs import replace

from anypool.engine.runs import core
from anypool.engine.runs.decision import Deed, recall
from anypool.engine.runs.sight import Seen
from anypool.engine.runs.state import Do, Outcome, Request, Usage
from anypool.model import HostId, Job, JobState, Locking, StateReason, Vm, VmId, VmState
from anypool.plan import (
    DeleteVm,
    EnterMaintenance,
    HostOpen,
    MigrateVm,
    PauseVm,
    PlanState,
    RestartVm,
    StartVm,
    Step,
    VmIs,
)
from anypool.settings import Settings
from anypool.store.records import RunState, StepState
from tests.unit.engine_kit import (
    H1,
    H2,
    H3,
    V1,
    V2,
    V3,
    Bench,
    deeds,
    do_pause,
    looks,
    paused_three,
    pool,
    seen,
    step,
    vm,
)

STOPPED = VmState.STOPPED


def test_looks_before_it_acts_and_again_afterwards() -> None:
    bench = Bench(step(1, PauseVm(vm=V1, host=H1)), inventory=pool(vm(V1)))
    assert looks(bench.tick()) == [1]
    assert bench.states() == ["waiting"]
    assert bench.look(1, seen(H1, vm(V1))) == (Do(1, Deed.PERFORM),)
    assert bench.states() == ["begun"]
    assert looks(bench.come_back(1)) == [1]
    assert bench.run.record.state is RunState.RUNNING
    bench.look(1, seen(H1, vm(V1, state=VmState.PAUSED)))
    assert bench.states() == ["done"]
    assert bench.run.record.state is RunState.DONE
    assert bench.run.plan_state is PlanState.DONE


def test_what_is_already_so_is_not_done() -> None:
    bench = Bench(step(1, StartVm(vm=V1, host=H1)), inventory=pool(vm(V1)))
    bench.tick()
    assert deeds(bench.look(1, seen(H1, vm(V1)))) == []
    assert bench.run.record.state is RunState.DONE


def test_steps_wait_for_those_before_them() -> None:
    bench = paused_three()
    assert looks(bench.tick()) == [1, 2]
    do_pause(bench, 1, V1)
    assert bench.run.step(3).phase.value == "idle"
    bench.look(2, seen(H1, vm(V2)))
    bench.come_back(2)
    assert looks(bench.look(2, seen(H1, vm(V2, state=VmState.PAUSED)))) == [3]


def test_a_refusal_fails_the_step_and_what_depends_on_it_and_nothing_else() -> None:
    bench = paused_three()
    bench.tick()
    bench.look(1, seen(H1, vm(V1)))
    bench.look(2, seen(H1, vm(V2)))
    bench.come_back(1, Outcome.REFUSED, "no")
    assert bench.run.record.state is RunState.RUNNING, "the other one finishes"
    bench.come_back(2)
    bench.look(2, seen(H1, vm(V2, state=VmState.PAUSED)))
    assert bench.states() == ["failed", "done", "cancelled"]
    assert bench.run.record.state is RunState.FAILED
    assert bench.run.record.message == "step 1: no"


def test_an_unknown_outcome_is_looked_at_never_repeated_blindly() -> None:
    bench = Bench(step(1, StartVm(vm=V1, host=H1)), inventory=pool(vm(V1, state=STOPPED)))
    bench.tick()
    assert deeds(bench.look(1, seen(H1, vm(V1, state=STOPPED))))
    assert looks(bench.come_back(1, Outcome.UNKNOWN, "lost")) == [1]
    assert bench.look(1, seen(H1, vm(V1, state=STOPPED))) == (), "one look may be older"
    bench.tick(1)
    assert bench.look(1, seen(H1, vm(V1, state=STOPPED))) == ()
    bench.tick(4)
    assert deeds(bench.look(1, seen(H1, vm(V1, state=STOPPED)))), "seen stopped for a while"
    assert bench.run.step(1).record.attempts == 2


def test_what_cannot_be_seen_is_left_to_a_person() -> None:
    bench = Bench(step(1, RestartVm(vm=V1, host=H1)), inventory=pool(vm(V1)))
    bench.tick()
    bench.look(1, seen(H1, vm(V1)))
    bench.come_back(1, Outcome.UNKNOWN, "lost")
    bench.look(1, seen(H1, vm(V1)))
    assert bench.states() == ["needs-human"]
    assert bench.run.record.state is RunState.NEEDS_HUMAN
    assert looks(bench.ask(Request.RETRY, 1)) == [1]
    assert deeds(bench.look(1, seen(H1, vm(V1)))), "asked again by a person"


def test_not_sent_is_repeated_after_a_rest_and_at_last_given_up() -> None:
    settings = Settings(state_dir="", attempts_max=3)
    bench = Bench(step(1, RestartVm(vm=V1, host=H1)), inventory=pool(vm(V1)), settings=settings)
    bench.tick()
    rests = []
    for _ in range(3):
        assert deeds(bench.look(1, seen(H1, vm(V1))))
        assert bench.come_back(1, Outcome.NOT_SENT, "no answer") == ()
        rests.append((core.next_due(bench.run) or 0.0) - bench.ticks)
        assert looks(bench.tick(10)) == [1]
    assert rests == sorted(set(rests)), "ever longer"
    bench.look(1, seen(H1, vm(V1)))
    assert bench.states() == ["failed"]
    assert "no answer" in bench.run.record.message


def test_volumes_that_the_platform_keeps_refusing_to_delete_are_left_to_a_person() -> None:
    gone = VmState.STOPPED
    bench = Bench(step(1, DeleteVm(vm=V1, host=H1, volumes=True)), inventory=pool(vm(V1)))
    bench.tick()
    bench.look(1, seen(H1, vm(V1, state=gone)))
    bench.come_back(1, Outcome.UNKNOWN, "lost")
    assert bench.look(1, seen(H1, None)) == (Do(1, Deed.DELETE_VOLUMES),)
    asked = 0
    while bench.states() == ["begun"]:
        bench.come_back(1, Outcome.REFUSED, "another VM uses it")
        asked += 1
        bench.tick(10)
        bench.look(1, seen(H1, None))
        assert asked < 100, "it never ends"
    assert bench.states() == ["needs-human"]
    assert "another VM uses it" in bench.run.step(1).record.message


def test_out_of_date_before_anything_ran_supersedes_the_plan() -> None:
    valid = (VmIs(vm=V1, host=H1, states=frozenset({VmState.RUNNING})),)
    bench = Bench(
        step(1, PauseVm(vm=V1, host=H1), valid_while=valid),
        step(2, PauseVm(vm=V2, host=H1), 1),
        inventory=pool(vm(V1, H2), vm(V2)),
    )
    bench.tick()
    bench.look(1, seen(H1, vm(V1)))
    assert bench.states() == ["failed", "cancelled"]
    assert bench.run.plan_state is PlanState.SUPERSEDED
    assert "not on h1 any more" in bench.run.record.message


def test_out_of_date_in_the_middle_fails_the_plan_and_begins_nothing_more() -> None:
    valid = (HostOpen(host=H2),)
    steps = [step(n, PauseVm(vm=v, host=H1)) for n, v in ((1, V1), (2, V2))]
    steps[1] = replace(steps[1], valid_while=valid)
    bench = Bench(*steps, step(3, PauseVm(vm=V3, host=H1)), inventory=pool(vm(V1), vm(V2), vm(V3)))
    bench.settings = Settings(state_dir="", steps_at_once=2)
    assert looks(bench.tick()) == [1, 2]
    bench.look(1, seen(H1, vm(V1)))
    closed = bench.inventory.hosts[H2]
    bench.inventory = bench.inventory.with_host(replace(closed, maintenance=True))
    assert bench.look(2, seen(H1, vm(V2))) == ()
    bench.come_back(1)
    assert bench.look(1, seen(H1, vm(V1, state=VmState.PAUSED))) == ()
    assert bench.states() == ["done", "failed", "cancelled"]
    assert bench.run.plan_state is PlanState.FAILED


def test_unread_hosts_are_no_reason_to_call_a_plan_out_of_date() -> None:
    valid = (VmIs(vm=V1, host=H1, states=frozenset({VmState.RUNNING})),)
    unread = vm(V1, state=VmState.UNKNOWN)
    bench = Bench(step(1, PauseVm(vm=V1, host=H1), valid_while=valid), inventory=pool(unread))
    bench.tick()
    silent = replace(seen(H1, None), answered=False)
    bench.look(1, silent)
    assert bench.states() == ["waiting"]
    bench.tick(400)
    for _ in range(2):
        bench.look(1, silent)
    assert bench.states() == ["failed"], "after its deadline; nothing was sent"


def move(number: int, name: VmId, source: HostId = H1, target: HostId = H2) -> Step:
    return step(number, MigrateVm(vm=name, source=source, target=target))


def test_moves_are_throttled_per_host_and_pool_and_by_other_runs() -> None:
    vms = [vm(V1), vm(V2), vm(V3)]
    steps = [move(1, V1), move(2, V2), move(3, V3, H1, H3)]
    bench = Bench(*steps, inventory=pool(*vms))
    assert looks(bench.tick()) == [1, 2], "two at a time out of one host"
    bench = Bench(*steps, inventory=pool(*vms))
    bench.others = Usage(1, {H1: 1}, {H1: 1}, {"default": 1})
    assert looks(bench.tick()) == [1]
    bench.others = Usage(4, {}, {}, {"default": 4})
    bench = Bench(*steps, inventory=pool(*vms))
    bench.others = Usage(4, {}, {}, {"default": 3})
    assert looks(bench.tick()) == [1], "four in a pool"
    bench = Bench(*steps, inventory=pool(*vms))
    bench.others = Usage(64)
    assert looks(bench.tick()) == [], "64 in all"
    bench.others = Usage(20, {H1: 19})
    assert looks(bench.tick()) == [1], "twenty on one host, whatever they are"


def both(source: Vm | None, target: Vm | None, *reasons: StateReason) -> tuple[Seen, ...]:
    before, after = (*reasons, StateReason.BY_USER, StateReason.BY_USER)[:2]
    return (seen(H2, target, after), seen(H1, source, before))


INCOMING = vm(V1, H2, VmState.PAUSED)
MOVING = Job(state=JobState.RUNNING, bytes_total=100, bytes_left=50)


def begun(locking: Locking = Locking.UNKNOWN) -> Bench:
    """Return a migration that is under way."""
    bench = Bench(move(1, V1), inventory=pool(vm(V1), locking=locking))
    bench.tick()
    assert deeds(bench.look(1, *both(vm(V1), None)))
    bench.come_back(1)
    found = both(vm(V1), INCOMING, StateReason.NONE, StateReason.INCOMING)
    assert bench.look(1, *found, job=MOVING) == ()
    return bench


def test_the_target_is_held_unless_every_disk_has_an_effective_lock() -> None:
    assert recall(begun().run.step(1).record.result).held
    assert recall(begun(Locking.NONE).run.step(1).record.result).held
    assert not recall(begun(Locking.EFFECTIVE).run.step(1).record.result).held
    shareable = replace(vm(V1), disks=(replace(vm(V1).disks[0], shareable=True),))
    bench = Bench(move(1, V1), inventory=pool(shareable, locking=Locking.EFFECTIVE))
    bench.tick()
    bench.look(1, *both(shareable, None))
    assert recall(bench.run.step(1).record.result).held


def test_the_target_is_resumed_once_the_source_is_gone() -> None:
    bench = begun()
    bench.tick(1)
    assert bench.look(1, *both(None, INCOMING)) == (Do(1, Deed.RESUME_TARGET),)
    assert "resume" in bench.run.step(1).record.message, "written before it is done"
    bench.come_back(1)
    bench.look(1, *both(None, vm(V1, H2)))
    assert bench.states() == ["done"]


def test_the_target_is_not_resumed_where_a_look_shows_the_vm_on_a_third_host() -> None:
    bench = begun()
    bench.tick(1)
    found = (*both(None, INCOMING), seen(H3, vm(V1, H3)))
    for _ in range(3):
        assert deeds(bench.look(1, *found)) == []
        bench.tick(60)
    assert bench.states() == ["needs-human"]


def test_a_source_that_came_back_has_the_target_discarded() -> None:
    bench = begun()
    bench.tick(1)
    gone = Job(state=JobState.GONE)
    assert bench.look(1, *both(vm(V1), INCOMING), job=gone) == ()
    bench.tick(4)
    found = bench.look(1, *both(vm(V1), INCOMING), job=gone)
    assert found == (Do(1, Deed.DISCARD_TARGET),)
    bench.come_back(1)
    bench.look(1, *both(vm(V1), None), job=gone)
    bench.tick(4)
    assert bench.look(1, *both(vm(V1), None), job=gone) == (Do(1, Deed.PERFORM),)
    assert bench.run.step(1).record.attempts == 2


def test_a_paused_target_that_does_not_say_why_is_left_alone() -> None:
    for reason in (StateReason.NONE, StateReason.IO_ERROR, StateReason.MIGRATED):
        bench = begun()
        for _ in range(5):
            bench.tick(50)
            assert bench.look(1, *both(None, INCOMING, StateReason.NONE, reason)) == ()


def test_silence_ends_in_a_person_being_asked_with_what_is_known() -> None:
    bench = begun()
    silent = replace(seen(H1, None), answered=False)
    for _ in range(3):
        bench.tick(2000)
        bench.look(1, seen(H2, vm(V1, H2)), silent)
        if bench.states() == ["needs-human"]:
            break
    assert bench.states() == ["needs-human"]
    assert "h1: unknown" in bench.run.record.message
    assert "h2: running" in bench.run.record.message
    assert looks(bench.ask(Request.RETRY, 1)) == [1], "retry looks, it does not begin anew"


def test_cancelling_calls_a_migration_back() -> None:
    bench = begun()
    bench.ask(Request.CANCEL)
    bench.tick(1)
    moving = both(vm(V1), INCOMING, StateReason.NONE, StateReason.INCOMING)
    assert bench.look(1, *moving, job=MOVING) == (Do(1, Deed.CANCEL_MIGRATION),)
    bench.come_back(1)
    bench.look(1, *both(vm(V1), None), job=Job(state=JobState.FAILED))
    assert bench.states() == ["cancelled"]
    assert bench.run.record.state is RunState.CANCELLED


def test_progress_is_written_at_most_once_a_second() -> None:
    bench = begun()
    first = bench.run.step(1).record
    moving = both(vm(V1), INCOMING, StateReason.NONE, StateReason.INCOMING)
    for left in (40, 30, 20):
        bench.tick(0.25)
        bench.look(1, *moving, job=replace(MOVING, bytes_left=left))
    assert bench.run.step(1).record == first
    bench.tick(0.5)
    bench.look(1, *moving, job=replace(MOVING, bytes_left=10))
    assert bench.run.step(1).record.progress_bytes_left == 10


def test_after_a_restart_what_was_begun_is_looked_at_first() -> None:
    bench = begun()
    steps = tuple(one.record for one in bench.run.steps)
    bench.run = core.resumed(bench.run.record, bench.run.plan, steps, bench.ticks)
    assert looks(bench.tick()) == [1]
    assert deeds(bench.look(1, *both(None, vm(V1, H2)))) == []
    assert bench.states() == ["done"]


def test_maintenance_only_on_a_host_that_says_it_is_empty() -> None:
    bench = Bench(step(1, EnterMaintenance(host=H1)), inventory=pool(vm(V1, H2)))
    bench.tick()
    bench.look(1, seen(H1, vm(V1)))
    bench.tick(2)
    bench.look(1, seen(H1, vm(V1)))
    assert bench.run.step(1).state is StepState.FAILED
    assert "v1" in bench.run.record.message
    bench.ask(Request.RETRY, 1)
    bench.look(1)
    assert bench.run.step(1).state is StepState.DONE


def test_a_vm_is_started_only_when_every_other_copy_is_known_to_be_stopped() -> None:
    bench = Bench(step(1, StartVm(vm=V1, host=H1)), inventory=pool(vm(V1, state=STOPPED)))
    bench.tick()
    here, silent = seen(H1, vm(V1, state=STOPPED)), replace(seen(H2, None), answered=False)
    assert bench.look(1, here, silent) == ()
    assert bench.states() == ["waiting"]
    bench.tick(5)
    bench.look(1, here, seen(H2, vm(V1, H2)))
    assert bench.states() == ["failed"]
    bench.ask(Request.RETRY, 1)
    assert deeds(bench.look(1, here, seen(H2, vm(V1, H2, STOPPED))))
