"""What systemd is told, over a real socket, and what it gives."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from anypool import systemd
from anypool.app import KEY_FILE, open_store
from anypool.cli.systemd_unit import program
from anypool.model import Endpoint, EndpointId
from anypool.settings import Settings
from anypool.store import audit, facts, secrets
from anypool.store.audit import AuditRecord


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.settimeout(5)
        ear.bind(str(tmp_path / "notify"))
        yield ear


def test_states_are_sent_in_one_datagram(listener: socket.socket) -> None:
    environment = {"NOTIFY_SOCKET": listener.getsockname()}
    assert systemd.tell(systemd.READY, "STATUS=here", environment=environment)
    assert listener.recv(100) == b"READY=1\nSTATUS=here"


def test_a_socket_without_a_file() -> None:
    name = f"anypool-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(f"\0{name}")
        ear.settimeout(5)
        assert systemd.tell(systemd.ALIVE, environment={"NOTIFY_SOCKET": f"@{name}"})
        assert ear.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize("place", ["", "relative", "vsock:2:1", "/nowhere/notify"])
def test_nobody_listens(place: str) -> None:
    assert not systemd.tell(systemd.READY, environment={"NOTIFY_SOCKET": place})


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 20.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 20.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_when_a_sign_of_life_is_due(environment: dict[str, str], expected: float | None) -> None:
    assert systemd.alive_every_s(environment) == expected


def test_a_key_that_was_loaded_for_us_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = tmp_path / "given"
    given.mkdir()
    key = given / f"anypool.{KEY_FILE}"
    key.write_text("ab" * 32)
    key.chmod(0o400)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(given))
    store = open_store(Settings(state_dir=str(tmp_path / "state")))
    host = EndpointId("h1")
    with store.writing() as tx:
        facts.endpoints.put(tx, Endpoint(id=host, driver="sim", uri="sim://h1"))
        secrets.put(tx, host, "password", "open sesame")
        audit.append(tx, AuditRecord(who="ada", deed="test"))
    with store.reading() as tx:
        assert secrets.get(tx, host, "password") == "open sesame"
        assert audit.verify(tx).rows == 1
    store.close()
    assert {path.name for path in (tmp_path / "state").iterdir()} <= {
        "anypool.db", "anypool.db-wal", "anypool.db-shm", "anypool.db.manager",
        "anypool.db.key.audit",
    }  # fmt: skip
    assert list(given.iterdir()) == [key], "nothing can be made where credentials lie"


def test_a_program_in_a_strange_place_is_named_safely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/opt/my pool/100%/$x/python")
    assert program() == "/opt/my\\x20pool/100%%/$$x/anypool"
