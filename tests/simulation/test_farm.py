"""Spares become hosts and leave, through crashes of the manager at every write and lost answers.

Each sweep ends the process before or after one write of the journal, starts another, and lets the
world judge: who is on, who is a host, where each VM runs, who may boot as whom.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from anypool.drivers.sim import BmcMood, Fault, FaultKind, Shape
from anypool.drivers.sim.racked import set_server
from anypool.model import HostId, RunId
from anypool.planner.profiles.failover import plan_fail_over
from anypool.store.records import RunState
from tests.simulation.farm import NODE, Farm
from tests.simulation.test_profiles import FIRST, SECOND, Racked, powered
from tests.simulation.test_server_failover import Watched, gather, node_among_the_spares

LIVE = (FaultKind.LOST_ANSWER, FaultKind.UNREACHABLE)


@pytest.fixture
def farm(tmp_path: Path) -> Farm:
    made = Farm(tmp_path)
    made.furnish()
    return made


def done(farm: Racked, run: RunId) -> None:
    assert farm.finish(run).state is RunState.DONE, farm.steps(run)


def test_a_spare_joins_takes_a_vm_and_leaves_without_it(farm: Farm) -> None:
    done(farm, farm.make(None))
    assert (farm.node.server, farm.node.epoch) == (FIRST, 1)
    farm.check()
    farm.fill()
    assert set(farm.where().values()) == {HostId(FIRST)}
    done(farm, farm.retire())
    assert not farm.node.server
    assert not powered(farm, FIRST)
    assert set(farm.where().values()) == {HostId("sim-h1")}
    farm.check()
    done(farm, farm.make(SECOND))
    assert (farm.node.server, farm.node.epoch) == (SECOND, 2)
    farm.check()


def joined(folder: Path) -> tuple[Farm, RunId]:
    farm = Farm(folder)
    farm.furnish()
    return farm, farm.make()


def retired(folder: Path) -> tuple[Farm, RunId]:
    farm = Farm(folder)
    farm.furnish()
    done(farm, farm.make())
    farm.fill()
    return farm, farm.retire()


def swept(begun: Callable[[Path], tuple[Farm, RunId]], folder: Path) -> int:
    """End the manager at every write, before or after it in turn; return how many there are."""

    def played(name: str, crash_at: tuple[int, str]) -> Farm:
        (folder / name).mkdir()
        farm, run = begun(folder / name)
        farm.store.writes, farm.store.crash_at = 0, crash_at
        done(farm, run)
        farm.check()
        farm.check_known()
        farm.close()
        return farm

    writes = played("whole", (0, "")).store.writes
    for number in range(1, writes + 1):
        side = ("before", "after")[number % 2]
        assert played(f"{number}", (number, side)).crashes == 1
    return writes


@pytest.mark.parametrize("begun", [joined, retired])
def test_a_manager_that_dies_at_any_write_goes_on(
    tmp_path: Path, begun: Callable[[Path], tuple[Farm, RunId]]
) -> None:
    assert swept(begun, tmp_path) > 10


@pytest.mark.parametrize("begun", [joined, retired])
@pytest.mark.parametrize("operation", ["apply_identity", "withdraw_identity", "power_on_host",
                                       "power_off_host", "power", "observe", "info",
                                       "begin_migration"])  # fmt: skip
@pytest.mark.parametrize("kind", LIVE)
def test_lost_answers_do_no_harm(
    tmp_path: Path,
    begun: Callable[[Path], tuple[Farm, RunId]],
    operation: str,
    kind: FaultKind,
) -> None:
    farm, run = begun(tmp_path)
    farm.world.inject(Fault(kind=kind, operation=operation))
    done(farm, run)
    farm.check()
    farm.close()


def test_one_answer_that_it_is_off_takes_nothing_from_a_server(farm: Farm) -> None:
    """Its BMC says off once of a server that is on: it goes on as who it is."""
    done(farm, farm.make())
    run = farm.retire()
    set_server(farm.world, FIRST, bmc=BmcMood.GLITCH)
    assert farm.finish(run).state is RunState.FAILED
    assert powered(farm, FIRST)
    assert (farm.node.server, set(farm.boot.entries)) == (FIRST, {NODE})


def emptied(folder: Path, crash_at: tuple[int, str]) -> Watched:
    """A hypervisor with a VM is emptied and takes over what a dead blade was."""
    folder.mkdir()
    yard = Watched(folder, shape=Shape(hosts=2, vms=1, servers=3, running_percent=100))
    yard.furnish()
    done(yard, yard.assign(FIRST))
    node_among_the_spares(yard)
    gather(yard)
    set_server(yard.world, FIRST, powered=False)
    run = yard.begin(plan_fail_over(yard.engine.inventory, FIRST))
    yard.store.writes, yard.store.crash_at = 0, crash_at
    done(yard, run)
    assert len(yard.where()) == 1
    assert yard.profile.server not in (None, FIRST)
    assert yard.profile.server not in yard.where().values()
    yard.check_once()
    yard.check_safe()
    yard.close()
    return yard


def test_a_manager_that_dies_while_a_spare_is_emptied_for_a_fail_over_goes_on(
    tmp_path: Path,
) -> None:
    writes = emptied(tmp_path / "whole", (0, "")).store.writes
    assert writes > 10
    for number in range(1, writes + 1):
        side = ("before", "after")[number % 2]
        assert emptied(tmp_path / f"{number}", (number, side)).crashes == 1
