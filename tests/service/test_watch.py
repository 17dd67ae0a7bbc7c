"""A balance policy from the command line and over HTTP: proposed, compared, approved, reported."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import structlog

from anypool.store.records import Role
from tests.service.manager_kit import Manager, finished, problem, running, until
from tests.unit.cli_kit import Terminal

QUICK = [
    "--threshold-percent",
    "1",
    "--margin-percent",
    "50",
    "--hold-s",
    "0",
    "--cool-down-s",
    "0",
]
CALM = {"watch.even", "watch.no-gain"}


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with running(tmp_path_factory.mktemp("watch"), watch_every_s=1.0) as made:
        yield made
    structlog.reset_defaults()


@pytest.fixture
def anypool(
    manager: Manager, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    monkeypatch.setenv("ANYPOOL_URL", manager.url)
    monkeypatch.setenv("ANYPOOL_TOKEN", manager.token())
    return Terminal(capsys)


@pytest.fixture(scope="module")
def client(manager: Manager, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a manager with a pool whose first host is empty."""
    world = tmp_path_factory.mktemp("world") / "world"
    with manager.client() as client:
        uri = f"sim://crowd?hosts=3&vms=12&seed=1&state={world}"
        assert client.post("/endpoints", json={"uri": uri, "name": "crowd"}).status_code == 201
        crowd(client)
        yield client


def crowd(client: httpx.Client) -> None:
    """Empty a host and open it again."""
    host = sorted(one["name"] for one in client.get("/hosts").json()["items"])[0]
    finished(client, client.post(f"/hosts/{host}/evacuate"))
    finished(client, client.post(f"/hosts/{host}/leave-maintenance"))


def homes(client: httpx.Client) -> Counter[str]:
    vms = client.get("/vms", params={"q": "state = running"}).json()["items"]
    return Counter(vm["host_name"] for vm in vms)


def plans(client: httpx.Client, policy: str, state: str) -> list[dict[str, Any]]:
    query = f"policy = {policy} and state = {state}"
    found: list[dict[str, Any]] = client.get("/plans", params={"q": query}).json()["items"]
    return found


def code(client: httpx.Client, policy: str) -> str:
    watched = client.get(f"/policies/{policy}").json()["watched"]
    return "" if watched is None else str(watched["reason"]["code"])


def test_a_policy_in_shadow_records_then_proposes_and_runs_what_is_approved(
    client: httpx.Client, anypool: Terminal
) -> None:
    before = homes(client)
    made = anypool(
        "policy", "add", "night", "balance", "pool = default", "--level", "shadow", *QUICK
    )
    assert made.code == 0, made.err
    (shadow,) = until(lambda: plans(client, "night", "shadow"), "a plan is recorded")
    assert homes(client) == before
    refused = problem(client.post(f"/plans/{shadow['id']}/run"), 409)
    assert "is shadow" in refused["detail"]
    told = anypool("policy", "report", "night", "--since", "30d")
    counted = client.get("/policies/night/report").json()
    assert counted["moved"] == {shadow["id"]: counted["moves"]}
    assert 0 < counted["vms"] <= counted["moves"] <= shadow["steps"]
    assert f"1 shadow; would have moved {counted['vms']} VM" in told.err + told.out
    assert "and is only recorded" in anypool("policy", "show", "night").out

    assert anypool("policy", "set", "night", "--level", "partial").code == 0
    (proposed,) = until(lambda: plans(client, "night", "recommended"), "a plan is proposed")
    assert proposed["by"] == "policy:night"
    assert homes(client) == before
    listed = anypool("plan", "list", "-f", "policy = night")
    assert proposed["id"] in listed.out
    diff = anypool("plan", "diff", proposed["id"])
    assert f"{shadow['id']} -> {proposed['id']}" in diff.err + diff.out
    assert "same" in diff.out
    assert client.get(f"/plans/{proposed['id']}").json()["rejected"]

    assert anypool("plan", "approve", proposed["id"]).code == 0
    until(lambda: plans(client, "night", "done"), "the approved plan ran")
    after = homes(client)
    assert len(after) > len(before)
    until(lambda: code(client, "night") in CALM, "nothing is left to do")
    assert plans(client, "night", "recommended") == []

    rows = client.get("/audit", params={"q": f"plan = {proposed['id']}"}).json()["items"]
    deeds = {(row["who"], row["deed"]) for row in rows}
    assert ("policy:night", "plan.recommended") in deeds
    assert any(deed == "DECIDE_PLAN" for _, deed in deeds)
    events = client.get("/events", params={"q": "kind = plan.approved"}).json()["items"]
    assert events[0]["plan"] == proposed["id"]
    for plan in (shadow, proposed):
        assert client.get(f"/plans/{plan['id']}/replay").json()["verdict"] == "same"
    compared = anypool("plan", "replay", "--since", "1d", "--planner", "memory")
    assert f"{shadow['id']}" in compared.out


def test_a_rejected_plan_is_put_aside_and_an_automatic_policy_acts(
    client: httpx.Client, anypool: Terminal
) -> None:
    changed = anypool("policy", "set", "night", "--level", "manual", "--cool-down-s", "3600")
    assert changed.code == 0, changed.err
    anypool("policy", "disable", "night")
    crowd(client)
    anypool("policy", "enable", "night")
    until(lambda: code(client, "night") == "watch.rests", "it rests after the last plan")
    anypool("policy", "set", "night", "--cool-down-s", "0")
    (plan,) = until(lambda: plans(client, "night", "recommended"), "a plan is proposed")
    anypool("policy", "set", "night", "--cool-down-s", "3600")
    assert anypool("plan", "reject", plan["id"]).code == 0
    until(lambda: code(client, "night") == "watch.rests", "it rests after a rejection")
    assert plans(client, "night", "recommended") == []

    anypool("policy", "set", "night", "--level", "automatic", "--cool-down-s", "0")
    until(lambda: len(plans(client, "night", "done")) == 2, "it balances by itself")
    until(lambda: code(client, "night") in CALM, "nothing is left to do")
    told = client.get("/policies/night/report", params={"since": -3600}).json()
    assert told["states"]["done"] == 2
    assert told["moves"] > 0


def test_what_makes_no_sense_is_refused(
    client: httpx.Client, manager: Manager, anypool: Terminal
) -> None:
    other = anypool("policy", "add", "other", "balance", "pool = default", "--level", "manual")
    assert "would both balance" in other.err
    wrong = anypool("policy", "set", "night", "--window", "at night")
    assert "no span of the week" in wrong.err
    assert "nothing to change" in anypool("policy", "set", "night").err
    assert anypool("policy", "report", "nobody").code != 0
    assert "goes back" in anypool("policy", "report", "night", "--since", "100y").err
    lonely = client.post("/pools/default/balance?dry_run=true").json()["id"]
    assert "no plan of the same policy" in anypool("plan", "diff", lonely).err
    with manager.client(Role.VIEWER) as viewer:
        assert viewer.post(f"/plans/{lonely}/approve").status_code == 403
        assert viewer.get("/policies/night/report").status_code == 200
