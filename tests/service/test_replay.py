"""Plans made again over HTTP and from the command line, and prices that are looked at."""

import os
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
import structlog
from sqlalchemy import delete, update

from anypool.store.kept_tables import inventories, plan_inputs
from tests.service.manager_kit import Manager, add_sim, finished, problem, running
from tests.unit.cli_kit import Terminal
from tests.unit.test_replay import every_byte


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with running(tmp_path_factory.mktemp("replay")) as made:
        yield made
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def client(manager: Manager, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a manager that has emptied a host, opened it again and balanced."""
    world = tmp_path_factory.mktemp("world") / "world"
    with manager.client() as made:
        add_sim(made, "crowd", f"hosts=3&vms=10&seed=1&state={world}")
        for host in ("h1", "h2"):
            finished(made, made.post(f"/hosts/{host}/evacuate"))
            finished(made, made.post(f"/hosts/{host}/leave-maintenance"))
        finished(made, made.post("/pools/default/balance"))
        yield made


@pytest.fixture
def anypool(
    manager: Manager, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    monkeypatch.setenv("ANYPOOL_URL", manager.url)
    monkeypatch.setenv("ANYPOOL_TOKEN", manager.token())
    return Terminal(capsys)


def plans(client: httpx.Client, goal: str = "") -> list[str]:
    found = client.get("/plans").json()["items"]
    return [one["id"] for one in found if one["goal"].startswith(goal)]


def replay(client: httpx.Client, plan: str, planner: str = "new") -> dict[str, object]:
    answer = client.get(f"/plans/{plan}/replay", params={"planner": planner})
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


def test_every_plan_of_the_past_comes_to_the_same_bytes(
    client: httpx.Client, anypool: Terminal
) -> None:
    for plan in plans(client):
        found = replay(client, plan)
        assert (found["verdict"], found["cut"]) == ("same", False), found
    one = anypool("plan", "replay", plans(client)[0])
    assert (one.code, "same bytes" in one.out) == (0, True)
    told = anypool("plan", "replay", "--since", "1d")
    assert told.code == 0
    assert told.out.count("same bytes") == len(plans(client))
    assert f"new: {len(plans(client))} same" in told.err


def test_planners_are_compared_over_plans_and_over_inventories(
    client: httpx.Client, anypool: Terminal
) -> None:
    balances = plans(client, "balance")
    told = anypool("plan", "replay", "--planner", "memory", "--since", "1d")
    assert told.code == 0, told.err
    assert [line.split()[0] for line in told.out.splitlines()[1:]] == balances
    assert "not-for-it" in told.err
    assert "0 -> 0 violations" in told.err
    data = anypool("plan", "replay", "--planner", "tight", "--since", "1d", "-o", "json")
    assert '"totals"' in data.out
    over = anypool("plan", "replay", "--planner", "cpu", "--since", "1d", "--inventories")
    assert over.code == 0, over.err
    assert "compared" in over.err
    assert "tight" in anypool("plan", "planners").out
    wrong = anypool("plan", "replay", "--planner", "tight", "--since", "1d", "--inventories")
    assert "does not balance pools" in wrong.err
    assert wrong.code != 0


def test_what_makes_no_sense_is_refused(client: httpx.Client, anypool: Terminal) -> None:
    assert "name a plan, or a time" in anypool("plan", "replay").err
    assert "there is no plan" in anypool("plan", "replay", "plan-x").err
    assert "no planner 'best'" in anypool("plan", "replay", "--since", "1d", "--planner=best").err
    newest = client.get("/inventories").json()["items"][0]["id"]
    answer = client.get(f"/inventories/{newest}/replay", params={"pool": "none"})
    assert "no pool 'none'" in problem(answer, 404)["detail"]


def test_what_steps_took_stands_beside_what_was_quoted_and_corrects_prices(
    client: httpx.Client, anypool: Terminal
) -> None:
    found = client.get("/prices").json()["items"]
    assert found[0]["kind"] == "migrate-vm"
    assert found[0]["time"] < 1  # simulated hosts are quicker than thought
    assert found[0]["corrected_percent"] < found[0]["plain_percent"]
    shown = anypool("price", "show")
    assert "migrate-vm" in shown.out
    assert "100 MiB/s" in shown.out
    (balanced,) = plans(client, "balance")
    plan = client.get(f"/plans/{balanced}").json()
    assert plan["corrections"][0]["samples"] >= 5
    assert all(step["took_ms"] for step in plan["steps"])
    assert {one["what"] for one in plan["bounds"]} >= {"time"}
    text = anypool("plan", "show", balanced).out
    assert "quoted" in text
    assert "Price corrected: time x" in text
    run = client.get(f"/operations/{plan['operation']}").json()
    assert run["took"]["copy_bytes"] == run["cost"]["copy_bytes"]
    assert "took" in anypool("operation", "show", plan["operation"]).out


def test_what_was_not_kept_is_said(
    manager: Manager, client: httpx.Client, anypool: Terminal
) -> None:
    first, second = plans(client, "evacuate")
    body = client.get(f"/plans/{first}").json()
    with manager.app.store.writing() as tx:
        other = plan_inputs.c.plan == plans(client, "balance")[0]
        tx.run(update(plan_inputs).where(other).values(release="0.0.9"))
        tx.run(delete(plan_inputs).where(plan_inputs.c.plan == first))
        tx.run(delete(inventories).where(inventories.c.plan == second))
    assert replay(client, first)["verdict"] == "no-inputs"
    assert body["corrections"] is not None
    assert client.get(f"/plans/{first}").json()["corrections"] is None
    assert replay(client, second)["verdict"] == "no-inventory"
    told = anypool("plan", "replay", plans(client, "balance")[0])
    assert "0.0.9; this is" in told.out
    every = anypool("plan", "replay", "--since", "1d")
    assert "1 no-inputs, 1 no-inventory" in every.err


def test_the_order_of_sets_changes_no_byte() -> None:
    """Python hashes texts differently in each process unless a seed is given."""
    code = "from tests.unit.test_replay import every_byte; print(every_byte())"
    other = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "4242"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert other.stdout.strip() == every_byte()


def test_a_plan_is_made_again_without_a_vm_and_a_host_and_both_stay(
    client: httpx.Client, anypool: Terminal
) -> None:
    asked = client.post("/hosts/h1/evacuate", params={"dry_run": True}, json={})
    old = asked.json()
    target = old["steps"][0]["action"]["target"]
    answer = client.post(f"/plans/{old['id']}/remake", json={"without_hosts": [target]})
    assert answer.status_code == 201, answer.text
    new = answer.json()
    assert (new["state"], new["remade_from"]) == ("recommended", old["id"])
    assert [one["kind"] for one in new["taken_out"]] == ["host"]
    assert all(step["action"].get("target") != target for step in new["steps"])
    assert client.get(f"/plans/{old['id']}").json()["state"] == "recommended"
    found = client.get(f"/plans/{new['id']}/differences", params={"to": old["id"]}).json()
    assert {one["change"] for one in found["steps"]} > {"same"}
    assert replay(client, new["id"])["verdict"] == "same"
    vm = old["steps"][0]["action"]["vm"]
    stays = client.post(f"/plans/{new['id']}/remake", json={"without_vms": [vm]})
    assert "taken out" in str(problem(stays, 409)["refusals"])
    itself = client.post(f"/plans/{old['id']}/remake", json={"without_hosts": ["h1"]})
    assert "is about h1" in problem(itself, 409)["detail"]
    told = anypool("plan", "remake", old["id"], "--without-host", target)
    assert told.code == 0, told.err
    assert "plan diff" in told.err
