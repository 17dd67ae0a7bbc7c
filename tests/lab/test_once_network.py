"""A VM runs once and is not lost when the network fails in the middle of its migration."""

import os
import signal
from functools import partial

import pytest

from tests.lab.full_stack import BOTH, LIBVIRT_PORT, Scenario, all_connected

pytest_plugins = ["tests.lab.full_stack"]
pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]


@pytest.mark.parametrize("killed", [False, True], ids=["manager-stays", "manager-killed"])
def test_the_answer_of_a_finished_target_is_lost(scenario: Scenario, killed: bool) -> None:
    """The target has finished and the source never hears of it.

    Left to itself libvirt lets the unlocked guest run on both hosts from then on, and the
    locked one leaves a paused copy at the source for ever.
    """
    lab, stack = scenario.lab, scenario.stack
    operations = scenario.begin()
    source = stack.emulator("unlocked", scenario.source)
    daemon = stack.daemon(scenario.target)
    os.kill(daemon, signal.SIGSTOP)
    try:
        scenario.wait(scenario.standing_still, "both sources wait for the target")
        lab.partition(scenario.source, f"from:{scenario.target}:{LIBVIRT_PORT}")
        if killed:
            stack.crash()
    finally:
        os.kill(daemon, signal.SIGCONT)
    if killed:
        stack.start()
    locked, unlocked = operations
    assert scenario.end(locked)["state"] == "done"
    assert stack.place("locked") == scenario.target
    scenario.wait(lambda: scenario.runs("unlocked", source), "the source has come back")
    scenario.wait(lambda: stack.place("unlocked"), "the target is discarded")
    lab.heal(scenario.source)
    ended = scenario.end(unlocked)
    assert ended["state"] == "done", ended
    assert ended["steps"][0]["attempts"] > 1, "it was done anew"
    assert stack.place("unlocked") == scenario.target
    scenario.once()


def test_only_libvirts_port_is_cut(scenario: Scenario) -> None:
    """Memory flows on to its end, and nobody can say so: both copies stand still for a while."""
    operations = scenario.begin()
    scenario.lab.partition(scenario.target, f"port:{LIBVIRT_PORT}")
    scenario.wait(scenario.standing_still, "both sources wait for the target")
    stack = scenario.stack
    sources = [stack.emulator(name, scenario.source) for name in BOTH]
    for name, pid in zip(BOTH, sources, strict=True):
        runs = partial(scenario.runs, name, pid)
        scenario.wait(runs, f"the source of {name} runs again")
    scenario.lab.heal(scenario.target)
    assert scenario.ended(operations, where=scenario.target) == ["done", "done"]
    scenario.once()


def test_the_target_is_unplugged(scenario: Scenario) -> None:
    """No link at all for as long as it takes the source to give up."""
    operations = scenario.begin()
    scenario.lab.partition(scenario.target, "full")
    stack = scenario.stack
    scenario.wait(
        lambda: all(stack.place(name) == scenario.source for name in BOTH),
        "both targets are given up",
    )
    scenario.lab.heal(scenario.target)
    assert scenario.ended(operations, where=scenario.target) == ["done", "done"]
    scenario.once()


def test_the_target_freezes_and_thaws(scenario: Scenario) -> None:
    """Every process of the target stands still, libvirtd and emulators, and then goes on."""
    operations = scenario.begin()
    stack = scenario.stack
    scenario.lab.freeze(scenario.target)
    scenario.wait(lambda: not all_connected(stack), "the manager misses the target")
    stack.wait_for_ticks(scenario.oracle, more=10)
    scenario.lab.thaw(scenario.target)
    assert scenario.ended(operations, where=scenario.target) == ["done", "done"]
    scenario.once()


def test_the_source_freezes_and_thaws(scenario: Scenario) -> None:
    """Nobody may start or resume anything while the source only keeps silent."""
    operations = scenario.begin()
    stack = scenario.stack
    scenario.lab.freeze(scenario.source)
    scenario.wait(lambda: not all_connected(stack), "the manager misses the source")
    assert not any(scenario.oracle.executing(stack.vms[name]) for name in BOTH)
    scenario.lab.thaw(scenario.source)
    assert scenario.ended(operations, where=scenario.target) == ["done", "done"]
    scenario.once()
