"""A platform that is busy or silent: a step waits for it, for a long time, but not for ever."""

from msgspec.structs import replace

from anypool.engine.runs.state import Outcome
from anypool.model import HostState
from anypool.plan import HostOpen, MigrateVm, RestartVm
from anypool.settings import Settings
from tests.unit.engine_kit import H1, H2, V1, Bench, deeds, looks, pool, seen, step, vm


def test_a_platform_that_is_busy_costs_no_attempts_but_ends_one_day() -> None:
    settings = Settings(state_dir="", attempts_max=2, migration_deadline_s=60.0)
    bench = Bench(step(1, RestartVm(vm=V1, host=H1)), inventory=pool(vm(V1)), settings=settings)
    bench.tick()
    for _ in range(5):
        assert deeds(bench.look(1, seen(H1, vm(V1))))
        assert bench.come_back(1, Outcome.BUSY, "being copied") == ()
        assert looks(bench.tick(10)) == [1]
    assert bench.states() == ["begun"]
    bench.tick(20)
    assert deeds(bench.look(1, seen(H1, vm(V1)))), "nothing was sent, so it may be sent now"
    bench.come_back(1, Outcome.BUSY, "being copied")
    assert bench.states() == ["needs-human"]
    assert "60 s: being copied" in bench.run.record.message


def test_a_host_that_is_unknown_is_waited_for_and_does_not_end_the_plan() -> None:
    settings = Settings(state_dir="", step_deadline_s=100.0)
    valid = (HostOpen(host=H2),)
    move = step(1, MigrateVm(vm=V1, source=H1, target=H2), valid_while=valid)
    world = pool(vm(V1))
    silent = world.with_host(replace(world.hosts[H2], state=HostState.UNKNOWN))
    bench = Bench(move, inventory=silent, settings=settings)
    bench.tick()
    assert bench.look(1, seen(H1, vm(V1)), seen(H2, None)) == ()
    assert bench.states() == ["waiting"]
    assert looks(bench.tick(30)) == [1]
    bench.inventory = world
    assert deeds(bench.look(1, seen(H1, vm(V1)), seen(H2, None))), "it answers again"

    bench = Bench(move, inventory=silent, settings=settings)
    bench.tick()
    bench.look(1, seen(H1, vm(V1)), seen(H2, None))
    bench.tick(101)
    for _ in range(2):
        bench.look(1, seen(H1, vm(V1)), seen(H2, None))
    assert bench.states() == ["failed"]
