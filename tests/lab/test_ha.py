"""Real hosts die or lose all networks; their VMs run on another one, and never on two.

A frozen server of the lab is not among them: its kernel still answers, so it counts as alive.
"""

import os
import time
from collections.abc import Iterator

import pytest

from tests.lab.conftest import wait_until
from tests.lab.full_stack import Stack, all_connected, heal
from tests.lab.oracle import Oracle

pytest_plugins = ["tests.lab.full_stack"]
pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

ROUNDS = int(
    os.environ.get("TEST_ROUNDS") or (20 if os.environ.get("TEST_PROFILE") == "prove" else 1)
)
"""How often a host dies, and how often one is cut off; every second time disks are locked."""
NAME, POLICY = "guarded", "ha"
RULE = {"kind": "ha", "level": "automatic", "silent_s": 8, "cold_s": 0, "fences_within_s": 1}


@pytest.fixture
def guarded(stack: Stack) -> Iterator[Stack]:
    """All hosts up and open, guarded, with one VM on h3."""
    heal(stack.lab)
    if not stack.is_up:
        stack.start()
    wait_until(lambda: all_connected(stack), "the manager reaches all hosts", timeout_s=90)
    for name in list(stack.vms):
        stack.forget(name)
    body = {"name": POLICY, "scope": "pool = default", "rule": RULE}
    stack.client.post("/policies", body)
    yield stack
    stack.client.delete(f"/policies/{POLICY}")
    stack.lab.repair()
    wait_until(lambda: all_connected(stack), "the manager reaches all hosts", timeout_s=90)
    stack.forget(NAME)


@pytest.mark.parametrize("number", range(ROUNDS))
@pytest.mark.parametrize("how", ["partition", "die"])
def test_vm_of_a_host_that_falls_silent_runs_on_another_and_once(
    guarded: Stack, how: str, number: int
) -> None:
    stack, lab = guarded, guarded.lab
    shareable = number % 2 == 0
    with Oracle(stack.consoles) as oracle:
        stack.make(NAME, "h3", shareable=shareable)
        stack.wait_for_ticks(oracle, (NAME,), more=1)
        vm = stack.vms[NAME]

        def is_guarded() -> bool:
            return bool(stack.client.get(f"/vms/{vm}/ha")["protection"] == "protected")

        wait_until(is_guarded, "the VM is protected")
        deeds = {"partition": lab.partition, "die": lab.kill}
        begun = time.monotonic()
        deeds[how]("h3")

        def runs_elsewhere() -> bool:
            return stack.vm(NAME)["state"] == "running" and stack.place(NAME) in ("h1", "h2")

        wait_until(runs_elsewhere, "the VM runs elsewhere", timeout_s=60)
        took_s = time.monotonic() - begun
        assert lab.server("h3").pids == ()
        stack.wait_for_ticks(oracle, (NAME,), more=2)
        assert not oracle.twice(stack.vms[NAME])
        disks = "shareable" if shareable else "locked"
        print(f"{how} {number + 1}: {disks} disk, runs elsewhere after {took_s:.1f} s")
