"""What a guest says to nobody is kept up to a limit, and what is left out is told."""

import threading

from anypool.drivers.libvirt.serial import Backlog


def test_what_was_said_is_taken_once_in_order() -> None:
    backlog = Backlog()
    backlog.put(b"tick 1\n")
    backlog.put(b"tick 2\n")
    assert backlog.take(0) == b"tick 1\ntick 2\n"
    assert backlog.take(0) == b""


def test_too_much_is_left_out_and_told() -> None:
    backlog = Backlog(most_bytes=10)
    backlog.put(b"0123456")
    backlog.put(b"789abc")
    backlog.put(b"def")
    assert backlog.take(0) == b"0123456789\r\n[6 bytes left out]\r\n"
    backlog.put(b"and on")
    assert backlog.take(0) == b"and on"


def test_the_end_wakes_who_waits_and_loses_nothing() -> None:
    backlog = Backlog()
    taken: list[bytes] = []
    waiting = threading.Thread(target=lambda: taken.append(backlog.take(30)))
    waiting.start()
    backlog.end()
    waiting.join(10)
    assert taken == [b""]
    assert backlog.ended
    backlog.put(b"last words")
    assert backlog.take(30) == b"last words"
