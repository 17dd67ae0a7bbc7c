"""What a client that leaves early leaves behind: nothing after the next sweep, nor at the end."""

import gc
import socket
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from anypool import app, heaps
from tests.service.manager_kit import Manager, running, until

CLIENTS = 60
KINDS = frozenset(
    {"H11Protocol", "RequestResponseCycle", "_SelectorSocketTransport", "TransportSocket"}
)
"""What the server keeps of each connection."""


def leave_early(manager: Manager, token: str, path: str) -> None:
    """Ask, and leave before the answer comes."""
    place = urlsplit(manager.url)
    with socket.create_connection((place.hostname, place.port), timeout=30) as line:
        request = f"GET /api/v1/{path} HTTP/1.1\r\nHost: {place.netloc}\r\n"
        line.sendall(f"{request}Authorization: Bearer {token}\r\n\r\n".encode())


def kept() -> int:
    """Count what is kept of connections.

    No other thread runs meanwhile: a tuple that it is making would belong to two, and be refused.
    """
    usual = sys.getswitchinterval()
    sys.setswitchinterval(60)
    try:
        kinds = Counter(map(type, gc.get_objects()))
    finally:
        sys.setswitchinterval(usual)
    return sum(number for kind, number in kinds.items() if kind.__name__ in KINDS)


@pytest.fixture
def nothing_else_collects() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("nothing_else_collects")
def test_nothing_is_kept_of_connections_whose_clients_left(tmp_path: Path) -> None:
    with running(tmp_path) as manager:
        assert "garbage" in {name for name, _ in manager.app.engine.keeping.more}
        token = manager.token()
        heaps.sweep()
        before = kept()
        for number in range(CLIENTS):
            leave_early(manager, token, "events/stream" if number % 3 else "vms?limit=100")
        until(lambda: not manager.app.web.broadcast.readers, "the streams are over")

        def swept() -> bool:
            heaps.sweep()
            return kept() <= before + len(KINDS)

        until(swept, "all of it is given up")


def test_manager_that_is_told_to_stop_does_not_wait_for_a_planner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planning, enough = threading.Event(), threading.Event()
    others = set(threading.enumerate())
    monkeypatch.setattr(app, "_GRACE_S", 1)

    def plan(*_: object, **__: object) -> None:
        planning.set()
        enough.wait(60)

    with running(tmp_path) as manager, manager.client() as client:
        monkeypatch.setattr(type(manager.app.services.hosts), "evacuate", plan)
        asking = threading.Thread(target=_ask, args=(client,))
        asking.start()
        assert planning.wait(30)
        manager.app.web.stop()
        mine = [one for one in threading.enumerate() if one.name == "answering"]
        until(lambda: not any(one.is_alive() for one in mine if one not in others), "it ends", 20)
        enough.set()
        asking.join(30)


def _ask(client: httpx.Client) -> None:
    with suppress(httpx.HTTPError):
        client.post("/hosts/h1/evacuate?dry_run=true")
