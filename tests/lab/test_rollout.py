"""A pool of real hypervisors is maintained host by host; one of them really goes down."""

from functools import partial

import pytest

from anypool.cli.client import Json
from tests.lab.full_stack import Scenario

pytest_plugins = ["tests.lab.full_stack"]
pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]


def test_hosts_are_emptied_rebooted_verified_and_filled_again(scenario: Scenario) -> None:
    stack, lab = scenario.stack, scenario.lab
    first, second = scenario.source, scenario.target
    body = {"hosts": [first, second], "return_s": 120}
    key = str(stack.client.post("/pools/default/maintain", body)["id"])

    scenario.wait(partial(_handed_over, scenario, key, first), "the first host is handed over")
    assert not lab.processes(first)
    lab.kill(first)
    scenario.wait(partial(_says, scenario, key, "is away"), "it is seen away")
    lab.boot(first)
    stack.client.post(f"/hosts/{first}/ready")

    scenario.wait(partial(_handed_over, scenario, key, second), "the second one follows")
    assert not lab.processes(second)
    stack.client.post(f"/hosts/{second}/ready")
    scenario.wait(lambda: _rollout(scenario, key)["state"] == "done", "all is done")
    assert _rollout(scenario, key)["hosts_done"] == 2
    assert all(stack.place(name) == first for name in stack.vms)
    scenario.once()


def _rollout(scenario: Scenario, key: str) -> Json:
    return scenario.stack.client.get(f"/rollouts/{key}")


def _steps(scenario: Scenario, key: str) -> list[Json]:
    operation = _rollout(scenario, key)["operation"]
    return list(scenario.stack.operation(operation)["steps"]) if operation else []


def _handed_over(scenario: Scenario, key: str, host: str) -> bool:
    found = scenario.stack.client.get(f"/hosts/{host}")["id"]
    return any(
        step["action"]["type"] == "hand-over"
        and step["action"]["host"] == found
        and step["state"] == "begun"
        for step in _steps(scenario, key)
    )


def _says(scenario: Scenario, key: str, words: str) -> bool:
    return any(words in (step["message"] or "") for step in _steps(scenario, key))
