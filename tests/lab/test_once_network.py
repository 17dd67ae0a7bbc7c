"""A VM runs once and is not lost when the network fails in the middle of its migration."""

import os
import signal

import pytest

from tests.lab.conftest import wait_until
from tests.lab.full_stack import BOTH, LIBVIRT_PORT, Scenario, all_connected

pytest_plugins = ["tests.lab.full_stack"]
pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]


def test_the_answer_of_a_finished_target_is_lost(scenario: Scenario) -> None:
    """The target has finished and the source never hears of it.

    Left to itself libvirt lets the unlocked guest run on both hosts from then on, and the
    locked one leaves a paused copy at the source for ever.
    """
    lab, stack = scenario.lab, scenario.stack
    operations = scenario.begin()
    daemon = stack.daemon(scenario.target)
    os.kill(daemon, signal.SIGSTOP)
    try:
        wait_until(scenario.standing_still, "both sources wait for the target", timeout_s=60)
        lab.partition(scenario.source, f"from:{scenario.target}:{LIBVIRT_PORT}")
    finally:
        os.kill(daemon, signal.SIGCONT)
    locked, unlocked = operations
    assert stack.end(locked)["state"] == "done"
    assert stack.place("locked") == scenario.target
    wait_until(lambda: stack.place("unlocked"), "one copy is discarded", timeout_s=120)
    stack.wait_for_ticks(scenario.oracle)
    scenario.never_twice()
    lab.heal(scenario.source)
    assert stack.end(unlocked)["state"] == "done"
    assert stack.place("unlocked") == scenario.target
    scenario.once()


def test_only_libvirts_port_is_cut(scenario: Scenario) -> None:
    """Memory flows on to its end, and nobody can say so: both copies stand still for a while."""
    operations = scenario.begin()
    scenario.lab.partition(scenario.target, f"port:{LIBVIRT_PORT}")
    wait_until(scenario.standing_still, "both sources wait for the target", timeout_s=60)
    stack = scenario.stack
    for name in BOTH:
        sources = stack.emulator(name, scenario.source)
        wait_until(
            lambda n=name, pid=sources: pid in scenario.oracle.executing(stack.vms[n]),  # type: ignore[misc]
            f"the source of {name} runs again",
            timeout_s=60,
        )
    scenario.never_twice()
    scenario.lab.heal(scenario.target)
    assert scenario.ended(operations, where=scenario.target) == ["done", "done"]
    scenario.once()


def test_the_target_is_unplugged(scenario: Scenario) -> None:
    """No link at all for as long as it takes the source to give up."""
    operations = scenario.begin()
    scenario.lab.partition(scenario.target, "full")
    stack = scenario.stack
    wait_until(
        lambda: all(stack.place(name) == scenario.source for name in BOTH),
        "both targets are given up",
        timeout_s=90,
    )
    scenario.never_twice()
    scenario.lab.heal(scenario.target)
    assert scenario.ended(operations, where=scenario.target) == ["done", "done"]
    scenario.once()


def test_the_target_freezes_and_thaws(scenario: Scenario) -> None:
    """Every process of the target stands still, libvirtd and emulators, and then goes on."""
    operations = scenario.begin()
    stack = scenario.stack
    scenario.lab.freeze(scenario.target)
    wait_until(lambda: not all_connected(stack), "the manager misses the target", timeout_s=60)
    stack.wait_for_ticks(scenario.oracle, more=10)
    scenario.lab.thaw(scenario.target)
    assert scenario.ended(operations, where=scenario.target) == ["done", "done"]
    scenario.once()


def test_the_source_freezes_and_thaws(scenario: Scenario) -> None:
    """Nobody may start or resume anything while the source only keeps silent."""
    operations = scenario.begin()
    stack = scenario.stack
    scenario.lab.freeze(scenario.source)
    wait_until(lambda: not all_connected(stack), "the manager misses the source", timeout_s=60)
    assert not any(scenario.oracle.executing(stack.vms[name]) for name in BOTH)
    scenario.lab.thaw(scenario.source)
    assert scenario.ended(operations, where=scenario.target) == ["done", "done"]
    scenario.once()
