"""What a client that leaves early leaves behind: nothing after the next sweep, nor at the end."""

import gc
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from anypool import app, heaps
from anypool.errors import Cancelled
from anypool.model import Inventory, Vm, VmId
from anypool.planner import cancel, place
from anypool.service.hosts import Hosts
from tests.service.manager_kit import Manager, add_sim, running, until

CLIENTS = 60
KINDS = frozenset(
    {"H11Protocol", "RequestResponseCycle", "_SelectorSocketTransport", "TransportSocket"}
)
"""What the server keeps of each connection."""


def leave_early(
    manager: Manager,
    token: str,
    path: str,
    method: str = "GET",
    stays: threading.Event | None = None,
) -> None:
    """Ask, and leave before the answer comes: at once, or when something happened."""
    place = urlsplit(manager.url)
    with socket.create_connection((place.hostname, place.port), timeout=30) as line:
        request = f"{method} /api/v1/{path} HTTP/1.1\r\nHost: {place.netloc}\r\n"
        key = "" if method == "GET" else f"Idempotency-Key: {path.partition('=')[2]}\r\n"
        line.sendall(f"{request}{key}Authorization: Bearer {token}\r\n\r\n".encode())
        assert stays is None or stays.wait(30)


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


def test_planning_ends_with_its_client_and_the_same_request_may_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planning, ended = threading.Event(), threading.Event()
    chosen, choose, evacuate = list[VmId](), place.choose_singly, Hosts.evacuate

    def slow(world: Inventory, vm: Vm, *rest: Any) -> place.Choice:
        chosen.append(vm.id)
        planning.set()
        until(_has_left, "the manager sees that the client left")
        return choose(world, vm, *rest)

    def plan(self: Hosts, *given: Any, **named: Any) -> Any:
        try:
            return evacuate(self, *given, **named)
        except Cancelled:
            ended.set()
            raise

    monkeypatch.setattr(Hosts, "evacuate", plan)
    with running(tmp_path) as manager, manager.client() as client:
        add_sim(client)
        until(lambda: client.get("/vms").json()["total"] == 6, "the pool is seen")
        busy = max(client.get("/hosts").json()["items"], key=lambda host: host["vms"])
        for dry_run, status in (("true", 200), ("false", 202)):
            ask = f"hosts/{busy['id']}/evacuate?dry_run={dry_run}"
            before = client.get("/plans").json()["total"]
            monkeypatch.setattr(place, "choose_singly", slow)
            leave_early(manager, manager.token(), ask, "POST", planning)
            assert ended.wait(30)
            assert len(chosen) == 1 < busy["vms"]
            assert client.get("/plans").json()["total"] == before
            monkeypatch.setattr(place, "choose_singly", choose)
            again = partial(client.post, f"/{ask}", headers={"Idempotency-Key": dry_run})
            assert until(partial(_unless_busy, again), "the key is free again") == status
            planning.clear()
            ended.clear()
            chosen.clear()


def _has_left() -> bool:
    gone = cancel._gone.get()
    return gone is not None and gone()


def _unless_busy(ask: Callable[[], httpx.Response]) -> int:
    answer = ask()
    return 0 if answer.status_code == 409 else answer.status_code
