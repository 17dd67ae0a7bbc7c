"""A VM runs once and is not lost when a process is killed in the middle of its migration."""

import os
import signal
from functools import partial

import pytest

from tests.lab.full_stack import BOTH, Scenario
from tests.lab.processes import kill

pytest_plugins = ["tests.lab.full_stack"]
pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]


def test_the_manager_before_the_transfer(scenario: Scenario) -> None:
    """It is killed right after it said yes."""
    operations = scenario.stack.migrate(scenario.target)
    scenario.stack.crash()
    scenario.stack.start()
    assert scenario.ended(operations, where=scenario.target) == ["done", "done"]
    scenario.once()


def test_the_manager_while_memory_flows(scenario: Scenario) -> None:
    """The transfer goes on without it; the next manager takes it up."""
    operations = scenario.begin()
    scenario.stack.crash()
    scenario.stack.start()
    assert scenario.ended(operations, where=scenario.target) == ["done", "done"]
    scenario.once()


def test_the_manager_at_the_switch_over(scenario: Scenario) -> None:
    """It freezes in the transfer and is killed when the source is gone.

    Its workers go on meanwhile: without them nobody would grant the pause that the end of the
    transfer needs.
    """
    operations = scenario.begin()
    stack, oracle = scenario.stack, scenario.oracle
    sources = {name: stack.emulator(name, scenario.source) for name in BOTH}
    os.kill(stack.manager.pid, signal.SIGSTOP)
    for name, pid in sources.items():
        left = partial(_has_left, scenario, name, pid)
        scenario.wait(left, f"{name} has left {scenario.source}")
    assert not oracle.executing(stack.vms["unlocked"], within_s=0.2), "nobody has resumed it yet"
    stack.crash()
    stack.start()
    assert scenario.ended(operations, where=scenario.target) == ["done", "done"]
    scenario.once()


@pytest.mark.parametrize("who", ["source", "target", "both"])
def test_libvirtd(scenario: Scenario, who: str) -> None:
    """The servers start it again; the migration is repeated."""
    operations = scenario.begin()
    stack = scenario.stack
    servers = [scenario.source, scenario.target] if who == "both" else [getattr(scenario, who)]
    for daemon in [stack.daemon(server) for server in servers]:
        kill(daemon)
    assert scenario.ended(operations, where=scenario.target) == ["done", "done"]
    scenario.once()


def test_the_emulator_at_the_target(scenario: Scenario) -> None:
    """The guest never left the source; the migration is repeated."""
    operations = scenario.begin()
    for name in BOTH:
        kill(scenario.stack.emulator(name, scenario.target))
    assert scenario.ended(operations, where=scenario.target) == ["done", "done"]
    scenario.once()


def test_the_emulator_at_the_source(scenario: Scenario) -> None:
    """The guest is dead: the operation says so, and starting it again starts one."""
    operations = scenario.begin()
    stack = scenario.stack
    for name in BOTH:
        kill(stack.emulator(name, scenario.source))
    for operation, name in zip(operations, BOTH, strict=True):
        seen = scenario.end(operation)
        assert seen["state"] == "failed", seen
        assert "the VM stopped during the migration" in seen["message"]
        scenario.wait(partial(_is_down, scenario, name), f"{name} is shown as down")
        assert not scenario.oracle.copies(stack.vms[name])
        assert stack.definitions(name) == [scenario.source]
    for name in BOTH:
        stack.do(f"/vms/{stack.vms[name]}/start")
    scenario.once(boots=2)
    for name in BOTH:
        stack.forget(name)


def _has_left(scenario: Scenario, name: str, pid: int) -> bool:
    return pid not in scenario.oracle.copies(scenario.stack.vms[name])


def _is_down(scenario: Scenario, name: str) -> bool:
    seen = scenario.stack.vm(name)
    return bool(seen["state"] in ("stopped", "crashed") and seen["host_name"] == scenario.source)
