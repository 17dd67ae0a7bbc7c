"""A real guest whose QEMU agent answered and then hangs is reset once; one never heard is not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from anypool.cli.client import Json
from tests.lab.agent_guest import hang, image_of, with_agent
from tests.lab.conftest import wait_until
from tests.lab.full_stack import Stack, all_connected, heal
from tests.lab.oracle import Oracle

pytest_plugins = ["tests.lab.full_stack"]
pytestmark = [pytest.mark.lab, pytest.mark.timeout(400)]

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


def test_guest_whose_agent_hangs_is_reset_once(judged: Stack) -> None:
    stack = judged
    with Oracle(stack.consoles) as oracle:
        wait_until(lambda: answers(stack), "its agent answers", timeout_s=120)
        assert oracle.console(stack.vms[NAME]).boots == 1
        hang(stack.lab, "h1", stack.vms[NAME])
        wait_until(lambda: agent(stack, NAME)["state"] == "silent", "it is silent", timeout_s=60)
        assert agent(stack, NAME)["heard"]

        said: set[str] = set()

        def booted_again() -> bool:
            if (why := str(agent(stack, NAME)["why"]).partition(" for ")[0]) not in said:
                said.add(why)
                print(agent(stack, NAME), stack.vm(NAME)["load"])
            return oracle.console(stack.vms[NAME]).boots == 2

        wait_until(booted_again, "it is reset", timeout_s=120)
        wait_until(lambda: answers(stack), "its agent answers again", timeout_s=120)
        assert agent(stack, NAME)["why"] == ""
        # one that was never heard stays alone, though it is as silent and as still
        never = agent(stack, PLAIN)
        assert (never["state"], never["heard"], never["judged"]) == ("silent", False, True)
        assert never["silent_s"] > RULE["agent_silent_s"]
        assert oracle.console(stack.vms[PLAIN]).boots == 1
        assert oracle.console(stack.vms[NAME]).boots == 2
        assert not oracle.twice(stack.vms[NAME])
    plans = stack.client.get("/plans", q="policy = ha")["items"]
    reasons = [one["aim"] for one in plans if NAME in str(one["goal"])]
    assert len(reasons) == 1, plans
