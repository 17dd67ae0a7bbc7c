"""A whole manager in this process: real store, engine, workers and HTTP on a loopback socket."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

from anypool.app import App, build, introduce, run
from anypool.settings import Settings
from anypool.store.records import Role

T = TypeVar("T")
DEADLINE_S = 30.0
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody: reading the system's authorities takes as long as ten requests."""


class Manager:
    """A running manager and how to talk to it."""

    def __init__(self, app: App, url: str) -> None:
        self.app = app
        self.url = url

    def anonymous(self) -> httpx.Client:
        return httpx.Client(base_url=f"{self.url}/api/v1", timeout=DEADLINE_S, verify=NO_TLS)

    def token(self, role: Role = Role.ADMINISTRATOR, user: str = "admin") -> str:
        from anypool.service import Principal

        by = Principal(name=user, role=Role.ADMINISTRATOR)
        return self.app.services.people.add_token(by, "test", role, 1)[1]

    def client(self, role: Role = Role.ADMINISTRATOR) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token(role)}"}
        base = f"{self.url}/api/v1"
        return httpx.Client(base_url=base, timeout=DEADLINE_S, headers=headers, verify=NO_TLS)


@contextmanager
def running(state: Path, port: int = 0, **settings: Any) -> Iterator[Manager]:
    chosen = Settings(state_dir=str(state), observe_every_s=5.0, workers=1, **settings)
    app = build(chosen)
    listener = socket.create_server(("127.0.0.1", port))
    introduce(app, listener, None)
    app.start()
    app.services.logins.first_code()
    server = threading.Thread(target=run, args=(app, listener, None), name="answering")
    server.start()
    manager = Manager(app, f"http://127.0.0.1:{listener.getsockname()[1]}")
    try:
        until(lambda: _answers(manager), "the manager answers")
        yield manager
    finally:
        app.web.stop()
        server.join(DEADLINE_S)
        app.stop()
        listener.close()


def until(ready: Callable[[], T], what: str, deadline_s: float = DEADLINE_S) -> T:
    """Poll until something is so; fail with `what` when it takes too long."""
    end = time.monotonic() + deadline_s
    while not (found := ready()):
        assert time.monotonic() < end, f"not in {deadline_s} s: {what}"
        time.sleep(0.05)
    return found


def add_sim(client: httpx.Client, name: str = "demo", query: str = "hosts=3&vms=6&seed=1") -> Any:
    answer = client.post("/endpoints", json={"uri": f"sim://{name}?{query}", "name": name})
    assert answer.status_code == 201, answer.text
    return answer.json()


def finished(client: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    """Follow an operation to its end and return it."""
    assert answer.status_code == 202, answer.text
    path = answer.headers["Location"].removeprefix("/api/v1")

    def ended() -> Any:
        seen = client.get(path).json()
        return seen if seen["ended_at"] or seen["state"] == "needs-human" else None

    return until(ended, f"{path} ends")


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """Assert that an answer is a problem document of this status, and return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    content: dict[str, Any] = answer.json()
    assert content["status"] == status
    assert content["title"]
    assert content["detail"]
    return content


def _answers(manager: Manager) -> bool:
    try:
        return httpx.get(f"{manager.url}/api/v1/health", verify=NO_TLS).status_code == 200
    except httpx.TransportError:
        return False
