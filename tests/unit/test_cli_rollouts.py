"""The commands about rolling maintenance."""

from typing import Any

from tests.unit.cli_kit import FakeManager, Terminal
from tests.unit.test_cli_commands import anypool as anypool
from tests.unit.test_cli_commands import manager as manager

WAVES = [
    {"number": 1, "hosts": ["h1", "h2"], "state": "done"},
    {"number": 2, "hosts": ["h3"], "state": "begun"},
]


def rollout(**more: Any) -> dict[str, Any]:
    return {
        "id": "rollout-1",
        "pool": "default",
        "state": "running",
        "by": "ada",
        "waves": WAVES,
        "fewest": 1,
        "hosts_total": 3,
        "hosts_done": 2,
        "max_hosts": 2,
        "plan": "plan-1",
        "operation": None,
        "forecast": "plan-0",
        "attempts": 0,
        "due_at": 0.0,
        "started_at": 1700000000.0,
        "ended_at": 0.0,
        "message": "wave 2 begins: h3",
        "reason": None,
        **more,
    }


def test_what_is_asked_is_what_is_sent(manager: FakeManager, anypool: Terminal) -> None:
    manager.answers["POST /pools/default/maintain"] = (202, rollout())
    words = ["--hosts", "h1", "h2,h3", "--max-hosts", "2", "--no-return", "--shut-down"]
    words += ["--until-ready", "--hypervisor", "9.2", "--back-within", "30", "--across"]
    words += ["--on-failure", "retry", "--retries", "5", "--ignore-failover", "--yes"]
    begun = anypool("pool", "maintain", "default", *words)
    assert begun.code == 0, begun.err
    assert "rollout-1 started" in begun.out
    assert manager.body("POST", "/pools/default/maintain") == {
        "hosts": ["h1", "h2", "h3"],
        "max_hosts": 2,
        "domain": "rack",
        "across": True,
        "put_back": False,
        "shut_down": True,
        "seen": False,
        "hypervisor": "9.2",
        "return_s": 1800.0,
        "on_failure": "retry",
        "retries": 5,
        "retry_after_s": 60.0,
        "ignore_failover": True,
    }
    assert anypool("pool", "maintain", "default", "-y", "-o", "name").out.strip() == "rollout-1"
    assert anypool("pool", "maintain", "default", "--on-failure", "pray").code == 2


def test_waves_are_shown_with_how_few_there_can_be(manager: FakeManager, anypool: Terminal) -> None:
    manager.answers["GET /rollouts"] = {"items": [rollout()], "total": 1}
    manager.answers["GET /rollouts/rollout-1"] = rollout()
    assert "2/3" in anypool("rollout", "list").out
    shown = anypool("rollout", "show", "rollout-1").out
    assert "2 waves; none has fewer than 1" in shown
    assert "h1, h2" in shown


def test_following_ends_with_what_somebody_can_do(manager: FakeManager, anypool: Terminal) -> None:
    stuck = rollout(state="waiting", message="stopped: h3 did not come back")
    manager.answers["GET /rollouts/rollout-1"] = stuck
    found = anypool("rollout", "watch", "rollout-1")
    assert found.code == 1
    assert "h3 did not come back" in found.err
    assert "anypool rollout continue rollout-1" in found.err
    manager.answers["GET /rollouts/rollout-1"] = rollout(state="done", hosts_done=3)
    assert anypool("rollout", "watch", "rollout-1").code == 0
    manager.answers["GET /rollouts/rollout-1"] = rollout(state="cancelled")
    assert anypool("rollout", "watch", "rollout-1").code == 1


def test_a_host_that_is_handed_over_is_told_while_following(
    manager: FakeManager, anypool: Terminal
) -> None:
    step = {"state": "begun", "message": "h3 can be serviced now", "action": {"type": "hand-over"}}
    manager.answers["GET /operations/run-1"] = {"id": "run-1", "steps": [step]}
    manager.answers["GET /rollouts/rollout-1"] = rollout(state="paused", operation="run-1")
    assert "h3 can be serviced now" in anypool("rollout", "watch", "rollout-1").err


def test_a_rollout_is_steered_and_a_host_said_to_be_ready(
    manager: FakeManager, anypool: Terminal
) -> None:
    for verb in ("pause", "continue", "cancel"):
        manager.answers[f"POST /rollouts/rollout-1/{verb}"] = rollout()
        assert anypool("rollout", verb, "rollout-1").code == 0
        assert manager.sent("POST", f"/rollouts/rollout-1/{verb}")
    manager.answers["POST /hosts/h3/ready"] = (202, {"operation": {"id": "run-1"}})
    assert "run-1 goes on" in anypool("host", "ready", "h3").err
