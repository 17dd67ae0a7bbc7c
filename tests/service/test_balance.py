"""Balancing a pool from the command line and over HTTP, on simulated hosts."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import structlog

from anypool.store.records import Role
from tests.service.manager_kit import Manager, finished, problem, running
from tests.unit.cli_kit import Terminal


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with running(tmp_path_factory.mktemp("balance")) as made:
        yield made
    structlog.reset_defaults()


@pytest.fixture
def anypool(
    manager: Manager, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    monkeypatch.setenv("ANYPOOL_URL", manager.url)
    monkeypatch.setenv("ANYPOOL_TOKEN", manager.token())
    return Terminal(capsys)


def homes(client: httpx.Client) -> Counter[str]:
    vms = client.get("/vms", params={"q": "state = running"}).json()["items"]
    return Counter(vm["host_name"] for vm in vms)


def test_a_crowded_pool_is_balanced_and_a_second_run_finds_nothing(
    manager: Manager, anypool: Terminal, tmp_path: Path
) -> None:
    uri = f"sim://crowd?hosts=3&vms=12&seed=1&state={tmp_path / 'world'}"
    assert anypool("host", "add", uri, "--name", "crowd").code == 0
    with manager.client() as client:
        hosts = [host["name"] for host in client.get("/hosts").json()["items"]]
        finished(client, client.post(f"/hosts/{hosts[0]}/evacuate"))
        finished(client, client.post(f"/hosts/{hosts[0]}/leave-maintenance"))
        before = homes(client)
        assert hosts[0] not in before

        seen = anypool("pool", "balance", "default", "--dry-run")
        assert seen.code == 0, seen.err
        assert "balance default: imbalance" in seen.out
        assert f"-> {hosts[0]}" in seen.out
        assert homes(client) == before

        done = anypool("pool", "balance", "default", "--watch")
        assert done.code == 0, done.err
        after = homes(client)
        assert after[hosts[0]] > 0
        assert max(after.values()) - min(after.values()) < max(before.values())

        again = anypool("pool", "balance", "default", "--dry-run", "-o", "json")
        assert '"steps": []' in again.out
        nothing = finished(client, client.post("/pools/default/balance"))
        assert nothing["state"] == "done"
        assert "nothing is worth moving" in nothing["goal"]


def test_what_cannot_be_balanced_is_said(manager: Manager) -> None:
    with manager.client(Role.VIEWER) as viewer:
        assert viewer.post("/pools/default/balance?dry_run=true").status_code == 403
    with manager.client() as client:
        wrong = problem(client.post("/pools/nowhere/balance"), 404)
        assert "there is no pool 'nowhere'" in wrong["detail"]
