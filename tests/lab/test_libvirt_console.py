"""The serial console of a VM on a real host: text comes, keys go, and every end is a clean one."""

import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from anypool.errors import NotFound
from anypool.model import JobState
from tests.lab.conftest import RunningLab, wait_until
from tests.lab.libvirt_pair import VM, Pair

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]

ENDS_S = 15.0
"""A peer that is silent is noticed after 6 s; a busy machine may take longer."""
HEARS_S = 30.0
TICK = re.compile(rb"tick \d+ [\d.]+\r?\n")


@pytest.fixture
def pair(lab: RunningLab) -> Iterator[Pair]:
    with lab.inside():
        made = Pair(lab)
        made.clear()
        made.start()
        yield made
        made.source.close()
        made.target.close()
        made.clear()


@contextmanager
def visit(path: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as visitor:
        visitor.settimeout(ENDS_S)
        visitor.connect(path)
        yield visitor


def hears(visitor: socket.socket, words: bytes) -> None:
    """Read until the words came; the guest's ticks may fall into the middle of an echo."""
    said, deadline = b"", time.monotonic() + HEARS_S
    while words not in said and words not in TICK.sub(b"", said):
        assert time.monotonic() < deadline, f"no {words!r} in {said!r}"
        more = visitor.recv(4096)
        assert more, f"the console ended after {said!r}"
        said += more


def ends(visitor: socket.socket) -> None:
    while visitor.recv(65536):
        pass


def test_text_comes_and_keys_go_while_other_calls_are_answered(pair: Pair) -> None:
    with visit(pair.source.console(VM, "serial").path) as visitor:
        hears(visitor, b"tick ")
        visitor.sendall(b"anybody there\r")
        hears(visitor, b"anybody there")
        assert pair.source.observe().vms
        assert pair.source.changes("", 0).cursor
        hears(visitor, b"tick ")
    pair.ticks_on()
    with visit(pair.source.console(VM, "serial").path) as again:
        hears(again, b"tick ")


def test_the_console_is_whose_who_came_last(pair: Pair) -> None:
    with visit(pair.source.console(VM, "serial").path) as first:
        hears(first, b"tick ")
        second_path = pair.source.console(VM, "serial").path
        hears(first, b"tick ")
        with visit(second_path) as second:
            hears(second, b"tick ")
            ends(first)
            hears(second, b"tick ")


def stop(pair: Pair) -> None:
    pair.source.power_off_vm(VM, pair.here.id)


def kill_libvirtd(pair: Pair) -> None:
    os.kill(pair.daemon("h1"), signal.SIGKILL)
    pair.lab.wait_for_libvirt("h1")


def forget_endpoint(pair: Pair) -> None:
    pair.source.close()


@pytest.mark.parametrize(
    "deed", [stop, kill_libvirtd, forget_endpoint], ids=lambda deed: deed.__name__
)
def test_it_ends(pair: Pair, deed: Callable[[Pair], None]) -> None:
    threads = console_threads()
    with visit(pair.source.console(VM, "serial").path) as visitor:
        hears(visitor, b"tick ")
        deed(pair)
        ends(visitor)
    wait_until(lambda: console_threads() == threads, "its threads end")
    assert not list(Path("/tmp").glob(f"anypool-console-{os.getpid()}-*"))


def test_it_ends_when_libvirtd_is_silent(pair: Pair) -> None:
    daemon = pair.daemon("h1")
    with visit(pair.source.console(VM, "serial").path) as visitor:
        hears(visitor, b"tick ")
        os.kill(daemon, signal.SIGSTOP)
        begun = time.monotonic()
        try:
            ends(visitor)
        finally:
            os.kill(daemon, signal.SIGCONT)
        assert time.monotonic() - begun < ENDS_S
    with visit(pair.source.console(VM, "serial").path) as again:
        hears(again, b"tick ")


def test_it_ends_by_a_migration_and_is_at_the_other_host_then(pair: Pair) -> None:
    order = pair.order()
    with visit(pair.source.console(VM, "serial").path) as visitor:
        hears(visitor, b"tick ")
        pair.source.begin_migration(order)
        assert pair.finish(order) is JobState.DONE
        ends(visitor)
    with visit(pair.target.console(VM, "serial").path) as visitor:
        hears(visitor, b"tick ")
    with pytest.raises(NotFound):
        pair.source.console(VM, "serial")


def console_threads() -> int:
    return sum(t.name.startswith("console") for t in threading.enumerate())
