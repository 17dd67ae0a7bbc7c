"""A console's websocket goes only to the manager that is known, and says how it ended."""

import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.sync.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

from anypool.api.own_certificate import own
from anypool.cli.client import Client
from anypool.cli.contexts import Context
from anypool.cli.wires import open_wire
from anypool.errors import Denied, Invalid, Unreachable

PROTOCOLS = ("anypool.console", "anypool.ticket.secret")


class Manager:
    """Says what it was asked, then what it hears, and closes with `code` at "bye"."""

    def __init__(self, folder: Path) -> None:
        made = own(folder, frozenset({"127.0.0.1"}), time.time())
        self.fingerprint = made.fingerprint
        self.code = 1000
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(made.certificate, made.key)
        self.visits: list[ServerConnection] = []
        self.server: Server
        self.url = ""

    def talk(self, socket: ServerConnection) -> None:
        self.visits.append(socket)
        for said in socket:
            if said == b"bye":
                socket.close(self.code)
            else:
                socket.send(said)

    def context(self, fingerprint: str = "") -> Context:
        return Context(url=self.url, token="ap_secret", fingerprint=fingerprint or self.fingerprint)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path)
    protocols = [Subprotocol(PROTOCOLS[0])]
    with serve(made.talk, "127.0.0.1", 0, ssl=made.tls, subprotocols=protocols) as server:
        made.url = f"https://127.0.0.1:{server.socket.getsockname()[1]}"
        running = threading.Thread(target=server.serve_forever)
        running.start()
        yield made
        server.shutdown()
        running.join()


@pytest.fixture
def client() -> Iterator[Client]:
    ticket = {"path": "/api/v1/console", "subprotocols": PROTOCOLS, "token": "secret"}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=ticket))
    with httpx.Client(base_url="https://manager", transport=transport) as http:
        yield Client(http)


def test_bytes_go_both_ways_with_the_ticket_out_of_the_address(
    manager: Manager, client: Client
) -> None:
    heard: list[bytes] = []
    with open_wire(client, manager.context(), "web1", "serial") as wire:
        wire.send(b"\x00\xff")
        wire.send(b"bye")
        wire.hand_on(heard.append)
        wire.send(b"too late")
    assert heard == [b"\x00\xff"]
    request = manager.visits[0].request
    assert request is not None
    assert request.path == "/api/v1/console"
    assert request.headers["Authorization"] == "Bearer ap_secret"
    assert request.headers["Sec-WebSocket-Protocol"] == ", ".join(PROTOCOLS)


def test_another_certificate_gets_nothing(manager: Manager, client: Client) -> None:
    with (
        pytest.raises(Invalid, match="not the known one"),
        open_wire(client, manager.context("ab" * 32), "web1", "serial"),
    ):
        pass
    with (
        pytest.raises(Unreachable, match="does not open"),
        open_wire(client, Context(url=manager.url), "web1", "serial"),
    ):
        pass
    assert not manager.visits


def test_who_may_no_longer_is_told(manager: Manager, client: Client) -> None:
    manager.code = 1008
    with open_wire(client, manager.context(), "web1", "serial") as wire:
        wire.send(b"bye")
        with pytest.raises(Denied):
            wire.hand_on(len)


def test_nobody_there(client: Client) -> None:
    with (
        pytest.raises(Unreachable, match="serial console of web1"),
        open_wire(client, Context(url="http://127.0.0.1:9"), "web1", "serial"),
    ):
        pass
