"""A server is frozen also when one of its processes waits for a child to begin its program."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from anypool.errors import AnypoolError
from anypool.lab import power
from anypool.lab.processes import is_stopped
from anypool.lab.spec import LabSpec, Server

SPAWN = """
import os, sys
opened = [(os.POSIX_SPAWN_OPEN, 9, sys.argv[1], os.O_RDONLY, 0)]
os.posix_spawn("/bin/sleep", ["sleep", "60"], {}, file_actions=opened)
"""
"""Waits, as vfork does, until its child has opened that pipe and begun its program."""


def children(pid: int) -> tuple[int, ...]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return tuple(map(int, text.split()))


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.fixture
def pair(pipe: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """Yield a process that waits for its child, and that child, which has begun nothing yet."""
    with subprocess.Popen([sys.executable, "-c", SPAWN, str(pipe)]) as parent:
        deadline = time.monotonic() + 20
        while not (found := children(parent.pid)) or state(parent.pid) != "D":
            assert time.monotonic() < deadline, state(parent.pid)
            time.sleep(0.01)
        both = (parent.pid, found[0])
        monkeypatch.setattr(power, "pids_in", lambda _: both)
        monkeypatch.setattr(power, "_STOP_S", 0.1)
        monkeypatch.setattr(power, "_END_TIMEOUT_S", 5.0)
        try:
            yield both
        finally:
            for pid in reversed(both):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def server() -> Server:
    return LabSpec().servers()[0]


def test_child_stopped_before_its_program_does_not_hold_the_server(
    pipe: Path, pair: tuple[int, int], server: Server
) -> None:
    def let_it_begin() -> None:
        while state(pair[1]) != "T":
            time.sleep(0.01)
        with open(pipe, "w"):  # its other end is opened when the child goes on
            pass

    letting = threading.Thread(target=let_it_begin, daemon=True)
    letting.start()
    power.freeze(server, 1)
    letting.join(10)
    assert all(map(is_stopped, pair))
    assert Path(f"/proc/{pair[1]}/comm").read_text().strip() == "sleep"


def test_server_that_cannot_be_frozen_goes_on(
    pair: tuple[int, int], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(power, "_END_TIMEOUT_S", 0.3)
    with pytest.raises(AnypoolError, match=f"{pair[0]}.*cannot be stopped"):
        power.freeze(server, 1)
    assert state(pair[1]) != "T"
