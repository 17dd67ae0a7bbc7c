"""The audit trail of a whole manager: each change is one row, refusals and logins too."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from anypool.store.records import Role
from tests.service.manager_kit import Manager, problem, running, until
from tests.unit.cli_kit import Terminal


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with running(tmp_path_factory.mktemp("audit"), audit_head_every_s=0.2) as made:
        world = tmp_path_factory.mktemp("world") / "world"
        uri = f"sim://site?hosts=3&vms=6&seed=1&state={world}"
        with made.client() as client:
            answer = client.post("/endpoints", json={"uri": uri, "name": "site"})
            assert answer.status_code == 201, answer.text
        yield made
    structlog.reset_defaults()


def newest(client: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get("/audit", params=query).json()["items"]
    return items


def test_a_change_is_one_row_with_who_how_and_which_request(manager: Manager) -> None:
    with manager.client() as client:
        before = newest(client)[0]["number"]
        answer = client.patch(
            "/hosts/h1", json={"tags": ["new"]}, headers={"X-Request-Id": "my-request"}
        )
        assert answer.headers["X-Request-Id"] == "my-request"
        (row,) = [row for row in newest(client) if row["number"] > before]
    assert (row["who"], row["role"], row["deed"]) == ("admin", "administrator", "OPERATE_HOST")
    assert row["proof"].startswith("token ")
    assert (row["object_kind"], row["request"], row["outcome"]) == ("host", "my-request", "done")


def test_a_plan_and_its_run_are_found_from_each_other(manager: Manager) -> None:
    with manager.client() as client:
        asked = client.post("/hosts/h2/evacuate").json()
        run, plan = asked["operation"]["id"], asked["operation"]["plan"]
        until(lambda: client.get(f"/operations/{run}").json()["state"] == "done", "it is evacuated")
        rows = newest(client, q=f"operation = {run}")
        assert {row["plan"] for row in rows} == {plan}
        assert {"OPERATE_HOST", "step.done", "run.done"} <= {row["deed"] for row in rows}
        events = client.get("/events", params={"q": f"operation = {run}"}).json()["items"]
        assert {event["plan"] for event in events} == {plan}
        assert client.get(f"/plans/{plan}").json()["operation"] == run


def test_a_refusal_is_a_row_and_names_its_request(manager: Manager) -> None:
    with manager.client(Role.VIEWER) as viewer, manager.client() as client:
        answer = viewer.post("/hosts/h1/evacuate")
        said = problem(answer, 403)
        assert said["request"] == answer.headers["X-Request-Id"]
        row = until(
            lambda: next((r for r in newest(client) if r["request"] == said["request"]), None),
            "the refusal is written",
        )
        assert (row["outcome"], row["role"], row["deed"]) == ("refused", "viewer", "OPERATE_HOST")
        assert viewer.get("/audit").status_code == 403


def test_logins_are_rows(manager: Manager) -> None:
    with manager.anonymous() as nobody, manager.client() as client:
        nobody.post("/login", json={"user": "admin", "password": "wrong"})
        row = newest(client)[0]
        assert (row["deed"], row["outcome"]) == ("login.failed", "failed")
        assert "wrong" not in str(row)


def test_a_token_can_be_limited_to_deeds(manager: Manager) -> None:
    with manager.client() as client:
        made = client.post("/tokens", json={"label": "probe", "deeds": ["read"]}).json()
        assert made["token"]["deeds"] == ["read"]
        wrong = client.post("/tokens", json={"label": "probe", "deeds": ["rule-the-world"]})
        assert "there are: read" in problem(wrong, 422)["hint"]
    headers = {"Authorization": f"Bearer {made['secret']}"}
    with manager.anonymous() as limited:
        limited.headers.update(headers)
        assert limited.get("/hosts").status_code == 200
        denied = problem(limited.patch("/hosts/h1", json={"tags": []}), 403)
        assert "limited to read" in denied["detail"]


def test_from_the_command_line(
    manager: Manager,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("ANYPOOL_URL", manager.url)
    monkeypatch.setenv("ANYPOOL_TOKEN", manager.token())
    anypool = Terminal(capsys)
    assert "OPERATE_HOST" in anypool("audit", "list").out
    assert "hash" in anypool("audit", "show", "1").out
    assert (
        anypool("audit", "list", "-f", "who = admin and outcome = refused", "-o", "name").code == 0
    )
    heads = Path(manager.app.settings.state_dir) / "audit-heads.jsonl"
    until(heads.exists, "heads are exported")
    found = anypool("audit", "verify")
    assert found.code == 0, found.err
    file = tmp_path / "trail.jsonl"
    assert anypool("audit", "export", str(file)).code == 0
    assert len(file.read_text().splitlines()) > 5
    assert anypool("audit", "export", str(file)).code != 0, "a file is never overwritten"
    with heads.open("a") as out:
        out.write('{"number":999999,"hash":"00","at":1.0}\n')
    broken = anypool("audit", "verify")
    assert broken.code != 0
    assert "row 999999 was exported once" in broken.err


def test_metrics_are_for_those_who_may_read(manager: Manager) -> None:
    root = manager.url
    assert httpx.get(f"{root}/metrics").status_code == 401
    headers = {"Authorization": f"Bearer {manager.token(Role.VIEWER)}"}
    answer = httpx.get(f"{root}/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    lines = answer.text.splitlines()
    assert 'anypool_hosts{state="up"} 3.0' in lines
    assert "anypool_leads 1.0" in lines
    assert any(line.startswith("anypool_api_request_seconds_count{") for line in lines)
    assert not [line for line in lines if "vm1" in line], "no VM has a number of its own"


def test_health_says_whether_to_send_requests(manager: Manager) -> None:
    with manager.anonymous() as nobody:
        assert nobody.get("/health/live").json() == {"status": "ok"}
        ready = nobody.get("/health/ready")
        assert (ready.status_code, ready.json()["leads"]) == (200, True)
