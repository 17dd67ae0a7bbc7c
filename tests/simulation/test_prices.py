"""Prices learn from runs: hosts that are slower than thought are quoted as they are."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.drivers.sim import Shape, Timing
from anypool.model import HostId
from anypool.plan import Plan
from anypool.planner.evacuate import plan_evacuation
from anypool.planner.rules import NO_RULES
from anypool.planner.wish import finished
from anypool.store import measurements
from anypool.store.records import RunState
from tests.simulation.yard import Yard

MODEL_MIB_S = 100
SLOW = 3


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    made = Yard(tmp_path, shape=Shape(hosts=3, vms=6, running_percent=100))
    made.settings = replace(made.settings, look_every_s=2.0)  # a migration takes minutes here
    made.restart()
    made.check_known()
    made.world.timing = Timing(migrate_mib_s=MODEL_MIB_S // SLOW)
    yield made
    made.close()


def evacuation(yard: Yard) -> tuple[Plan, HostId]:
    """Plan to empty the host with most VMs, priced with what is known now."""
    inventory = yard.engine.inventory
    host = max(sorted(inventory.hosts), key=lambda key: len(inventory.vms_on(key)))
    terms = yard.engine.keeping.prices.terms()
    return finished(plan_evacuation(inventory, host), terms, inventory, NO_RULES), host


def took(yard: Yard) -> tuple[int, int]:
    """Empty a host and open it again; return what was quoted and what it took, in ms."""
    plan, host = evacuation(yard)
    record = yard.finish(yard.begin(plan))
    assert record.state is RunState.DONE, record
    yard.open_host(host)
    return plan.cost.duration_ms, round(1000 * (record.ended_at - record.started_at))


def off(quoted: int, actual: int) -> float:
    return abs(quoted - actual) / actual


def test_hosts_three_times_slower_than_thought_are_quoted_rightly_after_some_runs(
    yard: Yard,
) -> None:
    assert off(*took(yard)) > 0.5
    for _ in range(3):
        took(yard)
    assert off(*took(yard)) < 0.2
    lesson = next(one for one in yard.engine.keeping.prices.lessons() if not one.correction.source)
    assert lesson.correction.kind == "migrate-vm"
    assert lesson.corrected < lesson.plain / 3

    yard.world.timing = Timing(migrate_mib_s=MODEL_MIB_S // SLOW // 5)
    plan, _ = evacuation(yard)
    odd = Plan(goal="one that is odd", steps=plan.steps[:1], based_on=plan.based_on)
    assert yard.finish(yard.begin(odd)).state is RunState.DONE
    yard.world.timing = Timing(migrate_mib_s=MODEL_MIB_S // SLOW)
    assert off(*took(yard)) < 0.2


def test_what_a_step_took_is_kept_over_a_crash_and_once(yard: Yard) -> None:
    quoted, _ = took(yard)
    with yard.store.store.reading() as tx:
        before = measurements.newest(tx, 1, 100)
    moves = [one for one in before if one.kind == "migrate-vm"]
    assert len({(one.run, one.step) for one in before}) == len(before)
    assert moves
    assert all(one.took_ms > one.base_ms and one.took_bytes == one.base_bytes for one in moves)
    assert all(one.quoted_ms == one.base_ms for one in moves)
    assert quoted > 0
    yard.restart()
    with yard.store.store.reading() as tx:
        assert measurements.newest(tx, 1, 100) == before
