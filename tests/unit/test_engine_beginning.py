"""Rules hold when a step begins: it is refused, or it waits for what is under way."""

from collections.abc import Callable

from msgspec.structs import replace

from anypool.engine.runs.decision import Deed
from anypool.engine.runs.state import Do, Outcome, Request
from anypool.model import (
    Apart,
    Bound,
    Inventory,
    PolicyId,
    StateReason,
    VmId,
    VmState,
    VmWish,
)
from anypool.plan import Action, CreateVm, MigrateVm, PlanState, StartVm, StopHow, StopVm
from anypool.store.records import RunState
from tests.unit.engine_kit import (
    H1,
    H2,
    H3,
    SETTINGS,
    V1,
    V2,
    Bench,
    pool,
    seen,
    step,
    vm,
)

TO_H3 = MigrateVm(vm=V1, source=H1, target=H3)
GO = (Do(1, Deed.PERFORM),)
NEW = VmId("v9")


def apart(*vms: VmId) -> Callable[[Inventory], tuple[Bound, ...]]:
    bound = Bound(policy=PolicyId("apart"), rule=Apart(), vms=frozenset(vms))
    return lambda _: (bound,)


def moving(opponent_on: str, under_way: tuple[Action, ...] = ()) -> Bench:
    """Return a run that is to migrate V1 from H1 to H3, and V2 where it may not follow."""
    place = {"h1": H1, "h2": H2, "h3": H3}[opponent_on]
    bench = Bench(step(1, TO_H3), inventory=pool(vm(V1), vm(V2, place)))
    bench.rules, bench.under_way = apart(V1, V2), under_way
    bench.tick()
    return bench


def look(bench: Bench) -> tuple[object, ...]:
    return bench.look(1, seen(H3, None), seen(H1, vm(V1)))


def test_a_move_to_where_its_opponent_is_by_now_is_refused_and_supersedes_the_plan() -> None:
    bench = moving("h3")
    assert look(bench) == ()
    assert bench.run.record.state is RunState.FAILED
    assert bench.run.plan_state is PlanState.SUPERSEDED
    said = "the plan is out of date: the policy apart would be broken now by v1, v2"
    assert bench.run.record.message == f"step 1: {said}"


def test_a_move_that_breaks_no_rule_begins() -> None:
    assert look(moving("h2")) == GO


def test_a_second_try_is_asked_again() -> None:
    bench = moving("h2")
    assert look(bench) == GO
    bench.come_back(1, Outcome.NOT_SENT, "no answer")
    bench.inventory = pool(vm(V1), vm(V2, H3))
    bench.tick(10)
    assert look(bench) == ()
    assert bench.states() == ["failed"]


def test_a_person_may_ask_again_once_the_rule_allows_it() -> None:
    bench = moving("h3")
    look(bench)
    bench.inventory = pool(vm(V1), vm(V2, H2))
    bench.ask(Request.RETRY, 1)
    assert look(bench) == GO


def test_what_another_run_moves_there_counts() -> None:
    bench = moving("h2", (MigrateVm(vm=V2, source=H2, target=H3),))
    look(bench)
    assert bench.states() == ["failed"]


def test_what_another_run_moves_away_is_waited_for_as_long_as_a_migration_may_take() -> None:
    bench = moving("h3", (MigrateVm(vm=V2, source=H3, target=H2),))
    assert look(bench) == ()
    assert bench.states() == ["waiting"]
    said = "it waits for what is under way: the policy apart would be broken now by v1, v2"
    assert bench.run.step(1).record.message == said
    bench.tick(SETTINGS.step_deadline_s + 1)
    assert look(bench) == ()
    bench.inventory, bench.under_way = pool(vm(V1), vm(V2, H2)), ()
    bench.tick(5)
    assert look(bench) == GO


def test_it_does_not_wait_for_ever() -> None:
    bench = moving("h3", (MigrateVm(vm=V2, source=H3, target=H2),))
    look(bench)
    bench.tick(SETTINGS.migration_deadline_s + 1)
    for _ in range(2):
        look(bench)
    assert bench.states() == ["failed"]
    assert "it waits for what is under way" in bench.run.record.message


def test_what_its_own_run_has_begun_counts() -> None:
    first, second = TO_H3, MigrateVm(vm=V2, source=H2, target=H3)
    bench = Bench(step(1, first), step(2, second), inventory=pool(vm(V1), vm(V2, H2)))
    bench.rules = apart(V1, V2)
    bench.tick()
    assert look(bench) == GO
    bench.look(2, seen(H3, None), seen(H2, vm(V2, H2)))
    assert bench.states() == ["begun", "failed"]


def test_what_was_begun_before_the_rule_is_brought_to_its_end() -> None:
    """Only the order is held back: a copy that waits at the target is resumed all the same."""
    bench = moving("h2")
    look(bench)
    bench.inventory = pool(vm(V1), vm(V2, H3))
    bench.come_back(1, Outcome.UNKNOWN, "lost")
    there = replace(vm(V1, H3), state=VmState.PAUSED)
    arrived = (seen(H3, there, StateReason.BY_USER), seen(H1, None))
    assert bench.look(1, *arrived) == (Do(1, Deed.RESUME_TARGET),)


def test_a_vm_is_not_made_where_it_could_not_start() -> None:
    wish = VmWish(id=NEW, name="v9", memory_mib=512)
    make = step(1, CreateVm(wish=wish, host=H1))
    start = step(2, StartVm(vm=NEW, host=H1), 1)
    for steps, begins in (((make, start), False), ((make,), True)):
        bench = Bench(*steps, inventory=pool(vm(V1)))
        bench.rules = apart(V1, NEW)
        bench.tick()
        assert bool(bench.look(1, seen(H1, None))) is begins


def test_rules_are_not_asked_about_what_places_nothing() -> None:
    stop = StopVm(vm=V1, host=H3, how=StopHow.POWER_OFF)
    bench = Bench(step(1, stop), inventory=pool(vm(V1, H3), vm(V2, H3)))
    bench.rules = apart(V1, V2)
    bench.tick()
    assert bench.look(1, seen(H3, vm(V1, H3))) == GO
