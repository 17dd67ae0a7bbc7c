"""Keys of secrets over HTTP and from the command line, with a manager that goes on working."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from anypool.store import keyring
from anypool.store.records import Role
from tests.service.manager_kit import Manager, problem, running, until
from tests.unit.cli_kit import Terminal

WORD = "canary-of-an-endpoint"


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with running(tmp_path_factory.mktemp("secrets")) as made:
        with made.client() as client:
            asked = {"uri": "sim://site?hosts=2&vms=2", "name": "site", "password": WORD}
            assert client.post("/endpoints", json=asked).status_code == 201
        yield made
    structlog.reset_defaults()


@pytest.fixture
def anypool(
    manager: Manager, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    monkeypatch.setenv("ANYPOOL_URL", manager.url)
    monkeypatch.setenv("ANYPOOL_TOKEN", manager.token())
    return Terminal(capsys)


def key_file(manager: Manager) -> Path:
    return Path(manager.app.settings.state_dir) / "anypool.db.key"


def test_a_rotation_is_done_audited_and_told(manager: Manager, anypool: Terminal) -> None:
    (old,) = keyring.read(key_file(manager))
    refused = anypool("secret", "rotate")
    assert (refused.code, keyring.read(key_file(manager))) == (2, (old,))
    shown = anypool("secret", "rotate", "--yes")
    assert shown.code == 0, shown.err
    (fresh,) = keyring.read(key_file(manager))
    assert fresh != old
    assert keyring.key_id(fresh) in shown.out
    assert keyring.key_id(old) in shown.out
    with manager.client() as client:
        rows = client.get("/audit").json()["items"]
        row = next(row for row in rows if row["deed"] == "MANAGE_SECRETS")
        assert row["object_id"] == keyring.key_id(fresh)
        kinds = [event["kind"] for event in client.get("/events").json()["items"]]
        assert "secret.rotated" in kinds
        assert client.get("/audit/verdict").json()["sound"]
    told = anypool("event", "list", "--limit", "1")
    for text in (shown.out, shown.err, told.out, str(row)):
        assert WORD not in text
        assert fresh.hex() not in text


def test_who_uses_the_keys_is_told_without_them(manager: Manager, anypool: Terminal) -> None:
    (key,) = keyring.read(key_file(manager))
    shown = anypool("secret", "status")
    assert shown.code == 0, shown.err
    assert keyring.key_id(key) in shown.out
    assert str(key_file(manager)) in shown.err
    data = json.loads(anypool("secret", "status", "-o", "json").out)
    assert data["keys"] == [
        {"id": keyring.key_id(key), "present": True, "seals_new": True, "secrets": 1}
    ]
    keyring.replace(key_file(manager), (keyring.new_key(), key))
    assert len(json.loads(anypool("secret", "status", "-o", "json").out)["keys"]) == 2
    assert anypool("secret", "rotate", "-y").code == 0
    assert len(keyring.read(key_file(manager))) == 1


def test_a_credential_of_systemd_is_left_alone_and_the_way_is_told(
    manager: Manager, anypool: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = keyring.read(key_file(manager))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(key_file(manager).parent))
    refused = anypool("secret", "rotate", "-y")
    assert (refused.code, keyring.read(key_file(manager))) == (5, keys)
    assert "docs/howto/rotate-keys.md" in refused.err
    assert "credential of systemd" in anypool("secret", "status").err


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_only_administrators(manager: Manager, role: Role) -> None:
    with manager.client(role) as client:
        problem(client.post("/secrets/rotate"), 403)
        problem(client.get("/secrets/keys"), 403)


def test_the_trail_gets_another_key_and_stays_sound(manager: Manager, anypool: Terminal) -> None:
    assert anypool("audit", "rotate-key").code == 2
    changed = anypool("audit", "rotate-key", "--yes")
    assert changed.code == 0, changed.err
    assert "from row" in changed.err
    assert anypool("event", "list").code == 0
    verified = anypool("audit", "verify")
    assert verified.code == 0, verified.err
    file = key_file(manager).with_name("anypool.db.key.audit")
    assert len(file.read_text().splitlines()) == 2
    with manager.client() as client:
        rows = client.get("/audit").json()["items"]
        assert any("another key chains the audit trail" in row["detail"] for row in rows)


def test_a_lost_key_keeps_nobody_else_from_being_managed(tmp_path: Path) -> None:
    """And what it kept locked goes on as soon as it is back."""
    locked = {"uri": "sim://locked?hosts=1&vms=0", "name": "locked", "password": WORD}
    with running(tmp_path) as manager, manager.client() as client:
        for asked in (locked, {"uri": "sim://open?hosts=1&vms=0", "name": "open"}):
            assert client.post("/endpoints", json=asked).status_code == 201
    key = tmp_path / "anypool.db.key"
    content = key.read_bytes()
    key.unlink()
    with running(tmp_path) as manager, manager.client() as client:

        def states() -> dict[str, str]:
            return {one["id"]: one["state"] for one in client.get("/endpoints").json()["items"]}

        until(lambda: states() == {"locked": "unreachable", "open": "connected"}, "both are judged")
        assert "cannot read the key file" in client.get("/endpoints/locked").json()["message"]
        assert client.get("/secrets/keys").json()["unreadable"] == 1
        said = problem(
            client.post("/endpoints", json=locked | {"uri": "sim://x", "name": "x"}), 507
        )
        assert "restore it from its backup" in said["hint"]
        key.write_bytes(content)
        key.chmod(0o600)
        until(lambda: states()["locked"] == "connected", "it is managed again, without a restart")
