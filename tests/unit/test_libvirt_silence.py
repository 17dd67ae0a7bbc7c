"""A libvirt host that does not answer: how long it is knocked at, and by whom."""

import socket
from typing import Any

import pytest

pytest.importorskip("libvirt")

from anypool.drivers.changelog import ChangeLog
from anypool.drivers.libvirt import connect
from anypool.drivers.libvirt.connect import PROBE_AGAIN_S, PROBE_TIMEOUT_S, Session
from anypool.errors import Unreachable
from anypool.model import Endpoint, EndpointId


class Network:
    """What a host says to somebody who knocks; counts the knocks by their patience."""

    def __init__(self, answer: Exception | None) -> None:
        self.answer = answer
        self.knocks: list[float] = []

    def connect(self, _: object, patience_s: float) -> Any:
        self.knocks.append(patience_s)
        if self.answer is not None:
            raise self.answer
        return socket.socket()


def session() -> Session:
    endpoint = Endpoint(id=EndpointId("e"), driver="libvirt", uri="qemu+tcp://10.0.0.1/system")
    return Session(endpoint, "")


def network(monkeypatch: pytest.MonkeyPatch, answer: Exception | None) -> Network:
    made = Network(answer)
    monkeypatch.setattr(connect.socket, "create_connection", made.connect)
    return made


def test_silence_is_not_found_out_twice_in_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    there, mine = network(monkeypatch, TimeoutError()), session()
    for _ in range(3):
        with pytest.raises(Unreachable):
            mine.meet()
    assert there.knocks == [PROBE_TIMEOUT_S]
    monkeypatch.setattr(connect, "REST_S", 0.0)
    with pytest.raises(Unreachable):
        mine.meet()
    assert len(there.knocks) == 2


def test_refusal_is_quick_and_so_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    there, mine = network(monkeypatch, ConnectionRefusedError()), session()
    for _ in range(2):
        with pytest.raises(Unreachable):
            mine.meet()
    assert len(there.knocks) == 2


def test_host_that_answered_before_is_knocked_at_for_less_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there, mine = network(monkeypatch, TimeoutError()), session()
    mine._met = True
    with pytest.raises(Unreachable):
        mine.meet()
    assert there.knocks == [PROBE_AGAIN_S]


def test_one_that_answers_again_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    network(monkeypatch, None)
    session().meet()


def test_stirred_log_returns_without_news() -> None:
    log = ChangeLog()
    log.stir()
    assert not log.wait(0, 60)
    log.note(None)
    assert log.wait(0, 60)
