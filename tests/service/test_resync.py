"""A whole manager on restored records: what people, programs and load balancers see of it."""

from pathlib import Path

import pytest
import structlog

from anypool.cli import connection
from anypool.clock import SystemClock
from anypool.model import Endpoint, EndpointId
from anypool.store import Store, facts, restoration
from tests.service.manager_kit import add_sim, problem, running, until
from tests.unit.cli_kit import Terminal

GHOST = "sim://ghost?hosts=1&vms=1&fault=observe:unreachable:-1"


def restore(state: Path) -> None:
    """Mark the records as restored; of one endpoint in them nothing answers any more."""
    store = Store.open(f"sqlite:///{state}/anypool.db", clock=SystemClock())
    with store.writing() as tx:
        facts.endpoints.put(tx, Endpoint(id=EndpointId("ghost"), driver="sim", uri=GHOST))
        restoration.begin(tx, 1_777_000_000.0, "0.1.0", "2026-04-24 03:06:40 UTC")
    store.close()


@pytest.mark.timeout(120)
def test_what_is_read_only_since_a_restore_is_shown_and_opens_by_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with running(tmp_path) as manager, manager.client() as client:
        add_sim(client, query=f"hosts=2&vms=4&seed=1&state={tmp_path}/world")
        assert client.get("/resync").json()["restored_at"] is None
        assert "X-Anypool-Unread" not in client.get("/pools").headers
        last = client.get("/events", params={"limit": 1}).json()["items"][0]["number"]
    restore(tmp_path)
    with running(tmp_path) as manager, manager.client() as client:
        until(lambda: not client.get("/endpoints/demo").json()["unread"], "demo was read")
        seen = client.get("/resync").json()
        assert (seen["endpoints"], seen["ended_at"]) == (2, None)
        (ghost,) = seen["awaited"]
        assert (ghost["endpoint"], ghost["vouched_by"]) == ("ghost", None)
        assert client.get("/pools/default").json()["unread"] == ["ghost"]
        assert client.get("/health/ready").json()["unread"] == 1
        assert client.get("/vms").headers["X-Anypool-Unread"] == "1"
        assert client.get("/events", params={"limit": 1}).json()["items"][0]["number"] > last * 1000
        vm = client.get("/vms", params={"q": "state = running"}).json()["items"][0]
        assert client.post(f"/vms/{vm['id']}/pause").status_code == 202, "demo may be operated"
        problem(client.post("/resync/endpoints/demo/vouch"), 404)
        monkeypatch.setenv("ANYPOOL_URL", manager.url)
        monkeypatch.setenv("ANYPOOL_TOKEN", manager.token())
        anypool = Terminal(capsys)
        connection._warn.cache_clear()  # it speaks once in a process, which tests share
        shown = anypool("resync", "show")
        assert "ghost" in shown.out
        assert "1 endpoint is read-only until read whole" in shown.err
        assert "ghost" in anypool("pool", "show", "default").out
        assert "admin" in anypool("resync", "vouch", "ghost", "--yes").out
        assert client.delete("/endpoints/ghost").status_code == 204
        assert client.get("/resync").json()["ended_at"] is not None
        assert "X-Anypool-Unread" not in client.get("/pools").headers
        kinds = [one["kind"] for one in client.get("/events").json()["items"]]
        assert kinds.count("manager.resynchronised") == 1
        audit = client.get("/audit").json()["items"]
        assert "manager.restored" in [row["deed"] for row in audit]
        assert client.get("/audit/verdict").json()["sound"]
    structlog.reset_defaults()
