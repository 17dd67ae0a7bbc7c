"""A month of only looking, from the command line and over HTTP, against a whole manager."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from msgspec.structs import replace

from anypool.drivers.registry import DRIVERS
from anypool.store.records import Role
from tests.service.manager_kit import Manager, finished, problem, running
from tests.unit.cli_kit import Terminal


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with running(tmp_path_factory.mktemp("look")) as manager:
        yield manager
    structlog.reset_defaults()


@pytest.fixture
def anypool(
    fresh: Manager, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    monkeypatch.setenv("ANYPOOL_URL", fresh.url)
    monkeypatch.setenv("ANYPOOL_TOKEN", fresh.token())
    return Terminal(capsys)


def test_a_month_of_looking(fresh: Manager, anypool: Terminal, tmp_path: Path) -> None:
    world = tmp_path / "world"
    uri = f"sim://site?hosts=3&vms=6&seed=1&state={world}"
    assert "no pool 'prod'" in anypool("host", "add", uri, "--pool", "prod").err
    assert anypool("pool", "add", "prod", "--observe-only", "--description", "to look at").code == 0
    assert anypool("host", "add", uri, "--name", "site", "--pool", "prod").code == 0
    before = world.read_bytes()
    assert "yes" in anypool("pool", "list").out
    assert anypool("pool", "list", "-f", "observe-only = true and vms = 6", "-o", "name").out
    found = anypool("host", "list", "-f", "observe-only = true", "-o", "name").out.split()
    assert found == ["h1", "h2", "h3"]
    room = anypool("pool", "capacity", "prod", "--size", "1cpu,256MiB", "--survive", "1")
    assert room.code == 0, room.err
    for what in ("death-map", "consolidate", "balance"):
        told = anypool("pool", what, "prod", *(() if what == "death-map" else ("--dry-run",)))
        assert told.code == 0, (what, told.err)
    preview = anypool("host", "evacuate", "h1", "--dry-run")
    assert preview.code == 0, preview.err
    assert "migrate" in preview.out
    for words in (
        ("host", "evacuate", "h1"),
        ("vm", "stop", "vm1"),
        ("datastore", "mark", "site-local-h1"),
    ):
        refused = anypool(*words)
        assert refused.code != 0, words
    denied = anypool("host", "evacuate", "h1")
    assert "observe-only" in denied.err
    assert "anypool pool set prod --observe-only false" in denied.err
    assert anypool("plan", "list", "-f", "state = recommended", "-o", "name").out
    assert world.read_bytes() == before, "something was written to the platform"

    with fresh.client() as client:
        vm = client.get("/vms", params={"q": "state = running"}).json()["items"][0]
        answer = client.post(f"/vms/{vm['id']}/console", json={"kind": "serial"})
        assert "observe-only" in problem(answer, 403)["detail"]
    with fresh.client(Role.OPERATOR) as client:
        problem(client.patch("/pools/prod", json={"observe_only": False}), 403)
        problem(client.patch("/endpoints/site", json={"observe_only": False}), 403)
        assert client.get("/hosts/h1").json()["observe_only"] is True

    assert anypool("pool", "set", "prod", "--observe-only", "false").code == 0
    assert "not observe-only any more" in anypool("event", "list").out
    done = anypool("host", "evacuate", "h1", "--watch")
    assert done.code == 0, done.err
    assert world.read_bytes() != before


def test_one_endpoint_is_added_to_be_looked_at(anypool: Terminal) -> None:
    uri = "sim://one?hosts=1&vms=1&seed=1"
    assert anypool("host", "add", uri, "--name", "one", "--observe-only").code == 0
    shown = anypool("endpoint", "list", "-f", "observe-only = true", "-o", "name").out.split()
    assert shown == ["one"]
    assert anypool("endpoint", "set", "one", "--observe-only", "false").code == 0
    assert not anypool("endpoint", "list", "-f", "observe-only = true", "-o", "name").out
    assert "nothing to change" in anypool("endpoint", "set", "one").err
    assert anypool("endpoint", "remove", "one", "--yes").code == 0


def test_an_endpoint_is_left_without_a_trace(
    fresh: Manager, anypool: Terminal, tmp_path: Path
) -> None:
    uri = f"sim://left?hosts=1&vms=2&seed=1&state={tmp_path}/world"
    assert anypool("host", "add", uri, "--name", "left").code == 0
    assert "nothing" not in anypool("endpoint", "traces", "left").out
    with fresh.client() as client:
        name = client.get("/hosts", params={"q": "endpoint = left"}).json()["items"][0]["id"]
        vms = client.get("/vms", params={"q": f"host.id = {name} and state = running"}).json()
        vm = vms["items"][0]["id"]
        answer = client.post(f"/vms/{vm}/snapshots", json={"name": "before"})
        finished(client, answer)
    assert "before" in anypool("endpoint", "traces", "left").out
    preview = anypool("endpoint", "remove", "left", "--leave-no-trace", "--dry-run")
    assert "remove our words from snapshot before" in preview.out
    gone = anypool("endpoint", "remove", "left", "--leave-no-trace", "--yes")
    assert gone.code == 0, gone.err
    assert anypool("host", "add", uri, "--name", "left").code == 0
    assert "before" not in anypool("endpoint", "traces", "left").out
    assert anypool("endpoint", "remove", "left", "--leave-no-trace", "--yes").code == 0


def test_a_pool_in_use_stays(anypool: Terminal) -> None:
    assert anypool("pool", "add", "empty").code == 0
    assert "already" in anypool("pool", "add", "empty").err
    assert anypool("pool", "remove", "empty", "--yes").code == 0
    assert "no pool" in anypool("pool", "remove", "empty", "--yes").err
    assert "always there" in anypool("pool", "remove", "default", "--yes").err
    assert anypool("pool", "set", "default").code != 0


def test_a_kind_of_endpoint_that_looks_first_is_added_observe_only(
    fresh: Manager, anypool: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DRIVERS, "sim", replace(DRIVERS["sim"], looks_first=True))
    assert anypool("pool", "add", "later").code == 0
    for name, words, only in (("first", (), True), ("trusted", ("--operate",), False)):
        uri = f"sim://{name}?hosts=1&vms=1&seed=1&state={tmp_path}/{name}"
        assert anypool("host", "add", uri, "--name", name, "--pool", "later", *words).code == 0
        with fresh.client() as client:
            assert client.get(f"/endpoints/{name}").json()["observe_only"] is only
    assert anypool("endpoint", "set", "first", "--observe-only", "false").code == 0
    with fresh.client() as client:
        assert client.get("/endpoints/first").json()["observe_only"] is False
