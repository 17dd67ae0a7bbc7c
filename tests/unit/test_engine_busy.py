"""A platform that is busy: a step waits for its turn, for a long time, but not for ever."""

from anypool.engine.state import Outcome
from anypool.plan import RestartVm
from anypool.settings import Settings
from tests.unit.engine_kit import H1, V1, Bench, deeds, looks, pool, seen, step, vm


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
