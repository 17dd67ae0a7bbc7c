"""A console over a websocket: one ticket, one use, one person, our own page."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from anypool.api.consoles import TAKEN
from anypool.drivers import doors
from anypool.model import Console, Endpoint, EndpointId, VmId
from anypool.service.consoles import TTL_S, Consoles
from anypool.store.records import Role
from tests.service.manager_kit import Manager, finished, problem, until


class Vnc(socketserver.BaseRequestHandler):
    """Greets as a VNC server does, and then says everything back."""

    def handle(self) -> None:
        self.request.sendall(b"RFB 003.008\n")
        while data := self.request.recv(4096):
            self.request.sendall(data)


class NearConsole:
    def __init__(self, port: int) -> None:
        self.port = port

    def console(self, vm: VmId, kind: str) -> Console:
        if kind == "serial":
            return Console(kind=kind, path="/nowhere/door")
        return Console(kind=kind, address="127.0.0.1", port=self.port)


@pytest.fixture
def vnc(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Vnc) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        port: int = server.server_address[1]
        reach = manager.app.services.consoles._reach
        monkeypatch.setattr(reach, "driver", lambda endpoint: NearConsole(port))
        near = Endpoint(id=EndpointId("near"), driver="libvirt", uri="qemu:///system")
        monkeypatch.setattr(reach, "endpoint", lambda endpoint: near)
        yield port
        server.shutdown()
        thread.join()


def ticket(client: httpx.Client, kind: str = "vnc", vm: str = "vm1") -> list[str]:
    answer = client.post(f"/vms/{vm}/console", json={"kind": kind})
    assert answer.status_code == 200, answer.text
    assert "token" not in answer.json()["path"]
    return list(answer.json()["subprotocols"])


def opened(
    manager: Manager, subprotocols: list[str], token: str, origin: str | None = None
) -> ClientConnection:
    url = manager.url.replace("http", "ws") + "/api/v1/console"
    headers = {"Authorization": f"Bearer {token}"}
    if origin is not None:
        headers["Origin"] = origin
    offered = [Subprotocol(name) for name in subprotocols]
    return connect(url, subprotocols=offered, additional_headers=headers, proxy=None)


def test_bytes_go_both_ways(manager: Manager, pool: httpx.Client, vnc: int) -> None:
    with opened(manager, ticket(pool), manager.token()) as socket:
        assert socket.subprotocol == "anypool.console"
        assert socket.recv(5) == b"RFB 003.008\n"
        socket.send(b"\x00\x01\xff")
        assert socket.recv(5) == b"\x00\x01\xff"


def refused(manager: Manager, subprotocols: list[str], token: str, **more: str) -> None:
    with pytest.raises((InvalidStatus, ConnectionClosed)):
        opened(manager, subprotocols, token, **more).recv(5)


def test_a_ticket_works_once(manager: Manager, pool: httpx.Client, vnc: int) -> None:
    got = ticket(pool)
    with opened(manager, got, manager.token()) as socket:
        socket.recv(5)
    refused(manager, got, manager.token())


def test_a_ticket_is_somebodys(manager: Manager, pool: httpx.Client, vnc: int) -> None:
    pool.post("/users", json={"name": "olga", "role": "operator"})
    olga = manager.token(Role.OPERATOR, user="olga")
    refused(manager, ticket(pool), olga)
    refused(manager, ticket(pool), manager.token(Role.VIEWER))
    refused(manager, ticket(pool), "ap_wrong")
    refused(manager, ["anypool.console"], manager.token())
    refused(manager, ["anypool.console", "anypool.ticket.x"], manager.token())


def test_another_origin_is_refused(manager: Manager, pool: httpx.Client, vnc: int) -> None:
    refused(manager, ticket(pool), manager.token(), origin="https://evil.example")


def test_a_ticket_is_over_after_a_while(
    manager: Manager, pool: httpx.Client, vnc: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    got = ticket(pool)
    consoles: Consoles = manager.app.services.consoles
    clock = consoles._clock
    later = clock.monotonic() + TTL_S + 1
    monkeypatch.setattr(clock, "monotonic", lambda: later, raising=False)
    refused(manager, got, manager.token())


def test_it_closes_when_the_token_is_revoked(
    manager: Manager, pool: httpx.Client, vnc: int
) -> None:
    made = pool.post("/tokens", json={"label": "short"}).json()
    with httpx.Client(
        base_url=pool.base_url, headers={"Authorization": f"Bearer {made['secret']}"}
    ) as client:
        got = ticket(client)
    with opened(manager, got, made["secret"]) as socket:
        socket.recv(5)
        assert pool.delete(f"/tokens/{made['token']['id']}").status_code == 204

        def closed() -> bool:
            try:
                socket.recv(0.2)
            except TimeoutError:
                return False
            except ConnectionClosed:
                return True
            return False

        until(closed, "the console closes", 10)


def test_it_closes_when_its_user_may_no_longer(
    manager: Manager, pool: httpx.Client, vnc: int
) -> None:
    pool.post("/users", json={"name": "otto", "role": "operator"})
    otto = manager.token(Role.OPERATOR, user="otto")
    with httpx.Client(
        base_url=pool.base_url, headers={"Authorization": f"Bearer {otto}"}
    ) as client:
        got = ticket(client)
    with opened(manager, got, otto) as socket:
        socket.recv(5)
        assert pool.patch("/users/otto", json={"role": "viewer"}).status_code == 200
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008


def heard(socket: ClientConnection, words: bytes) -> None:
    said = b""
    while words not in said:
        said += bytes(socket.recv(10, decode=False))


def running_vm(pool: httpx.Client) -> str:
    found = pool.get("/vms", params={"q": "state = running"}).json()["items"]
    return str(found[0]["name"])


def test_the_serial_console_of_a_simulated_vm(manager: Manager, pool: httpx.Client) -> None:
    name = running_vm(pool)
    with opened(manager, ticket(pool, "serial", name), manager.token()) as socket:
        heard(socket, f"{name} is simulated".encode())
        socket.send(b"who are you")
        heard(socket, b"who are you")
        finished(pool, pool.post(f"/vms/{name}/power-off"))
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1000
    finished(pool, pool.post(f"/vms/{name}/start"))


def test_a_serial_console_ends_when_its_vm_moves(manager: Manager, pool: httpx.Client) -> None:
    name = running_vm(pool)
    with opened(manager, ticket(pool, "serial", name), manager.token()) as socket:
        heard(socket, b"simulated")
        finished(pool, pool.post(f"/vms/{name}/migrate", json={}))
        with pytest.raises(ConnectionClosed):
            socket.recv(10)


def who(pool: httpx.Client, vm: str) -> list[tuple[str, str]]:
    found = pool.get(f"/vms/{vm}/consoles").json()["items"]
    return [(one["user"], one["kind"]) for one in found]


def test_who_has_a_console_open_is_told(manager: Manager, pool: httpx.Client) -> None:
    pool.post("/users", json={"name": "ines", "role": "operator"})
    ines, name = manager.token(Role.OPERATOR, user="ines"), running_vm(pool)
    theirs = {"base_url": pool.base_url, "headers": {"Authorization": f"Bearer {ines}"}}
    with httpx.Client(**theirs) as other:  # type: ignore[arg-type]
        assert who(pool, name) == []
        with opened(manager, ticket(pool, "vnc", name), manager.token()) as mine:
            heard(mine, b"RFB")
            with opened(manager, ticket(other, "serial", name), ines) as second:
                heard(second, b"simulated")
                assert who(other, name) == [("admin", "vnc"), ("ines", "serial")]
            until(lambda: who(pool, name) == [("admin", "vnc")], "who left is not named")
    until(lambda: who(pool, name) == [], "nobody is named")
    with manager.client(Role.VIEWER) as viewer:
        problem(viewer.get(f"/vms/{name}/consoles"), 403)


def test_whose_serial_console_was_taken_is_told_by_whom(
    manager: Manager, pool: httpx.Client
) -> None:
    pool.post("/users", json={"name": "ines", "role": "operator"})
    ines, name = manager.token(Role.OPERATOR, user="ines"), running_vm(pool)
    theirs = {"base_url": pool.base_url, "headers": {"Authorization": f"Bearer {ines}"}}
    with (
        httpx.Client(**theirs) as other,  # type: ignore[arg-type]
        opened(manager, ticket(pool, "serial", name), manager.token()) as mine,
        opened(manager, ticket(other, "serial", name), ines) as second,
    ):
        heard(mine, b"simulated")
        heard(second, b"simulated")
        finished(pool, pool.post(f"/vms/{name}/power-off"))
        assert ended(mine) == (TAKEN, "ines")
        assert ended(second) == (1000, "")
    finished(pool, pool.post(f"/vms/{name}/start"))


def ended(socket: ClientConnection) -> tuple[int, str]:
    with suppress(ConnectionClosed):
        while True:
            socket.recv(10)
    return socket.close_code or 0, socket.close_reason or ""


def test_a_simulated_vm_says_that_it_has_no_screen(manager: Manager, pool: httpx.Client) -> None:
    with opened(manager, ticket(pool, "vnc", running_vm(pool)), manager.token()) as socket:
        heard(socket, b"RFB 003.008\n")
        socket.send(b"RFB 003.008\n")
        heard(socket, b"has no screen")


@pytest.mark.usefixtures("vnc")
def test_a_console_that_is_gone(
    manager: Manager, pool: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "is_ours", lambda path: True)
    refused(manager, ticket(pool, "serial"), manager.token())


def test_no_console_of_a_stopped_vm(pool: httpx.Client) -> None:
    stopped = pool.get("/vms", params={"q": "state = stopped"}).json()["items"][0]["name"]
    problem(pool.post(f"/vms/{stopped}/console", json={"kind": "vnc"}), 409)
    problem(pool.post("/vms/vm1/console", json={"kind": "spice"}), 422)


def test_a_hypervisor_cannot_lead_elsewhere(
    manager: Manager, pool: httpx.Client, vnc: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = Endpoint(id=EndpointId("far"), driver="libvirt", uri="qemu+tls://192.0.2.7/system")
    reach = manager.app.services.consoles._reach
    monkeypatch.setattr(reach, "endpoint", lambda endpoint: far)
    found = problem(pool.post("/vms/vm1/console", json={"kind": "vnc"}), 502)
    assert found["detail"] == "the vnc console is at 127.0.0.1, not at the VM's host"
    assert found["hint"]
    problem(pool.post("/vms/vm1/console", json={"kind": "serial"}), 502)
