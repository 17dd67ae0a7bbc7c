"""Connections: looks never wait behind deeds, and a broken one is seen by who works on it."""

from contextlib import ExitStack
from threading import Event, Thread
from typing import Any, cast

import pytest

pytest.importorskip("libvirt")

from anypool.drivers.libvirt.lanes import DEEDS_BESIDE_LOOKS, DEEDS_PER_LANE, LANES, Lanes
from anypool.errors import Unreachable


class Wire:
    """A connection as far as lanes know one."""

    def __init__(self) -> None:
        self.alive = True
        self.closed = False

    def isAlive(self) -> bool:
        return self.alive

    def close(self) -> None:
        self.closed = True


class Host:
    """Opens connections, and notes them; refuses when it is told to."""

    def __init__(self) -> None:
        self.wires: list[Wire] = []
        self.full = False

    def open(self) -> Any:
        if self.full:
            raise Unreachable("no more clients")
        self.wires.append(Wire())
        return self.wires[-1]


class Deeds:
    """Deeds that go on, each in a thread of its own, until all are ended."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._end = Event()
        self._threads: list[Thread] = []

    def begin(self) -> Wire | None:
        """Begin one more and return the further connection it works on, None for the first."""
        found: list[Any] = []
        begun = Event()

        def go() -> None:
            with self._lanes.taken():
                found.append(self._lanes.mine())
                begun.set()
                self._end.wait(10)

        self._threads.append(Thread(target=go))
        self._threads[-1].start()
        assert begun.wait(10)
        return cast("Wire | None", found[0])

    def end(self) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(10)


@pytest.fixture
def host() -> Host:
    return Host()


def test_few_deeds_share_the_connection_of_the_looks(host: Host) -> None:
    lanes = Lanes(host.open)
    deeds = Deeds(lanes)
    assert [deeds.begin() for _ in range(DEEDS_BESIDE_LOOKS)] == [None] * DEEDS_BESIDE_LOOKS
    deeds.end()
    assert not host.wires
    assert lanes.mine() is None


def test_no_connection_has_more_deeds_than_room_until_all_are_full(host: Host) -> None:
    deeds = Deeds(Lanes(host.open))
    room = DEEDS_BESIDE_LOOKS + LANES * DEEDS_PER_LANE
    used = [deeds.begin() for _ in range(room)]
    assert len(host.wires) == LANES
    assert [used.count(wire) for wire in host.wires] == [DEEDS_PER_LANE] * LANES
    deeds.begin()
    assert len(host.wires) == LANES, "the next one shares"
    deeds.end()


def test_room_is_given_back_and_kept_for_what_goes_on(host: Host) -> None:
    lanes = Lanes(host.open, most=1)
    releases = []
    with ExitStack() as stack:
        for _ in range(DEEDS_BESIDE_LOOKS):
            stack.enter_context(lanes.taken())
            releases.append(lanes.hold())
    deeds = Deeds(lanes)
    assert deeds.begin() is host.wires[0], "the first is still held"
    for release in releases:
        release()
    assert deeds.begin() is host.wires[0], "more room there"
    assert deeds.begin() is None, "equally much room: the first"
    deeds.end()


def test_a_host_that_takes_no_more_clients_is_worked_on_all_the_same(host: Host) -> None:
    host.full = True
    deeds = Deeds(Lanes(host.open))
    assert {deeds.begin() for _ in range(9)} == {None}
    deeds.end()


def test_a_broken_connection_is_seen_by_its_deed_and_used_by_no_other(host: Host) -> None:
    lanes = Lanes(host.open)
    first = Deeds(lanes)
    for _ in range(DEEDS_BESIDE_LOOKS):
        first.begin()
    with lanes.taken():
        broken = host.wires[0]
        broken.alive = False
        assert cast(Any, lanes.mine()) is broken
        second = Deeds(lanes)
        assert second.begin() is host.wires[1]
        assert broken.closed
    lanes.close()
    assert host.wires[1].closed
    first.end()
    second.end()


def test_a_simulated_host_is_never_connected_to_twice(host: Host) -> None:
    deeds = Deeds(Lanes(host.open, most=0))
    assert {deeds.begin() for _ in range(9)} == {None}
    deeds.end()
    assert not host.wires
