"""A VM runs once whoever gives the orders: an evacuation, two managers, a person with virsh."""

import os
import signal
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.cli.client import Client
from anypool.errors import Busy, Conflict, NoPlan, Unreachable
from anypool.settings import Settings
from tests.lab.full_stack import BOTH, Scenario, write_settings

pytest_plugins = ["tests.lab.full_stack"]
pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

MORE = ("locked-2", "unlocked-2")


def test_an_evacuation(scenario: Scenario) -> None:
    """Four guests leave at once."""
    stack = scenario.stack
    for name in MORE:
        stack.make(name, scenario.source, shareable=name.startswith("unlocked"))
    seen = scenario.end(stack.post(f"/hosts/{scenario.source}/evacuate"))
    assert seen["state"] == "done", seen
    assert not scenario.lab.processes(scenario.source)
    scenario.once((*BOTH, *MORE))
    for name in MORE:
        stack.forget(name)


def test_a_second_manager_takes_over(scenario: Scenario, tmp_path: Path) -> None:
    """The first one freezes past its lease, in the middle; when it thaws it is powerless."""
    stack = scenario.stack
    database = f"sqlite:///{stack.settings.state_dir}/anypool.db"
    settings = Settings(state_dir=str(tmp_path / "second"), listen_port=0)
    write_settings(settings, database=database)
    with stack.another(replace(settings, database=database)) as (_, second):
        assert _is_powerless(second)
        operations = scenario.begin()
        first = stack.manager.pid
        os.killpg(first, signal.SIGSTOP)
        try:
            stack.client, client = second, stack.client
            assert scenario.ended(operations, where=scenario.target) == ["done", "done"]
        finally:
            os.killpg(first, signal.SIGCONT)
        scenario.wait(partial(_is_powerless, client), "it notices", timeout_s=10)
        scenario.once()
    stack.client = client
    scenario.wait(partial(_leads, scenario), "the first one leads again")
    scenario.once()


def test_a_person_migrates_a_vm_while_a_plan_waits(scenario: Scenario) -> None:
    """The plan was made for another place; it is refused or finds nothing to do."""
    stack, lab = scenario.stack, scenario.lab
    plans = [
        stack.client.post(
            f"/vms/{stack.vms[name]}/migrate", {"host": scenario.target}, dry_run="true"
        )["id"]
        for name in BOTH
    ]
    uri = lab.server(scenario.third).libvirt_uri
    for name in BOTH:
        moved = lab.virsh(
            scenario.source, "migrate", "--live", "--p2p", "--persistent", "--undefinesource",
            "--unsafe", stack.vms[name], uri,
        )  # fmt: skip
        assert moved.code == 0, moved.err
    for plan in plans:
        _run_in_vain(scenario, plan)
    assert [stack.place(name) for name in BOTH] == [scenario.third] * 2
    scenario.once()


def test_a_person_ends_a_vm_while_a_plan_runs(scenario: Scenario) -> None:
    """Destroyed at the source in the middle of its migration: it is stopped, once."""
    operations = scenario.begin()
    stack = scenario.stack
    for name in BOTH:
        assert scenario.lab.virsh(scenario.source, "destroy", stack.vms[name]).code == 0
    for operation in operations:
        seen = scenario.end(operation)
        assert seen["state"] == "failed", seen
    for name in BOTH:
        assert not scenario.oracle.copies(stack.vms[name])
        assert stack.definitions(name) == [scenario.source]
        stack.do(f"/vms/{stack.vms[name]}/start")
    scenario.once(boots=2)
    for name in BOTH:
        stack.forget(name)


def _run_in_vain(scenario: Scenario, plan: str) -> None:
    try:
        operation = scenario.stack.post(f"/plans/{plan}/run")
    except (Busy, Conflict):
        return
    assert scenario.end(operation)["state"] == "failed"


def _is_powerless(client: Client) -> bool:
    """Whether a manager says that it stands by."""
    try:
        return not client.get("/health/ready")["leads"]
    except Unreachable:  # it answers 503 then
        return True


def _leads(scenario: Scenario) -> bool:
    stack = scenario.stack
    try:
        plan = stack.client.post(
            f"/vms/{stack.vms['locked']}/migrate", {"host": scenario.source}, dry_run="true"
        )
        return bool(stack.end(stack.post(f"/plans/{plan['id']}/run"))["state"] == "done")
    except (Busy, Conflict, NoPlan):  # another one leads, or it has not read the hosts again yet
        return False
