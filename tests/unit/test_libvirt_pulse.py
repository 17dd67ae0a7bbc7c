"""The connection that tells early of a silent host: nobody waits for it; its end is told once."""

import threading
from typing import Any, cast

import pytest

pytest.importorskip("libvirt")

from anypool.drivers.libvirt.pulse import Pulse
from anypool.errors import Unreachable

SOON_S = 5.0


class Wire:
    """A connection as far as a pulse knows one."""

    def __init__(self) -> None:
        self.alive = True
        self.closed = threading.Event()

    def isAlive(self) -> bool:
        return self.alive

    def close(self) -> None:
        self.closed.set()


class Host:
    """Opens connections once it may; silent for who knocks if it is told so."""

    address = cast("Any", None)

    def __init__(self) -> None:
        self.address = self
        self.may_open = threading.Event()
        self.may_open.set()
        self.wires: list[Wire] = []
        self.opened = threading.Semaphore(0)
        self.silent = False

    def probe(self) -> tuple[str, int]:
        return ("10.0.0.1", 16509)

    def further(self, missed: int) -> Wire:
        assert missed == 1
        assert self.may_open.wait(SOON_S)
        self.wires.append(Wire())
        self.opened.release()
        return self.wires[-1]

    def meet(self) -> None:
        if self.silent:
            raise Unreachable("silent")


class Bench:
    def __init__(self) -> None:
        self.host = Host()
        self.told = threading.Event()
        self.pulse = Pulse(cast("Any", self.host), self.told.set)

    def opened(self) -> Wire:
        self.pulse.keep()
        assert self.host.opened.acquire(timeout=SOON_S)
        return self.host.wires[-1]


@pytest.fixture
def bench() -> Any:
    made = Bench()
    yield made
    made.pulse.close()


def test_its_end_is_told_and_a_knock_decides(bench: Bench) -> None:
    wire = bench.opened()
    wire.alive = False
    assert bench.told.wait(SOON_S)
    assert bench.pulse.silent
    assert wire.closed.wait(SOON_S)
    bench.host.silent = True
    with pytest.raises(Unreachable):
        bench.pulse.look()
    assert bench.pulse.silent
    bench.host.silent = False
    bench.pulse.look()
    assert not bench.pulse.silent
    assert bench.opened() is not wire


def test_it_is_opened_once(bench: Bench) -> None:
    bench.opened()
    bench.pulse.keep()
    assert len(bench.host.wires) == 1


def test_nobody_waits_for_one_that_does_not_open(bench: Bench) -> None:
    bench.host.may_open.clear()
    bench.pulse.keep()
    bench.pulse.keep()
    assert not bench.pulse.silent
    bench.pulse.close()
    bench.host.may_open.set()
    assert bench.host.opened.acquire(timeout=SOON_S)
    assert bench.host.wires[-1].closed.wait(SOON_S)
