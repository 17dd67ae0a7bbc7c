"""A service from its file to its end, from the command line against a whole manager."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from anypool.store.records import Role
from tests.service.manager_kit import Manager, problem, running, until
from tests.unit.cli_kit import Terminal

SHOP = """\
name: shop
description: sells things
components:
  - name: db
    image: base
    memory: 256MiB
    networks: [net1]
    tags: [prod]
    ready: {when: probe, timeout_s: 30}
    probe: {kind: tcp, address: 127.0.0.1, port: PORT, interval_s: 1, threshold: 1}
  - name: web
    image: base
    memory: 128MiB
    networks: [net1]
    count: 2
    after: [db]
"""


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with running(tmp_path_factory.mktemp("services")) as manager:
        yield manager
    structlog.reset_defaults()


@pytest.fixture
def anypool(
    fresh: Manager, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    monkeypatch.setenv("ANYPOOL_URL", fresh.url)
    monkeypatch.setenv("ANYPOOL_TOKEN", fresh.token())
    terminal = Terminal(capsys)
    if not terminal("host", "list", "-o", "name").out:
        uri = "sim://shop?hosts=3&vms=3&seed=1"
        assert terminal("host", "add", uri, "--name", "shop").code == 0
        words = ("base", "--datastore", "shop-shared1", "--volume", "base.qcow2")
        assert terminal("image", "add", *words).code == 0
    return terminal


@pytest.fixture
def database() -> Iterator[int]:
    """A port that answers, in place of the guest that a simulated VM does not have."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    server.accept()[0].close()
                except TimeoutError:
                    continue

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        stop.set()
        thread.join()


def state(anypool: Terminal, name: str = "shop") -> str:
    found = json.loads(anypool("service", "show", name, "-o", "json").out)
    return str((found[0] if isinstance(found, list) else found)["state"])


def test_a_service_from_its_file_to_its_end(
    anypool: Terminal, fresh: Manager, database: int, tmp_path: Path
) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(SHOP.replace("PORT", str(database)))
    preview = anypool("service", "apply", str(file), "--dry-run")
    assert "create shop-db-1" in preview.out
    assert not anypool("service", "list", "-o", "name").out, "a preview keeps nothing"
    made = anypool("service", "apply", str(file), "--watch")
    assert made.code == 0, made.err
    assert state(anypool) == "down"
    assert "shop" in anypool("service", "list", "-f", "state = down and vms = 3").out
    assert anypool("vm", "list", "-f", "tag = prod", "-o", "name").out.split() == ["shop-db-1"]

    preview = anypool("service", "start", "shop", "--dry-run")
    assert f"wait until shop-db-1 answers at 127.0.0.1 port {database}" in preview.out
    started = anypool("service", "start", "shop", "--watch")
    assert started.code == 0, started.err
    until(lambda: state(anypool) == "up", "the service is up")
    status = anypool("service", "status", "shop").out
    assert [line.split()[2:4] for line in status.splitlines()[1:]] == [
        ["running", "healthy"],
        ["running", "unprobed"],
        ["running", "unprobed"],
    ]
    assert "shop-db-1 of service shop is healthy" in anypool("event", "list").out

    assert anypool("service", "stop", "shop", "--watch").code == 0
    assert state(anypool) == "down"
    made_again = anypool("plan", "replay", "--since", "1d")
    assert (made_again.code, "differs" in made_again.out) == (0, False)
    assert made_again.out.count("same bytes") >= 4
    again = anypool("service", "apply", str(file))
    assert again.code == 0, "what lacks nothing is only declared anew"
    assert anypool("service", "remove", "shop", "--yes").code == 0
    assert len(anypool("vm", "list", "-f", "name ~ shop-", "-o", "name").out.split()) == 3


def test_vms_that_are_there_are_adopted(anypool: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "old.json"
    part = {"name": "all", "vms": ["vm1", "vm2"]}
    file.write_text(json.dumps({"name": "old", "components": [part]}))
    assert anypool("service", "apply", str(file)).code == 0
    assert "vm1" in anypool("service", "status", "old").out
    part["vms"] = ["vm1", "nobody"]
    file.write_text(json.dumps({"name": "old", "components": [part]}))
    refused = anypool("service", "apply", str(file))
    assert "nobody" in refused.err
    assert "vm2" in anypool("service", "status", "old").out, "nothing was kept of what was refused"
    assert anypool("service", "remove", "old", "--yes").code == 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name: [", "no YAML"),
        ("- a", "declares no service"),
        ("name: x\ncomponents: []", "components"),
        ("name: x\ncomponents: [{name: a}]", "needs an image, VMs or a profile"),
        ("name: x\ncomponents: [{name: a, image: base, vms: [b]}]", "one of them"),
        ("name: x\ncomponents: [{name: a, kind: server, vms: [b]}]", "leave kind out"),
        ("name: x\ncomponents: [{name: a, profile: nothing}]", "no profile"),
        ("name: x\ncomponents: [{name: a, profile: b, count: 2}]", "one machine"),
        ("name: x\ncomponents: [{name: a, vms: [b], after: [c]}]", "no component"),
        ("name: x\ncomponents: [{name: a, vms: [b], after: [a]}]", "wait for each other"),
        ("name: x\ncomponents: [{name: a, vms: [b]}, {name: a, vms: [c]}]", "named twice"),
        ("name: x\ncomponents: [{name: a, vms: [b], ready: {when: probe}}]", "has none"),
        ("name: x\ncomponents: [{name: a, vms: [b], probe: {kind: tcp, port: 1}}]", "no address"),
        (
            "name: x\ncomponents: [{name: a, vms: [b], probe: {kind: tcp, address: y}}]",
            "no port",
        ),
        ("name: x\ncomponents: [{name: a, vms: [b], strange: 1}]", "strange"),
        ("name: x\ncomponents: [{name: a, image: nothing}]", "no image"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(
    anypool: Terminal, tmp_path: Path, text: str, why: str
) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(text)
    refused = anypool("service", "apply", str(file))
    assert refused.code != 0
    assert why in refused.err
    assert not anypool("service", "list", "-f", "name = x", "-o", "name").out


def test_a_start_with_vms_missing_says_so_and_only_administrators_declare(
    anypool: Terminal, fresh: Manager
) -> None:
    body = {"name": "gone", "components": [{"name": "a", "image": "base", "networks": ["net1"]}]}
    with fresh.client() as client:
        applied = client.post("/services", json=body)
        assert applied.status_code == 202, applied.text
        operation = applied.json()["operation"]["id"]
        until(
            lambda: client.get(f"/operations/{operation}").json()["state"] == "done", "it is made"
        )
        assert anypool("vm", "delete", "gone-a-1", "--yes", "--watch").code == 0
        until(lambda: client.get("/services/gone").json()["state"] == "incomplete", "it is seen")
        answer = problem(client.post("/services/gone/start"), 409)
        assert answer["reason"]["code"] == "serve.missing"
        assert client.delete("/services/gone").status_code == 204
        problem(client.get("/services/gone"), 404)
    with fresh.client(Role.OPERATOR) as client:
        problem(client.post("/services", json=body), 403)
        problem(client.delete("/services/gone"), 403)
