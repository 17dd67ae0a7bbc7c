"""Probes: real sockets for the question, a clock by hand for when it is asked and what it means."""

import http.server
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.clock import ManualClock
from anypool.engine.observing.board import Board
from anypool.engine.observing.health import Healths
from anypool.engine.observing.knock import knock
from anypool.engine.observing.services import Services, found
from anypool.model import (
    Component,
    Health,
    Inventory,
    Probe,
    ProbeKind,
    Service,
    ServiceId,
    VmState,
)
from anypool.store import Store, events
from tests.unit.test_planner_evacuate import pool, vm


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/good" else 503)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_a_question_by_tcp_and_by_http(port: int) -> None:
    tcp = Probe(kind=ProbeKind.TCP, address="127.0.0.1", port=port)
    assert knock(tcp, "web1") == ""
    assert knock(replace(tcp, kind=ProbeKind.HTTP, path="/good"), "web1") == ""
    assert "503" in knock(replace(tcp, kind=ProbeKind.HTTP, path="/bad"), "web1")
    assert knock(replace(tcp, address="{vm}"), "127.0.0.1") == ""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        refused = knock(replace(tcp, port=closed.getsockname()[1]), "web1")
    assert "refused" in refused
    assert knock(replace(tcp, address="no such.invalid\u2603"), "x")


def test_a_server_that_says_nothing_holds_nobody_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        probe = Probe(
            kind=ProbeKind.HTTP, address="127.0.0.1", port=silent.getsockname()[1], timeout_s=0.1
        )
        assert "timed out" in knock(probe, "web1")


class Ward:
    """A service of one probed VM; `answer` is what the next probe says."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.store = Store.open(f"sqlite:///{folder}/a.db", clock=self.clock)
        self.board = Board()
        self.services = Services(self.store, self.board, lambda: None)
        self.healths = Healths(
            self.services, self.store, self.board, self.clock, leads=lambda: True
        )
        self.answer, self.asked = "", 0
        self.tasks: list[Callable[[], None]] = []
        self.healths.knock = self._knock
        self.healths.submit = lambda task: task()
        probe = Probe(kind=ProbeKind.TCP, address="x", port=1, interval_s=10.0, threshold=2)
        self.component = Component(name="db", vms=("vm1",), probe=probe)
        self.service = Service(id=ServiceId("shop"), components=(self.component,))
        self.services.put(self.service, "ada")
        self.show(VmState.RUNNING)

    def _knock(self, probe: Probe, name: str) -> str:
        self.asked += 1
        assert name == "vm1"
        return self.answer

    def show(self, state: VmState) -> None:
        self.board.publish(pool(1).with_vm(vm(1, "h0", state=state)), ())

    def health(self, seconds: float = 0.0) -> Health:
        self.clock.advance(seconds)
        self.healths.round()
        return self.healths.of(self.service, self.component, "vm1")

    def told(self) -> list[str]:
        with self.store.reading() as tx:
            return [one.message for one in events.since(tx, 0) if one.kind == "service.health"]


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    made = Ward(tmp_path)
    yield made
    made.store.close()


def test_one_good_answer_is_health_and_several_bad_ones_are_not(ward: Ward) -> None:
    assert ward.healths.of(ward.service, ward.component, "vm1") is Health.UNKNOWN
    assert ward.health() is Health.HEALTHY
    ward.answer = "port 1: refused"
    assert ward.health(10) is Health.HEALTHY
    assert ward.health(10) is Health.UNHEALTHY
    ward.answer = ""
    assert ward.health(10) is Health.HEALTHY
    assert ward.told() == [
        "vm1 of service shop is healthy",
        "vm1 of service shop is unhealthy: port 1: refused",
        "vm1 of service shop is healthy",
    ]


def test_it_is_asked_no_oftener_than_declared(ward: Ward) -> None:
    for _ in range(25):
        ward.health(1)
    assert ward.asked == 3


def test_a_vm_that_does_not_run_is_unknown_and_not_asked(ward: Ward) -> None:
    assert ward.health() is Health.HEALTHY
    ward.show(VmState.UNKNOWN)
    assert ward.health(100) is Health.UNKNOWN
    assert ward.asked == 1
    ward.show(VmState.RUNNING)
    assert ward.health(1) is Health.HEALTHY


def test_an_answer_that_comes_late_is_not_believed(ward: Ward) -> None:
    ward.healths.submit = ward.tasks.append
    ward.health()
    ward.health(100)
    assert len(ward.tasks) == 1, "a question under way is not asked again"
    ward.show(VmState.STOPPED)
    ward.health()
    ward.tasks[0]()
    assert ward.healths.of(ward.service, ward.component, "vm1") is Health.UNKNOWN


def test_what_is_not_declared_any_more_is_forgotten(ward: Ward) -> None:
    ward.health()
    ward.services.remove(ward.service.id, "ada")
    assert ward.health() is Health.UNKNOWN
    bare = replace(ward.component, probe=Probe())
    assert ward.healths.of(ward.service, bare, "vm1") is Health.UNPROBED


def test_a_name_that_two_vms_bear_is_nobodys() -> None:
    world = pool(1).with_vm(vm(1, "h0")).with_vm(replace(vm(2, "h0"), name="vm1"))
    assert found(frozenset({"vm1"}), world) == {}
    assert set(found(frozenset({"v1", "vm3"}), world)) == {"v1"}
    assert found(frozenset(), Inventory()) == {}
