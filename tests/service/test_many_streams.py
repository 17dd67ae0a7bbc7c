"""Two hundred readers of the event stream, one of them asleep, while the pool changes."""

import socket
import threading
import time
from pathlib import Path

import httpx

from anypool.engine import Notice
from tests.service.manager_kit import Manager, running, until

READERS = 200
TURNS = 40
EACH = 25
ANSWER_S = 2.0
"""Even on a machine that is busy with other tests; alone it is a few milliseconds."""


class Reader:
    """One stream on a socket of its own; `asleep` it does not read until it is woken."""

    def __init__(self, manager: Manager, token: str) -> None:
        host, port = manager.url.removeprefix("http://").split(":")
        self._socket = socket.create_connection((host, int(port)), timeout=30)
        request = f"GET /api/v1/events/stream HTTP/1.1\r\nHost: {host}:{port}\r\n"
        self._socket.sendall(f"{request}Authorization: Bearer {token}\r\n\r\n".encode())
        self.text = b""

    def read_until(self, word: bytes) -> None:
        while word not in self.text:
            more = self._socket.recv(1 << 16)
            assert more, "the stream ended"
            self.text += more

    def close(self) -> None:
        self._socket.close()


def test_many_readers_and_a_slow_one_hold_nobody_up(tmp_path: Path) -> None:
    with running(tmp_path) as manager, manager.client() as client:
        token = manager.token()
        asleep, *readers = (Reader(manager, token) for _ in range(READERS))
        for one in (asleep, *readers):
            one.read_until(b"hello")
        threads = [
            threading.Thread(target=one.read_until, args=(b'"the-last-one"',)) for one in readers
        ]
        for thread in threads:
            thread.start()
        slowest = _change_and_ask(manager, client)
        manager.app.engine.board.tell([Notice("vm", "the-last-one")])
        for thread in threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in threads), "a reader was left behind"
        asleep.read_until(b'"the-last-one"')
        assert slowest < ANSWER_S
        for one in (asleep, *readers):
            one.close()
        until(lambda: not manager.app.web.broadcast._mailboxes, "all are forgotten")


def _change_and_ask(manager: Manager, client: httpx.Client) -> float:
    """Let 500 objects a second change for two seconds; return the longest wait of an answer."""
    slowest = 0.0
    pace = threading.Event()
    for turn in range(TURNS):
        names = (f"vm-{turn}-{number}" for number in range(EACH))
        manager.app.engine.board.tell([Notice("vm", name) for name in names])
        begin = time.monotonic()
        assert client.get("/vms").status_code == 200
        slowest = max(slowest, time.monotonic() - begin)
        pace.wait(EACH / 500)
    return slowest
