"""Calendars that make hypervisors into something else and back, through crashes of the manager."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.drivers.sim.records import SimServer
from anypool.model import HostId, ServerId
from anypool.model.calendar import Calendar, Purpose
from anypool.planner.operate import plan_migrate
from anypool.store.records import RunState
from tests.simulation.test_calendars import SHAPE, Scheduled, made
from tests.simulation.test_profiles import DB, RACK, SECOND, facts_of

NODE = ServerId(HostId("sim-h1"))


@pytest.fixture
def yard(tmp_path: Path) -> Scheduled:
    one = Scheduled(tmp_path, shape=SHAPE)
    one.furnish()
    return one


def node_in_the_rack(yard: Scheduled) -> None:
    """Make a server of a host that runs all three VMs."""
    with yard.world.turn() as state:
        row = state.servers.rows[SECOND]
        one = replace(row.server, id=NODE, name="node1", slot="9")
        state.servers.put(NODE, SimServer(server=one, powered=True))
    yard.engine._observer.read(RACK)
    yard.engine.servers.set_facts(facts_of(NODE), "ada")
    for vm, host in sorted(yard.where().items()):
        if host != NODE:
            run = yard.begin(plan_migrate(yard.engine.inventory, vm, target=HostId(NODE)))
            assert yard.finish(run).state is RunState.DONE


def swinging() -> Calendar:
    """A hypervisor in the week that bears db at the weekend."""
    return made(
        servers="name = node1",
        purposes=(Purpose(name="production", hosts=True),
                  Purpose(name="reporting", profiles=(DB,))),
    )  # fmt: skip


def test_a_hypervisor_is_emptied_for_the_weekend_and_gets_its_vms_back(yard: Scheduled) -> None:
    node_in_the_rack(yard)
    yard.declare(swinging())
    yard.work()
    yard.sleep("2026-11-27T20:00")
    yard.work()
    assert yard.profile.server == NODE
    assert len(yard.where()) == 3
    assert NODE not in yard.where().values()
    yard.sleep("2026-11-30T06:00")
    yard.look()
    yard.work()
    assert yard.profile.server is None
    assert set(yard.where().values()) == {NODE}
    assert not yard.engine.inventory.hosts[HostId(NODE)].maintenance
    yard.check()
    yard.check_tidy()


def weekend(folder: Path, crash_at: tuple[int, str]) -> Scheduled:
    folder.mkdir()
    yard = Scheduled(folder, shape=SHAPE)
    yard.furnish()
    node_in_the_rack(yard)
    yard.declare(swinging())
    yard.work()
    yard.sleep("2026-11-27T20:00")
    yard.store.writes, yard.store.crash_at = 0, crash_at
    yard.work()
    assert yard.profile.server == NODE, yard.standing
    assert NODE not in yard.where().values()
    yard.check()
    yard.check_safe()
    assert len(yard.where()) == 3
    yard.close()
    return yard


def test_a_manager_that_dies_in_the_middle_of_a_change_goes_on(tmp_path: Path) -> None:
    writes = weekend(tmp_path / "whole", (0, "")).store.writes
    assert writes > 10
    for number in range(1, writes, 5):
        side = "before" if number % 2 else "after"
        assert weekend(tmp_path / f"{number}", (number, side)).crashes == 1
