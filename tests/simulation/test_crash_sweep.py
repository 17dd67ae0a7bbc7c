"""The manager dies before and after every journal write of an evacuation, and is restarted.

Everything but the crash is the same each time: the seed decides the order of events.
"""

from pathlib import Path

import pytest

from anypool.drivers.sim import Fault, FaultKind, Shape
from anypool.store.records import RunState
from tests.simulation.yard import Crash, Yard

SHARED = Shape(hosts=3, vms=6, running_percent=100, shareable_percent=100, locks=False)
LOCKED = Shape(hosts=3, vms=6, running_percent=100)


def evacuated(folder: Path, shape: Shape, crash_at: tuple[int, str], *faults: Fault) -> Yard:
    """Return the yard after an evacuation with a crash at one journal write."""
    folder.mkdir()
    yard = Yard(folder, shape=shape)
    if shape.locks:
        yard.trust_locks()
    run = yard.evacuate()
    for fault in faults:
        yard.world.inject(fault)
    yard.store.writes, yard.store.crash_at = 0, crash_at
    assert yard.finish(run).state is RunState.DONE
    yard.check_tidy()
    yard.check_known()
    closed = [host for host in yard.engine.inventory.hosts.values() if host.maintenance]
    assert len(closed) == 1
    assert closed[0].id not in yard.where().values()
    yard.close()
    return yard


@pytest.mark.parametrize("shape", [SHARED, LOCKED], ids=["shareable", "locked"])
def test_every_write(tmp_path: Path, shape: Shape) -> None:
    """Sweep an evacuation without faults."""
    writes = evacuated(tmp_path / "whole", shape, (0, "")).store.writes
    assert writes > 5
    for number in range(1, writes + 1):
        for side in ("before", "after"):
            yard = evacuated(tmp_path / f"{number}-{side}", shape, (number, side))
            assert yard.crashes == 1


@pytest.mark.parametrize("shape", [SHARED, LOCKED], ids=["shareable", "locked"])
@pytest.mark.parametrize(
    "kind",
    [FaultKind.LOST_ANSWER, FaultKind.LOST_FINISH, FaultKind.LOST_MEMORY, FaultKind.UNREACHABLE],
)
def test_every_write_of_a_migration_that_goes_wrong(
    tmp_path: Path, shape: Shape, kind: FaultKind
) -> None:
    """Sweep an evacuation whose first migration fails, or whose answer is lost."""
    fault = Fault(kind=kind, operation="begin_migration")
    writes = evacuated(tmp_path / "whole", shape, (0, ""), fault).store.writes
    for number in range(1, writes + 1):
        for side in ("before", "after"):
            yard = evacuated(tmp_path / f"{number}-{side}", shape, (number, side), fault)
            assert yard.crashes == 1


def test_a_crash_ends_the_process() -> None:
    """The engine must not catch what stands for kill -9."""
    assert not issubclass(Crash, Exception)
