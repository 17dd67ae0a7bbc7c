"""A real guest whose QEMU agent answered and then hangs is reset once; one never heard is not."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from anypool.cli.client import Json
from tests.lab.agent_guest import hang, image_of, with_agent
from tests.lab.conftest import wait_until
from tests.lab.full_stack import Stack, all_connected, heal
from tests.lab.oracle import Oracle

pytest_plugins = ["tests.lab.full_stack"]
pytestmark = [pytest.mark.lab, pytest.mark.timeout(1000)]

BOOTS_S = 300.0
"""An emulated guest needs 5 s of CPU time to boot, and gets a twentieth of a CPU at times."""
NAME, PLAIN, POLICY, IMAGE = "judged", "plain", "ha", "agent-guest"
RULE = {
    "kind": "ha", "level": "automatic", "silent_s": 8, "cold_s": 0, "fence": False,
    "agent_silent_s": 10, "agent_quiet_s": 12,
}  # fmt: skip


@pytest.fixture
def judged(stack: Stack, tmp_path: Path) -> Iterator[Stack]:
    """All hosts up, guarded, with a VM that has an agent and one that never had any."""
    heal(stack.lab)
    if not stack.is_up:
        stack.start()
    wait_until(lambda: all_connected(stack), "the manager reaches all hosts", timeout_s=90)
    for name in list(stack.vms):
        stack.forget(name)
    status = stack.lab.status()
    assert status.image is not None
    initrd = with_agent(stack.lab, tmp_path)
    stack.client.post("/images", image_of(status.image, initrd, status.datastore_uuid, IMAGE))
    stack.client.post("/policies", {"name": POLICY, "scope": "pool = default", "rule": RULE})
    for name, image in ((NAME, IMAGE), (PLAIN, "lab-guest")):
        stack.do("/vms", {"name": name, "image": image, "host": "h1"})
        stack.vms[name] = str(stack.client.get(f"/vms/{name}")["id"])
    yield stack
    stack.client.delete(f"/policies/{POLICY}")
    for name in (NAME, PLAIN):
        stack.forget(name)


def agent(stack: Stack, name: str) -> Json:
    return dict(stack.client.get(f"/vms/{stack.vms[name]}")["agent"])


def answers(stack: Stack) -> bool:
    return bool(agent(stack, NAME)["state"] == "answers")


def pids(stack: Stack) -> list[int]:
    """The emulators of the VM, by the process table."""
    there = (stack.lab.processes(server) for server in ("h1", "h2", "h3"))
    return [one.pid for few in there for one in few if one.vm_uuid == stack.vms[NAME]]


def mended(stack: Stack) -> list[Json]:
    """What the policy did to the VM, and has done."""
    done = stack.client.get("/operations", q="by = policy:ha and state = done")["items"]
    return [one for one in done if NAME in str(one["goal"])]


def test_guest_whose_agent_hangs_is_reset_once(judged: Stack) -> None:
    stack = judged
    with Oracle(stack.consoles) as oracle:
        wait_until(lambda: answers(stack), "its agent answers", timeout_s=BOOTS_S)
        assert oracle.console(stack.vms[NAME]).boots == 1
        (emulator,) = pids(stack)
        hang(stack.lab, "h1", stack.vms[NAME])
        wait_until(lambda: agent(stack, NAME)["state"] == "silent", "it is silent", timeout_s=90)
        assert agent(stack, NAME)["heard"]

        wait_until(lambda: mended(stack), "its reset is done", timeout_s=90)
        console = partial(oracle.console, stack.vms[NAME])
        wait_until(lambda: console().boots == 2, "it boots again", timeout_s=BOOTS_S)
        wait_until(lambda: answers(stack), "its agent answers again", timeout_s=BOOTS_S)
        assert agent(stack, NAME)["why"] == ""
        # one that was never heard stays alone, though it is as silent and as still
        never = agent(stack, PLAIN)
        assert (never["state"], never["heard"], never["judged"]) == ("silent", False, True)
        assert never["silent_s"] > RULE["agent_silent_s"]
        assert oracle.console(stack.vms[PLAIN]).boots == 1
        assert console().boots == 2
        assert not oracle.twice(stack.vms[NAME])
        assert pids(stack) == [emulator], "a reset keeps the process"
        assert len(mended(stack)) == 1
