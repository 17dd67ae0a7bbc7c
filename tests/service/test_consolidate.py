"""Consolidating a pool from the command line and over HTTP, on hosts with two weeks of loads."""

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import httpx
import numpy as np
import pytest
import structlog

from anypool.model.metric import COUNT, to_codes
from anypool.store import loads
from anypool.store.loadcodec import encode_chunks
from anypool.store.records import Role
from tests.service.manager_kit import Manager, finished, problem, running
from tests.unit.cli_kit import Terminal

WEEKS = 2
STEP_S = 300


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    folder = tmp_path_factory.mktemp("consolidate")
    (folder / "energy.yaml").write_text(
        "currency: EUR\nprice: 0.30\nwatts:\n- {idle: 200, full: 400, off: 10}\n"
    )
    with running(folder, keep_loads_days=30.0) as made:
        yield made
    structlog.reset_defaults()


@pytest.fixture
def anypool(
    manager: Manager, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    monkeypatch.setenv("ANYPOOL_URL", manager.url)
    monkeypatch.setenv("ANYPOOL_TOKEN", manager.token())
    return Terminal(capsys)


def remember(manager: Manager, vms: list[str], percent: float) -> None:
    """Let the manager know loads of two weeks, busy by day and quiet by night."""
    now = int(manager.app.services.history._clock.now()) // 3600
    with manager.app.store.writing() as tx:
        numbers = loads.numbers(tx, vms)
        for hour in range(now - WEEKS * 168, now):
            values = np.zeros((len(vms), COUNT, 3600 // STEP_S))
            values[:, 0] = percent if 8 <= hour % 24 < 18 else percent / 4
            codes = np.stack([to_codes(one) for one in values])
            bodies = zip(vms, encode_chunks(STEP_S, codes), strict=True)
            loads.put_chunks(tx, hour, [(numbers[vm], body) for vm, body in bodies if body])


def in_use(client: httpx.Client) -> set[str]:
    vms = client.get("/vms", params={"q": "state = running"}).json()["items"]
    return {vm["host_name"] for vm in vms}


def test_a_spread_pool_needs_fewer_hosts_and_a_second_run_finds_nothing(
    manager: Manager, anypool: Terminal, tmp_path: Path
) -> None:
    uri = f"sim://thin?hosts=4&vms=12&seed=1&state={tmp_path / 'world'}"
    assert anypool("host", "add", uri, "--name", "thin").code == 0
    with manager.client() as client:
        vms = client.get("/vms", params={"q": "state = running"}).json()["items"]
        before = in_use(client)
        blind = anypool("pool", "consolidate", "default", "--dry-run")
        assert blind.code == 0, blind.err
        assert "measured in fewer than 24 hours" in blind.out

        remember(manager, [vm["id"] for vm in vms], 40.0)
        seen = anypool("pool", "consolidate", "default", "--failures", "1", "--dry-run")
        assert seen.code == 0, seen.err
        assert "consolidate default: 4 ->" in seen.out
        assert "kWh a month" in seen.out
        assert "EUR a month" in seen.out
        assert "move-seconds" in seen.out
        assert "measured in fewer" not in seen.out
        assert "busy in its busiest hour" in seen.out
        assert in_use(client) == before

        done = anypool("pool", "consolidate", "default", "--failures", "1", "--watch")
        assert done.code == 0, done.err
        assert len(in_use(client)) < len(before)
        again = anypool(
            "pool", "consolidate", "default", "--failures", "1", "--dry-run", "-o", "json"
        )
        assert '"steps": []' in again.out
        nothing = finished(client, client.post("/pools/default/consolidate?failures=1"))
        assert nothing["state"] == "done"
        assert "no host can be emptied" in nothing["goal"]


def test_a_plan_is_kept_and_can_be_run_later_and_closes_hosts_on_demand(
    manager: Manager,
) -> None:
    with manager.client() as client:
        answer = client.post("/pools/default/consolidate", params={"dry_run": True, "close": True})
        assert answer.status_code == 200, answer.text
        plan = answer.json()
        assert {step["action"]["type"] for step in plan["steps"]} >= {"enter-maintenance"}
        assert client.get(f"/plans/{plan['id']}").json()["goal"] == plan["goal"]
        ended = finished(client, client.post(f"/plans/{plan['id']}/run"))
        assert ended["state"] == "done"
        closed = client.get("/hosts", params={"q": "maintenance = true"}).json()["items"]
        assert closed
        assert not in_use(client) & {host["name"] for host in closed}
        assert {one["what"] for one in plan["bounds"]} >= {"hosts", "time"}
        for one in client.get("/plans").json()["items"]:
            made = client.get(f"/plans/{one['id']}/replay").json()
            assert made["verdict"] == "same", made


def test_other_hardware_is_compared_and_drawn(
    manager: Manager, anypool: Terminal, tmp_path: Path
) -> None:
    servers = tmp_path / "servers.yaml"
    servers.write_text(
        "- {name: big, count: 4, cpus: 64, memory: 512GiB, watts: 150..500, price: 9000}\n"
        "- {name: tiny, cpus: 1, memory: 64MiB}\n"
    )
    picture = tmp_path / "other.svg"
    wish = ("pool", "hardware", "default", "--with", str(servers), "--without", "name != x")
    seen = anypool(*wish, "--picture", str(picture))
    assert seen.code == 0, seen.err
    assert "1x big" in seen.out
    assert "as it is" in seen.out
    assert "find no place" in seen.out
    ElementTree.fromstring(picture.read_text())
    assert "big" in picture.read_text()
    data = json.loads(anypool(*wish, "-o", "json").out)
    big = next(one for one in data["variants"] if one["name"] == "big")
    assert big["purchase"] == 9000
    assert data["currency"] == "EUR"
    assert big["carries"]
    wrong = anypool("pool", "hardware", "default", "--with", "64 cpus")
    assert wrong.code != 0
    assert "is no server" in wrong.err
    servers.write_text("- {cpus: 64, memory: 1GiB, colour: red}\n")
    assert "'colour' is not known" in anypool(*wish).err
    nobody = anypool("pool", "hardware", "default", "--without", "name = nobody")
    assert "no host of default matches" in nobody.err


def test_what_cannot_be_consolidated_is_said(manager: Manager) -> None:
    with manager.client(Role.VIEWER) as viewer:
        assert viewer.post("/pools/default/consolidate?dry_run=true").status_code == 403
    with manager.client() as client:
        wrong = problem(client.post("/pools/nowhere/consolidate"), 404)
        assert "there is no pool 'nowhere'" in wrong["detail"]
        problem(client.post("/pools/default/consolidate?window_s=5"), 422)
        problem(client.post("/pools/default/consolidate?percentile=0"), 422)
        problem(client.post("/pools/default/consolidate?headroom_percent=100"), 422)
