"""A platform that works by tasks is asked once, whenever the manager is killed."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from anypool.drivers.sim import SimDriver
from anypool.model import VmId, VmState
from anypool.plan import MoveDisks, Plan, RevertSnapshot, Step, reason
from anypool.planner.evacuate import plan_evacuation
from anypool.planner.operate import plan_action
from anypool.store.records import RunState
from tests.simulation.centre import CentreYard
from tests.simulation.test_create_sweep import NEW, check_gone, check_made, creation, life
from tests.simulation.yard import Yard


def evacuation(yard: Yard) -> Plan:
    busy = Counter(yard.where().values())
    return plan_evacuation(yard.engine.inventory, max(sorted(busy), key=lambda key: busy[key]))


def check_empty(yard: Yard) -> None:
    assert isinstance(yard, CentreYard)
    (closed,) = yard.server.set_aside
    assert closed not in yard.where().values()
    assert yard.engine.inventory.hosts[closed].maintenance


def disks(yard: Yard) -> Plan:
    """The disks of a VM that runs go to its host's own datastore."""
    known = yard.engine.inventory
    vm = min((one for one in known.vms.values() if one.disks and one.host), key=lambda v: v.id)
    assert vm.host is not None
    there = max(known.hosts[vm.host].datastores - {disk.datastore for disk in vm.disks})
    return plan_action(known, MoveDisks(vm=vm.id, host=vm.host, datastore=there), "test")


def check_disks(yard: Yard) -> None:
    assert isinstance(yard, CentreYard)
    ((_, vm),) = yard.server.sent()
    places = {disk.datastore for disk in yard.engine.inventory.vms[VmId(vm)].disks}
    assert len(places) == 1


Case = tuple[Callable[[Yard], Plan], Callable[[Yard], None]]
CASES: list[Case] = [
    (creation, check_made), (life, check_gone), (evacuation, check_empty), (disks, check_disks)
]  # fmt: skip


def carried_out(
    folder: Path, case: Case, crash_at: tuple[int, str], task_s: float = 0.6
) -> CentreYard:
    folder.mkdir()
    CentreYard.task_s = task_s
    yard = CentreYard(folder)
    plan, check = case
    run = yard.begin(plan(yard))
    yard.store.writes, yard.store.crash_at = 0, crash_at
    assert yard.finish(run).state is RunState.DONE, yard.steps(run)
    yard.check_safe()
    yard.check_known()
    sent = yard.server.sent()
    assert len(sent) == len(set(sent)), f"something was sent twice: {sent}"
    check(yard)
    yard.close()
    return yard


@pytest.mark.parametrize("case", CASES, ids=["made", "life", "evacuated", "disks"])
def test_every_write(tmp_path: Path, case: Case) -> None:
    """At every third, on both sides."""
    writes = carried_out(tmp_path / "whole", case, (0, "")).store.writes
    for number in range(1, writes + 1, 3):
        for side in ("before", "after"):
            folder = tmp_path / f"{number}-{side}"
            assert carried_out(folder, case, (number, side)).crashes == 1


def test_a_handle_that_was_lost_is_found_again(tmp_path: Path) -> None:
    """The manager dies before it wrote it, and the task works longer than anybody's patience."""
    writes = carried_out(tmp_path / "whole", CASES[3], (0, ""), task_s=10.0).store.writes
    for number in range(1, writes + 1):
        carried_out(tmp_path / str(number), CASES[3], (number, "before"), task_s=10.0)


def test_a_task_that_ended_while_nobody_looked_is_not_sent_again(tmp_path: Path) -> None:
    """It is over before the next manager asks for the first time."""
    writes = carried_out(tmp_path / "whole", CASES[0], (0, "")).store.writes
    for number in range(1, writes + 1, 2):
        carried_out(tmp_path / str(number), CASES[0], (number, "before"), task_s=0.0)


def test_a_task_takes_longer_than_a_step_may(tmp_path: Path) -> None:
    CentreYard.task_s = 130.0
    yard = CentreYard(tmp_path)
    assert yard.settings.step_deadline_s < 130.0
    run = yard.begin(creation(yard))
    assert yard.finish(run).state is RunState.DONE
    check_made(yard)
    yard.close()


def test_what_a_task_failed_with_is_said(tmp_path: Path) -> None:
    CentreYard.task_s = 1.0
    yard = CentreYard(tmp_path)
    yard.server.refuse["create_vm"] = "permission to perform this operation was denied"
    run = yard.begin(creation(yard))
    assert yard.finish(run).state is RunState.FAILED
    assert "was denied" in yard.steps(run)[0].message
    assert NEW not in yard.copies()
    assert yard.server.sent() == [("create_vm", NEW)]
    yard.close()


def test_a_failed_migration_is_told_and_leaves_the_vm(tmp_path: Path) -> None:
    CentreYard.task_s = 1.0
    yard = CentreYard(tmp_path)
    before = yard.where()
    plan = evacuation(yard)
    yard.server.refuse = {"begin_migration": "the host refused it"}
    run = yard.begin(plan)
    assert yard.finish(run).state is RunState.DONE, "one refusal is overcome by asking again"
    assert yard.where().keys() == before.keys()
    yard.close()


def test_the_handle_decides_about_what_cannot_be_seen(tmp_path: Path) -> None:
    """Whether a VM was returned to a snapshot cannot be seen; its task says it."""
    CentreYard.task_s = 20.0
    yard = CentreYard(tmp_path)
    vm = next(vm for vm in yard.engine.inventory.vms.values() if vm.state is VmState.RUNNING)
    assert vm.host is not None
    SimDriver(yard.world).create_snapshot(vm.id, vm.host, "s1", "x/1")
    revert = RevertSnapshot(vm=vm.id, host=vm.host, name="s1")
    step = Step(number=1, action=revert, why=reason("asked", who="test"))
    run = yard.begin(Plan(goal="revert", steps=(step,)))
    while not yard.server.tasks:
        yard.step()
    while "task-1" not in yard.steps(run)[0].result:
        yard.step()
    yard.restart()
    assert yard.finish(run).state is RunState.DONE, yard.steps(run)
    assert yard.server.sent() == [("revert_snapshot", vm.id)]
    yard.close()
