"""The manager as a process: first login, signals, TLS, a socket from outside, and trouble."""

import hashlib
import os
import re
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from anypool.app import build, login_link, open_store
from anypool.errors import AnypoolError, StoreFailed
from anypool.settings import Settings
from tests.service.manager_kit import add_sim, problem, running, until

CODE = """
import sys
from anypool import settings
from anypool.app import serve
sys.exit(serve(settings.load(), int(sys.argv[1]) if len(sys.argv) > 1 else None))
"""


CANARY = "canary-never-to-be-seen"


class Served:
    """A manager process and what it printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def hears(self, pattern: str) -> str:
        def found() -> re.Match[str] | None:
            assert self.process.poll() is None or re.search(pattern, self.said), self.said
            return re.search(pattern, self.said)

        return until(found, f"it says {pattern}")[1]  # type: ignore[index]

    def end(self, sig: int) -> int:
        self.process.send_signal(sig)
        code = self.process.wait(20)
        self._reader.join(20)
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as out:
            for line in out:
                self.said += line


@contextmanager
def served(state: Path, *arguments: str, fds: tuple[int, ...] = (), **env: str) -> Iterator[Served]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("ANYPOOL_")}
    given = {"ANYPOOL_STATE": str(state), "ANYPOOL_LISTEN_PORT": "0", "ANYPOOL_WORKERS": "1", **env}
    with subprocess.Popen(
        [sys.executable, "-c", CODE, *arguments],
        env=clean | given, pass_fds=fds, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        found = Served(process)
        try:
            yield found
        finally:
            if process.poll() is None:
                found.end(signal.SIGKILL)


def test_the_first_login_and_a_restart(tmp_path: Path) -> None:
    with served(tmp_path) as manager:
        url = manager.hears(r"listens on (http://127.0.0.1:\d+)")
        code = manager.hears(r"/login#code=(\S+)")
        with httpx.Client(base_url=f"{url}/api/v1", timeout=30) as client:
            me = client.post("/login", json={"code": code}).json()
            client.headers["X-Anypool-CSRF"] = me["csrf"]
            token = client.post("/tokens", json={"label": "t"}).json()["secret"]
            add_sim(client)
            other = {"uri": "sim://open?hosts=1", "name": "open", "password": CANARY}
            assert client.post("/endpoints", json=other).status_code == 201
            locked = {"uri": "sim://locked?hosts=1&password=x", "password": CANARY}
            assert CANARY not in problem(client.post("/endpoints", json=locked), 422)["detail"]
        assert manager.end(signal.SIGTERM) == 0
        assert "Traceback" not in manager.said
        assert '"path": "/api/v1/endpoints"' in manager.said
        for secret in (token, CANARY, me["csrf"]):
            assert secret not in manager.said
            assert all(secret.encode() not in file.read_bytes() for file in tmp_path.iterdir())
    with served(tmp_path) as again:
        url = again.hears(r"listens on (http://127.0.0.1:\d+)")
        headers = {"Authorization": f"Bearer {token}"}
        hosts = httpx.get(f"{url}/api/v1/hosts", headers=headers).json()
        assert [host["name"] for host in hosts["items"]] == ["h1", "h1", "h2", "h3"]
        assert again.end(signal.SIGINT) == 0
        assert "login#" not in again.said, "only the first start makes an administrator"


def test_an_open_stream_does_not_keep_it_from_stopping(tmp_path: Path) -> None:
    with served(tmp_path) as manager:
        url = manager.hears(r"listens on (http://127.0.0.1:\d+)")
        code = manager.hears(r"/login#code=(\S+)")
        with httpx.Client(base_url=f"{url}/api/v1", timeout=30) as client:
            client.post("/login", json={"code": code})
            with client.stream("GET", "/events/stream") as stream:
                lines = stream.iter_lines()
                next(lines)
                assert manager.end(signal.SIGTERM) == 0
                assert list(lines) is not None


def test_beyond_loopback_it_speaks_tls(tmp_path: Path) -> None:
    with served(tmp_path, ANYPOOL_LISTEN_HOST="0.0.0.0") as manager:
        port = int(manager.hears(r"listens on https://\S+:(\d+)"))
        printed = manager.hears(r"fingerprint of its certificate: (\S+)")
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        pem = ssl.get_server_certificate(("127.0.0.1", port), timeout=10)
        shown = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()
        assert shown == printed.replace(":", "")
        answer = httpx.get(f"https://127.0.0.1:{port}/api/v1/health", verify=context)
        assert answer.json() == {"status": "ok"}
        assert "max-age" in answer.headers["strict-transport-security"]
        code = manager.hears(r"/login#code=(\S+)")
        login = httpx.post(
            f"https://127.0.0.1:{port}/api/v1/login", json={"code": code}, verify=context
        )
        assert "Secure" in login.headers["set-cookie"]
        assert (tmp_path / "tls" / "key.pem").stat().st_mode & 0o077 == 0
        assert manager.end(signal.SIGTERM) == 0


def test_it_listens_on_a_socket_from_outside(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fd = listener.fileno()
        with served(tmp_path, str(fd), fds=(fd,)) as manager:
            manager.hears(r"/login#code=(\S+)")
            port = listener.getsockname()[1]
            answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/health", timeout=10)
            assert answer.status_code == 200
            assert manager.end(signal.SIGTERM) == 0


def test_a_service_manager_hears_when_it_is_ready_alive_and_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "3000000")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            fd = listener.fileno()
            with served(tmp_path, str(fd), fds=(fd,)) as manager:
                assert ear.recv(200).startswith(b"READY=1")
                address = f"http://127.0.0.1:{listener.getsockname()[1]}"
                assert httpx.get(f"{address}/api/v1/health", timeout=10).status_code == 200
                assert ear.recv(200) == b"WATCHDOG=1"
                assert manager.end(signal.SIGTERM) == 0
                said = b"WATCHDOG=1"
                while said == b"WATCHDOG=1":
                    said = ear.recv(200)
                assert said == b"STOPPING=1"


def test_a_login_link_can_be_made_beside_a_running_manager(tmp_path: Path) -> None:
    with running(tmp_path) as manager:
        link = login_link(Settings(state_dir=str(tmp_path)))
        code = link.partition("#code=")[2]
        answer = httpx.post(f"{manager.url}/api/v1/login", json={"code": code})
        assert answer.json()["role"] == "administrator"


def test_a_database_that_is_not_one(tmp_path: Path) -> None:
    (tmp_path / "anypool.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreFailed) as raised:
        open_store(Settings(state_dir=str(tmp_path)))
    assert raised.value.hint


def test_a_state_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(AnypoolError) as raised:
        build(Settings(state_dir=str(tmp_path / "file" / "state")))
    assert raised.value.hint


def test_a_locked_database_refuses_changes_and_says_so(tmp_path: Path) -> None:
    with running(tmp_path, lease_s=120.0) as manager, manager.client() as client:
        add_sim(client)
        client.timeout = httpx.Timeout(60)
        other = sqlite3.connect(tmp_path / "anypool.db", timeout=1, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            found = problem(client.post("/hosts/h1/evacuate", params={"dry_run": "true"}), 507)
            assert "locked" in found["detail"] + found["hint"]
            assert client.get("/hosts").status_code == 200, "reading goes on"
        finally:
            other.execute("ROLLBACK")
            other.close()
        assert client.get("/plans").json()["total"] == 0, "nothing is left behind"
        again = client.post("/hosts/h1/evacuate", params={"dry_run": "true"})
        assert again.status_code == 200
