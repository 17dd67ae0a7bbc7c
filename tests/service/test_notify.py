"""Notifications of a whole manager: asked for, sent, seen; and none is lost when it is killed."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from anypool.cli import child
from anypool.settings import Settings
from tests.service.manager_kit import Manager, add_sim, problem, running, until
from tests.service.process_kit import Served, logged_in
from tests.service.receivers import Hook, webhook

KEY = "canary-key-of-a-webhook"
PATH = "/T0/canary-of-an-address"


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    with running(tmp_path_factory.mktemp("state"), notify_allow="127.0.0.0/8") as manager:
        yield manager


@pytest.fixture
def hook(tmp_path: Path) -> Iterator[Hook]:
    with webhook(tmp_path) as made:
        yield made


def wanted(hook: Hook, **more: Any) -> dict[str, Any]:
    receiver = {"kind": "webhook", "url": hook.url + PATH, "fingerprint": hook.fingerprint}
    return {"name": "hook", "receiver": receiver, "secret": KEY, "severity": "info", **more}


def test_from_an_event_to_a_receiver(manager: Manager, hook: Hook) -> None:
    with manager.client() as client:
        answer = client.post("/notifications", json=wanted(hook, filter="kind = endpoint.added"))
        assert answer.status_code == 201, answer.text
        assert client.post("/notifications/hook/test").status_code == 204
        assert json.loads(hook.got.pop()[1])["type"] == "notify.test"
        add_sim(client, "told")
        hook.wait(lambda: hook.got)
        assert json.loads(hook.got[0][1])["data"]["subject_id"] == "told"
        assert hook.got[0][2] == PATH
        shown = client.get("/notifications/hook")
        letter = shown.json()["letters"][0]
        assert hook.got[0][0]["webhook-id"] == letter["id"]
        until(lambda: working(client), "it is known that it works")
        for text in (shown.text, answer.text, client.get("/notifications").text):
            assert KEY not in text
            assert PATH not in text
        assert client.delete("/notifications/hook").status_code == 204
        problem(client.get("/notifications/hook"), 404)


def working(client: httpx.Client) -> bool:
    found = client.get("/notifications/hook").json()
    return bool(
        found["notification"]["state"] == "working" and not found["notification"]["waiting"]
    )


def test_what_is_refused(manager: Manager, hook: Hook) -> None:
    with manager.client() as client:
        mail = {"kind": "mail", "server": "127.0.0.1:1", "to": ["a@b.c"], "sender": "a@b.c"}
        far = "https://169.254.169.254/latest"
        for bad in (
            {"filter": "kind = x order by at"},
            {"filter": "colour = red"},
            {"severity": "awful"},
            {"name": "../x"},
            {"secret": "short"},
            {"secret": "whsec_###"},
            {"receiver": {"kind": "webhook", "url": far}},
            {"receiver": {"kind": "webhook", "url": "http://example.org/"}},
            {"receiver": {"kind": "webhook", "url": "https://user:pw@example.org/"}},
            {"receiver": {"kind": "webhook", "url": "https://example.org/\r\nX: y"}},
            {"receiver": {"kind": "pigeon"}},
            {"receiver": mail},
            {"receiver": mail | {"user": "a", "security": "none"}},
            {"receiver": mail | {"to": []}, "secret": ""},
            {"receiver": mail | {"to": ["a@b.c\nBcc: x@y.z"]}, "secret": ""},
            {"receiver": mail | {"security": "none", "fingerprint": "ab" * 32}, "secret": ""},
            {"receiver": {"kind": "syslog", "server": "[::1]:514"}, "secret": ""},
        ):
            found = problem(client.post("/notifications", json=wanted(hook) | bad), 422)
            assert KEY not in json.dumps(found)
        assert client.get("/notifications").json()["items"] == []
        problem(client.post("/notifications/none/test"), 404)


def test_a_failing_receiver_is_seen_and_keeps_nobody_waiting(manager: Manager, hook: Hook) -> None:
    hook.hold = threading.Event()
    with manager.client() as client:
        assert client.post("/notifications", json=wanted(hook)).status_code == 201
        add_sim(client, "slow")
        hook.wait(lambda: hook.got)
        add_sim(client, "meanwhile")
        assert client.get("/vms").elapsed.total_seconds() < 2
        hook.status = 503
        hook.hold.set()

        def failing() -> Any:
            found = client.get("/notifications").json()["items"][0]
            return found if found["state"] == "failing" else None

        found = until(failing, "it is seen that nothing gets there")
        assert "status 503" in found["error"]
        assert found["due_at"] > found["failing_since"]
        assert found["waiting"] >= 1
        kinds = {one["kind"] for one in client.get("/events").json()["items"]}
        assert "notify.failing" in kinds
        problem(client.post("/notifications/hook/test"), 503)
        client.delete("/notifications/hook")


def test_kill_9_loses_nothing_and_repeats_with_one_id(tmp_path: Path, hook: Hook) -> None:
    """The receiver has a message and has not answered yet when the manager is killed."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "anypool.toml").write_text('notify_allow = "127.0.0.0/8"\nobserve_every_s = 60.0\n')
    settings = Settings(state_dir=str(state), listen_port=0)
    hook.hold = threading.Event()
    with child.manager(settings) as first:
        served = logged_in(first)
        rule = wanted(hook, filter="kind = user.added or kind = user.changed", at_once=1000)
        assert served.request("POST", "/notifications", rule).status_code == 201
        for number in range(5):
            body = {"name": f"u{number}", "role": "viewer"}
            assert served.request("POST", "/users", body).status_code == 201
        hook.wait(lambda: hook.got)
        first.kill()
    hook.hold.set()
    hook.hold = None
    with child.manager(settings) as second:
        again = Served(second, served.environment["ANYPOOL_TOKEN"])
        hook.wait(lambda: len(told(hook)) == 5)
        said = again("notify", "show", "hook")
        assert said.code == 0, said.err
        assert "webhook https://127.0.0.1" in said.out
        assert KEY not in said.out
    ids = [headers["webhook-id"] for headers, _, _ in hook.got]
    assert len(ids) > len(set(ids)) == 5, "what was under way came again, and is known by its id"


def told(hook: Hook) -> set[int]:
    return {json.loads(content)["data"]["number"] for _, content, _ in hook.got}
