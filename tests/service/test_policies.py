"""Policies from the command line and over HTTP: kept, obeyed, contradicted, reported, lifted."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from anypool.store.records import Role
from tests.service.manager_kit import Manager, problem, running
from tests.unit.cli_kit import Terminal


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with running(tmp_path_factory.mktemp("policies")) as made:
        yield made
    structlog.reset_defaults()


@pytest.fixture
def anypool(
    manager: Manager, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    monkeypatch.setenv("ANYPOOL_URL", manager.url)
    monkeypatch.setenv("ANYPOOL_TOKEN", manager.token())
    return Terminal(capsys)


def test_the_life_of_policies(manager: Manager, anypool: Terminal, tmp_path: Path) -> None:
    uri = f"sim://site?hosts=3&vms=6&seed=1&state={tmp_path / 'world'}"
    assert anypool("host", "add", uri, "--name", "site").code == 0
    for number in (1, 2, 3):
        assert anypool("host", "tag", f"h{number}", f"rack:r{1 + number % 2}").code == 0
    with manager.client() as client:
        running = client.get("/vms", params={"q": "state = running"}).json()["items"]
        vm = next(one for one in running if one["host_name"] == "h1")["name"]

    added = anypool("policy", "add", "stay", "pinned", f"name = {vm}")
    assert added.code == 0, added.err
    refused = anypool("host", "evacuate", "h1", "--dry-run")
    assert f"{vm}  policy stay pins the VM to its host" in refused.err
    other = anypool("policy", "add", "away", "on-hosts", f"name = {vm}", "--hosts", "name = h2")
    assert "the policies away, stay cannot all be kept" in other.err
    assert "anypool" not in anypool("policy", "list", "-o", "name").out.replace("stay", "")
    with manager.client() as client:
        for path in (f"vm/{vm}", "host/h1", "pool/default"):
            (bound,) = client.get(f"/bindings/{path}").json()["items"]
            assert (bound["policy"], bound["rule"], bound["vms"]) == ("stay", "pinned", 1), path
        assert client.get("/bindings/host/h2").json()["items"] == []
        problem(client.get("/bindings/host/none"), 404)
        assert client.get("/bindings/cat/tom").status_code in (404, 422)

    assert anypool("policy", "disable", "stay").code == 0
    moved = anypool("host", "evacuate", "h1", "--dry-run")
    assert moved.code == 0, moved.err
    assert (
        anypool("policy", "add", "away", "on-hosts", f"name = {vm}", "--hosts", "name = h2").code
        == 0
    )
    shown = anypool("policy", "show", "away")
    assert "the policy away would be broken by" in shown.out
    assert "the policies away, stay cannot all be kept" in anypool("policy", "enable", "stay").err
    targets = anypool("host", "evacuate", "h1", "--dry-run").out
    assert "policy away names other hosts" in targets
    assert anypool("policy", "remove", "away", "--yes").code == 0
    assert anypool("policy", "list", "-f", "breaches > 0", "-o", "name").out.strip() == ""


def test_a_licence_is_counted_and_packed(manager: Manager, anypool: Terminal) -> None:
    """On the hosts that the test before added."""
    query = ("state = running", "--hosts", "name != h9", "--sockets", "99")
    assert anypool("policy", "add", "paid", "licence", *query).code == 0
    with manager.client() as client:
        before = client.get("/policies/paid").json()
        counted = {one["host"]: one for one in before["counted"]}
        assert before["sockets"] == sum(one["sockets"] for one in counted.values())
        assert sum(one["vms"] for one in counted.values()) == before["vms"]
        assert all(one["licensed"] for one in counted.values())
    shown = anypool("policy", "show", "paid").out
    assert f"{before['sockets']} of 99" in shown
    preview = anypool("policy", "pack", "paid", "--dry-run")
    assert preview.code == 0, preview.err
    assert f"pack the VMs of policy paid: {before['sockets']} -> " in preview.out
    assert anypool("policy", "pack", "nothing", "--dry-run").code != 0
    assert anypool("policy", "remove", "paid", "--yes").code == 0


def test_wrong_policies_are_refused_with_a_way_out(anypool: Terminal) -> None:
    wrong = anypool("policy", "add", "w", "spread", "tag = web", "--domain", "rack")
    assert "minimum" in wrong.err
    wrong = anypool("policy", "add", "w", "apart", "tga = web")
    assert "did you mean 'tag'" in wrong.err or "tag" in wrong.err
    wrong = anypool("policy", "add", "w", "apart", "tag = web", "--prefix", "x")
    assert "prefix" in wrong.err
    wrong = anypool("policy", "add", "w", "pinned", "tag = web", "--should")
    assert "mere preference" in wrong.err
    assert anypool("policy", "show", "w").code != 0


def test_only_administrators_change_policies(manager: Manager) -> None:
    body = {"name": "mine", "scope": "tag = web", "rule": {"kind": "apart"}}
    with manager.client(Role.OPERATOR) as client:
        assert client.post("/policies", json=body).status_code == 403
        assert client.get("/policies").status_code == 200
    with manager.client() as client:
        made = client.post("/policies", json=body)
        assert made.status_code == 201
        tag = client.get("/policies/mine").headers["ETag"]
        assert client.post("/policies", json=body).status_code == 409
        stale = {"If-Match": '"nothing"'}
        assert (
            client.patch("/policies/mine", json={"enabled": False}, headers=stale).status_code
            == 412
        )
        fresh = client.patch("/policies/mine", json={"enabled": False}, headers={"If-Match": tag})
        assert fresh.json()["enabled"] is False
        odd = client.patch("/policies/mine", json={"rule": {"kind": "apart", "colour": "red"}})
        assert "colour" in problem(odd, 422)["detail"]
        assert client.delete("/policies/mine").status_code == 204


def test_a_plan_is_not_begun_that_breaks_what_was_ruled_since(
    manager: Manager, anypool: Terminal
) -> None:
    """It was made when nothing forbade it; the pool is as it was, the policies are not."""
    uri = "sim://later?hosts=3&vms=6&seed=3"
    with manager.client() as client:
        assert client.post("/endpoints", json={"uri": uri, "name": "later"}).status_code == 201
        running = client.get("/vms", params={"q": "state = running"}).json()["items"]
        vm = next(one for one in running if one["host"].startswith("later"))
        path = f"/vms/{vm['id']}/migrate"
        plans = [
            client.post(path, json={}, params={"dry_run": "true"}).json()["id"] for _ in range(2)
        ]
        assert client.post(f"/plans/{plans[1]}/approve").status_code == 200
        assert anypool("policy", "add", "rests", "pinned", f"id = {vm['id']}").code == 0
        refused = problem(client.post(f"/plans/{plans[0]}/approve"), 409)
        assert "policies as they are now" in refused["detail"]
        assert "rests" in refused["detail"]
        assert client.get(f"/plans/{plans[0]}").json()["state"] == "recommended"
        refused = problem(client.post(f"/plans/{plans[1]}/run"), 409)
        assert "policies as they are now" in refused["detail"]
        assert "rests" in refused["detail"]
        assert client.get(f"/plans/{plans[1]}").json()["state"] == "superseded"
        assert anypool("policy", "disable", "rests").code == 0
        assert client.post(f"/plans/{plans[0]}/run").status_code == 202
