"""`anypool vm console` on a terminal of its own, against a whole manager."""

import os
import pty
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest

from anypool.cli.main import INTERRUPTED
from tests.service.manager_kit import Manager, finished, until

GREETING = b"is simulated: it says back what you type."
WAIT_S = 20.0


class Window:
    """A terminal in which a command runs, as somebody sees it."""

    def __init__(self, manager: Manager, *words: str) -> None:
        self._mine, self.terminal = pty.openpty()
        os.set_blocking(self._mine, False)
        self.before = termios.tcgetattr(self.terminal)
        self.seen = b""
        environment = {
            **os.environ,
            "ANYPOOL_URL": manager.url,
            "ANYPOOL_TOKEN": manager.token(),
            "TERM": "dumb",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "anypool.cli.main", "vm", "console", *words],
            stdin=self.terminal,
            stdout=self.terminal,
            stderr=self.terminal,
            env=environment,
            start_new_session=True,
        )

    def type(self, keys: bytes) -> None:
        os.write(self._mine, keys)

    def sees(self, words: bytes) -> None:
        def look() -> bool:
            with suppress(BlockingIOError):
                self.seen += os.read(self._mine, 65536)
            return words in self.seen

        until(look, f"{words!r} after {self.seen!r}", WAIT_S)

    @property
    def is_as_before(self) -> bool:
        return termios.tcgetattr(self.terminal) == self.before

    def ended(self) -> int:
        return self.process.wait(WAIT_S)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._mine)
        os.close(self.terminal)


@pytest.fixture
def name(pool: httpx.Client) -> str:
    found = pool.get("/vms", params={"q": "state = running"}).json()["items"]
    return str(found[-1]["name"])


@pytest.fixture
def window(manager: Manager, name: str) -> Iterator[Window]:
    opened = Window(manager, name)
    yield opened
    opened.close()


def test_keys_go_in_and_text_comes_out_until_it_is_left(window: Window, name: str) -> None:
    window.sees(f"serial console of {name} on h".encode())
    window.sees(GREETING)
    assert not window.is_as_before
    window.type(b"uname -a\x03\r")
    window.sees(b"uname -a\x03\r\n")
    window.type(b"\x1d")
    assert window.ended() == 0
    window.sees(b"ended: Ctrl-]")
    assert window.is_as_before


def test_the_window_is_usable_after_the_vm_stopped(
    window: Window, pool: httpx.Client, name: str
) -> None:
    window.sees(GREETING)
    finished(pool, pool.post(f"/vms/{name}/power-off"))
    assert window.ended() == 0
    window.sees(b"ended: it stopped, moved")
    assert window.is_as_before
    finished(pool, pool.post(f"/vms/{name}/start"))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_the_window_is_usable_after_a_signal(window: Window, how: signal.Signals) -> None:
    window.sees(GREETING)
    window.process.send_signal(how)
    assert window.ended() == INTERRUPTED
    assert window.is_as_before


def test_what_is_piped_in_is_typed(manager: Manager, name: str) -> None:
    environment = {**os.environ, "ANYPOOL_URL": manager.url, "ANYPOOL_TOKEN": manager.token()}
    said = subprocess.run(
        [sys.executable, "-m", "anypool.cli.main", "vm", "console", name],
        input=b"reboot now\r\x1d", capture_output=True, env=environment, timeout=WAIT_S, check=True,
    )  # fmt: skip
    assert b"Ctrl-] ends it" in said.stderr


def test_no_console_of_what_is_not_there(manager: Manager) -> None:
    window = Window(manager, "nothing")
    assert window.ended() == 3
    window.sees(b"anypool: ")
    assert window.is_as_before
    window.close()


def test_viewers_see_the_screen_at_a_local_port(manager: Manager, name: str) -> None:
    window = Window(manager, name, "--vnc")
    try:
        window.sees(b"Ctrl-C ends it")
        port = int(window.seen.split(b"127.0.0.1:")[1].split()[0])
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", port), WAIT_S) as viewer:
                assert viewer.recv(12, socket.MSG_WAITALL) == b"RFB 003.008\n"
                viewer.sendall(b"RFB 003.008\n")
                said = b""
                while more := viewer.recv(100):
                    said += more
                assert b"simulated" in said
        window.process.send_signal(signal.SIGINT)
        assert window.ended() == 0
    finally:
        window.close()


def test_a_local_port_that_is_taken(manager: Manager, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        window = Window(manager, name, "--vnc", "--port", str(other.getsockname()[1]))
        assert window.ended() == 2
        window.sees(b"cannot be used")
        window.close()
