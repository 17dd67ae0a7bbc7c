"""Two managers on one database: any of them takes any request, and one of them decides."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from msgspec.structs import replace
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from anypool.api.consoles import TAKEN
from anypool.model import Console, Endpoint, EndpointId, VmId
from tests.service.manager_kit import Manager, add_sim, finished, problem, running, until

LEASE_S = 2.0


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[Manager, Manager, ExitStack]]:
    """One that leads and one that stands by; leaving the stack ends the first."""
    database = f"sqlite:///{tmp_path}/shared.db"
    with ExitStack() as first:
        one = first.enter_context(running(tmp_path / "one", database=database, lease_s=LEASE_S))
        with running(tmp_path / "two", database=database, lease_s=LEASE_S) as two:
            assert one.app.engine.leads
            assert not two.app.engine.leads
            yield one, two, first


def test_whoever_is_asked_the_one_that_leads_decides(
    both: tuple[Manager, Manager, ExitStack],
) -> None:
    one, two, _ = both
    with two.client() as client, one.client() as direct:
        add_sim(client)
        assert {vm["id"] for vm in client.get("/vms").json()["items"]} == {
            vm["id"] for vm in direct.get("/vms").json()["items"]
        }
        host = client.get("/hosts").json()["items"][0]["name"]
        ended = finished(client, client.post(f"/hosts/{host}/evacuate"))
        assert ended["state"] == "done"
        assert direct.get(f"/operations/{ended['id']}").json()["state"] == "done"
        assert not two.app.engine.inventory.hosts, "the one that stands by knows nothing itself"
        problem(client.get("/vms/nobody"), 404)
        problem(client.get("/vms?nonsense=1"), 422)
        with client.stream("GET", "/events/stream") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            assert next(stream.iter_lines()) is not None
    with two.anonymous() as nobody:
        problem(nobody.get("/vms"), 401)
        assert nobody.get("/health/ready").json()["leads"] is False
        evil = {"Host": "evil.example", "Authorization": "Bearer x"}
        problem(nobody.get("/vms", headers=evil), 403)
        foreign = {"Origin": "https://evil.example"}
        problem(nobody.post("/hosts/h/evacuate", headers=foreign), 403)


def test_the_managers_are_listed(both: tuple[Manager, Manager, ExitStack]) -> None:
    one, two, _ = both
    for manager in both[:2]:
        with manager.client() as client:
            found = client.get("/managers").json()["items"]
        assert {item["address"] for item in found} == {one.url, two.url}
        (leader,) = [item for item in found if item["leads"]]
        assert (leader["address"], leader["epoch"], leader["pools"]) == (one.url, 1, ["default"])
        assert [item["address"] for item in found if item["here"]] == [manager.url]
        assert all(item["silent_s"] < 10 for item in found)


def test_when_the_one_that_leads_ends_the_other_answers_itself(
    both: tuple[Manager, Manager, ExitStack],
) -> None:
    one, two, first = both
    with one.client() as client:
        add_sim(client)
    first.close()
    until(lambda: two.app.engine.leads, "the other one leads")
    with two.client() as client:
        until(lambda: client.get("/vms").json()["total"] == 6, "it has read the hosts")
        (left,) = client.get("/managers").json()["items"]
        assert (left["address"], left["epoch"]) == (two.url, 2)


def test_a_manager_that_is_drained_leaves_the_work_to_the_other(
    both: tuple[Manager, Manager, ExitStack],
) -> None:
    one, two, _ = both
    name = one.app.engine.keeper.peer.holder
    with one.client() as client, two.client() as other:
        add_sim(client)
        problem(client.post("/managers/nobody/drain"), 404)
        problem(client.post(f"/managers/{one.app.engine.keeper.peer.host}/drain"), 409)
        drained = other.post(f"/managers/{name}/drain").json()
        assert (drained["id"], drained["drained"]) == (name, True)
        until(lambda: two.app.engine.leads, "the other one leads", deadline_s=LEASE_S * 3)
        assert not one.app.engine.leads
        until(lambda: client.get("/vms").json()["total"] == 6, "it answers through the other")
        said = problem(client.post(f"/managers/{two.app.engine.keeper.peer.holder}/drain"), 409)
        assert "no other manager" in said["detail"]
        assert one.app.drivers.workers() == ()
        back = client.post(f"/managers/{name}/call-back").json()
        assert not back["drained"]
        other.post(f"/managers/{two.app.engine.keeper.peer.holder}/drain")
        until(lambda: one.app.engine.leads, "it leads again", deadline_s=LEASE_S * 3)
        host = client.get("/hosts").json()["items"][0]["name"]
        until(lambda: client.get(f"/hosts/{host}").json()["state"] == "up", "it looks again")
        assert finished(client, client.post(f"/hosts/{host}/evacuate"))["state"] == "done"
        events = [one["message"] for one in client.get("/events").json()["items"]]
        assert f"{name} is drained" in events


def test_a_stream_ends_with_its_client_and_with_who_led(
    both: tuple[Manager, Manager, ExitStack],
) -> None:
    one, two, _ = both
    broadcast = one.app.web.broadcast
    with two.client() as other:
        for _ in range(3):
            with other.stream("GET", "/events/stream") as stream:
                assert next(stream.iter_lines()) is not None
        until(lambda: not broadcast.readers, "nobody listens for those that left")
        with one.client() as client, ExitStack() as open_:
            for at in (client, other):
                lines = open_.enter_context(at.stream("GET", "/events/stream")).iter_lines()
                assert next(lines) is not None
                open_.callback(list, lines)  # which ends once the stream does
            other.post(f"/managers/{one.app.engine.keeper.peer.holder}/drain")
            until(lambda: two.app.engine.leads, "the other one leads", deadline_s=LEASE_S * 3)


def test_a_leader_that_cannot_be_reached_is_said_so(
    both: tuple[Manager, Manager, ExitStack],
) -> None:
    one, two, _ = both
    keeper = one.app.engine.keeper
    known = keeper.peer
    for changed, words in (
        (replace(known, address="http://127.0.0.1:1"), "does not answer at"),
        (replace(known, host="elsewhere"), "listens on elsewhere for that machine only"),
    ):
        keeper.peer = changed
        keeper.still_held()
        two.app.services.managers._leader = (0.0, None)
        with two.client() as client:
            said = problem(client.get("/vms"), 503)
            assert words in said["detail"]
            assert said["hint"]


class _Echo(socketserver.BaseRequestHandler):
    """Greets, then says everything back, until it is told to end."""

    def handle(self) -> None:
        self.request.sendall(b"RFB 003.008\n")
        while (data := self.request.recv(4096)) and data != b"end":
            self.request.sendall(data)


class _Near:
    def __init__(self, port: int) -> None:
        self.port = port

    def console(self, vm: VmId, kind: str) -> Console:
        return Console(kind=kind, address="127.0.0.1", port=self.port)


@pytest.fixture
def near(
    both: tuple[Manager, Manager, ExitStack], monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Consoles of all VMs at the manager that leads say everything back."""
    one, _, _ = both
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Echo) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        reach = one.app.services.consoles._reach
        there = _Near(server.server_address[1])
        monkeypatch.setattr(reach, "driver", lambda endpoint: there)
        here = Endpoint(id=EndpointId("near"), driver="libvirt", uri="qemu:///system")
        monkeypatch.setattr(reach, "endpoint", lambda endpoint: here)
        yield
        server.shutdown()
        thread.join()


def _console(at: Manager, kind: str, token: str = "", **headers: str) -> ClientConnection:
    """Open a console of the first VM that runs, as a browser does: all of it at one manager."""
    with at.client() as client:
        vm = client.get("/vms", params={"q": "state = running"}).json()["items"][0]["id"]
        asked = client.post(f"/vms/{vm}/console", json={"kind": kind}).json()
    return connect(
        at.url.replace("http", "ws", 1) + asked["path"],
        subprotocols=[Subprotocol(one) for one in asked["subprotocols"]],
        additional_headers={"Authorization": f"Bearer {token or at.token()}", **headers},
        proxy=None,
    )


def test_a_console_is_carried_to_the_one_that_leads(
    both: tuple[Manager, Manager, ExitStack], near: None
) -> None:
    one, two, _ = both
    with two.client() as client:
        add_sim(client)
    with _console(two, "vnc") as socket:
        assert socket.subprotocol == "anypool.console"
        assert socket.recv(5) == b"RFB 003.008\n"
        socket.send(b"\x00\x01\xff")
        assert socket.recv(5) == b"\x00\x01\xff"
        big = bytes(range(256)) * 1024
        socket.send(big)
        back = b""
        while len(back) < len(big):
            back += bytes(socket.recv(5))  # type: ignore[arg-type]
        assert back == big
        assert len(one.app.services.consoles._open) == 1
    until(lambda: not one.app.services.consoles._open, "it is closed at the one that leads, too")
    with _console(two, "serial") as mine:
        mine.recv(5)
        with _console(one, "serial") as other:
            other.recv(5)
            mine.send(b"end")
            with pytest.raises(ConnectionClosed) as ended:
                mine.recv(10)
    assert ended.value.rcvd is not None
    assert (ended.value.rcvd.code, bool(ended.value.rcvd.reason)) == (TAKEN, True)


def test_a_console_that_is_carried_is_refused_to_whom_it_is_not_for(
    both: tuple[Manager, Manager, ExitStack], near: None
) -> None:
    _, two, _ = both
    with two.client() as client:
        add_sim(client)
    for headers in ({"token": "ap_wrong"}, {"Origin": "https://evil.example"}):
        with pytest.raises((InvalidStatus, ConnectionClosed)):
            _console(two, "vnc", **headers).recv(5)


def test_a_request_is_passed_on_once(both: tuple[Manager, Manager, ExitStack]) -> None:
    """Two managers that each take the other for the leader do not play with it for ever."""
    _, two, _ = both
    with two.client() as client:
        client.headers["X-Anypool-Forwarded-By"] = "1"
        said = problem(client.post("/hosts/h/evacuate"), 409)
        assert "another manager" in said["detail"]
