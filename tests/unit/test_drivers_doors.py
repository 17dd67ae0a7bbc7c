"""A door lets one visitor in, once, for a while, and leaves nothing behind."""

import socket
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from anypool.clock import SystemClock
from anypool.drivers import doors
from anypool.drivers.doors import MOST, Doors
from anypool.drivers.remote import WorkerPool
from anypool.errors import Busy, Rejected
from anypool.model import Endpoint, EndpointId, VmState


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        monkeypatch.setattr(tempfile, "tempdir", short)
        yield Path(short)


@pytest.fixture
def opened(folder: Path) -> Iterator[Doors]:
    made = Doors()
    yield made
    made.close()
    until(lambda: not list(folder.iterdir()))


def until(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def echo(visitor: socket.socket) -> None:
    while said := visitor.recv(100):
        visitor.sendall(said)


def visit(path: str) -> socket.socket:
    visitor = socket.socket(socket.AF_UNIX)
    visitor.settimeout(10)
    try:
        visitor.connect(path)
    except OSError:
        visitor.close()
        raise
    return visitor


def test_one_visitor_is_let_in_and_the_door_is_gone(opened: Doors, folder: Path) -> None:
    path = opened.open(echo)
    assert stat.S_IMODE(Path(path).parent.stat().st_mode) == 0o700
    with visit(path) as visitor:
        visitor.sendall(b"hello")
        assert visitor.recv(100) == b"hello"
        assert not list(folder.iterdir())
        with pytest.raises(FileNotFoundError):
            visit(path)


def test_the_visitor_is_sent_away_at_the_end(opened: Doors) -> None:
    with visit(opened.open(lambda visitor: visitor.sendall(b"bye"))) as visitor:
        assert visitor.recv(100) == b"bye"
        assert visitor.recv(100) == b""


def test_a_door_without_visitor_goes_away(opened: Doors, folder: Path) -> None:
    path = opened.open(echo, wait_s=0.05)
    until(lambda: not list(folder.iterdir()))
    with pytest.raises(FileNotFoundError):
        visit(path)


def test_closing_sends_everybody_away(opened: Doors) -> None:
    waiting = opened.open(echo)
    with visit(opened.open(echo)) as visitor:
        visitor.sendall(b"x")
        assert visitor.recv(100) == b"x"
        opened.close()
        assert visitor.recv(100) == b""
    until(lambda: not Path(waiting).exists())


def test_no_door_where_its_path_is_too_long(
    opened: Doors, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = folder / ("x" * 100)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with pytest.raises(Rejected, match="too long"):
        opened.open(echo)
    assert not list(deep.iterdir())
    deep.rmdir()


def test_there_are_only_so_many(opened: Doors) -> None:
    for _ in range(MOST):
        opened.open(echo)
    with pytest.raises(Busy):
        opened.open(echo)
    opened.close()
    until(lambda: _opens(opened))


def _opens(opened: Doors) -> bool:
    try:
        return bool(opened.open(echo, wait_s=0.01))
    except Busy:
        return False


def test_nothing_is_left_of_a_killed_worker(folder: Path) -> None:
    ended = subprocess.Popen(["true"])
    left = folder / f"anypool-console-{ended.pid}-abc"
    other = folder / f"anypool-console-{ended.pid}0-abc"
    left.mkdir()
    other.mkdir()
    assert ended.wait(10) == 0
    doors.sweep(ended.pid)
    assert list(folder.iterdir()) == [other]
    other.rmdir()


def test_a_door_goes_with_its_worker(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(folder))
    pool = WorkerPool(1, SystemClock())
    try:
        uri = "sim://doors?hosts=1&vms=2&seed=1"
        driver = pool.driver(Endpoint(id=EndpointId("doors"), driver="sim", uri=uri))
        vms = [vm for vm in driver.observe().vms if vm.state is VmState.RUNNING]
        path = Path(driver.console(vms[0].id, "serial").path)
        assert path.is_socket()
        assert path.is_relative_to(folder)
    finally:
        pool.close()
    assert not list(folder.iterdir())


def test_a_slow_visitor_does_not_hold_up_the_next(opened: Doors) -> None:
    begun = threading.Event()

    def hang(visitor: socket.socket) -> None:
        begun.set()
        visitor.recv(100)

    with visit(opened.open(hang)):
        assert begun.wait(10)
        with visit(opened.open(echo)) as second:
            second.sendall(b"x")
            assert second.recv(100) == b"x"
