"""Crashes and lost answers while everything of ours is taken away from an endpoint."""

from pathlib import Path

import pytest

from anypool.drivers.sim import Fault, FaultKind
from anypool.planner import plan_leave
from anypool.store.records import RunState
from tests.simulation.test_create_sweep import NEW, creation
from tests.simulation.yard import Yard


def left(folder: Path, crash_at: tuple[int, str], *faults: Fault) -> Yard:
    folder.mkdir()
    yard = Yard(folder)
    yard.finish(yard.begin(creation(yard)))
    place = yard.engine.inventory.vms[NEW].host
    assert place is not None
    endpoint = yard.engine.inventory.hosts[place].endpoint
    reach = yard.engine._observer.driver(endpoint)
    found = reach.traces()
    assert [one.vm for one in found] == [NEW]
    before = yard.copies()
    for fault in faults:
        yard.world.inject(fault)
    run = yard.begin(plan_leave(yard.engine.inventory, endpoint, found))
    yard.store.writes, yard.store.crash_at = 0, crash_at
    assert yard.finish(run).state is RunState.DONE, yard.steps(run)
    assert yard.engine._observer.driver(endpoint).traces() == ()
    assert yard.copies() == before
    yard.check_safe()
    yard.close()
    return yard


@pytest.mark.parametrize("kind", [None, FaultKind.LOST_ANSWER, FaultKind.UNREACHABLE])
def test_every_write(tmp_path: Path, kind: FaultKind | None) -> None:
    faults = () if kind is None else (Fault(kind=kind, operation="erase_trace"),)
    writes = left(tmp_path / "whole", (0, ""), *faults).store.writes
    for number in range(1, writes + 1):
        for side in ("before", "after"):
            assert left(tmp_path / f"{number}-{side}", (number, side), *faults).crashes == 1
