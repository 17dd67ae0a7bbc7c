"""Talking to a blade's QEMU: orders to its monitor, and what it says of itself."""

import json
import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anypool.errors import Conflict, Unreachable
from anypool.lab.local_socket import connected

_TIMEOUT_S = 5.0
_LOOK_AGAIN_S = 0.02


class Monitor:
    """One connection to a monitor's socket, greeted and ready."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._rest = b""
        self._events: list[dict[str, Any]] = []
        self._answer(_TIMEOUT_S, "QMP")
        self.order("qmp_capabilities")

    def order(self, command: str, **arguments: object) -> Any:
        """Have one command carried out; raises `Unreachable`, or `Conflict` when it is refused."""
        words = {"execute": command} | ({"arguments": arguments} if arguments else {})
        self._connection.sendall(json.dumps(words).encode() + b"\n")
        answer = self._answer(_TIMEOUT_S, "return", "error")
        if "error" in answer:
            raise Conflict(f"the machine refuses {command}: {answer['error']['desc']}")
        return answer["return"]

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield what it tells, until it ends."""
        while True:
            yield from self._events
            self._events.clear()
            try:
                found = self._message(None)
            except Unreachable:
                return
            self._events.append(found)

    def _answer(self, timeout_s: float, *kinds: str) -> dict[str, Any]:
        deadline = time.monotonic() + timeout_s
        while True:
            found = self._message(deadline - time.monotonic())
            if any(kind in found for kind in kinds):
                return found
            self._events.append(found)

    def _message(self, timeout_s: float | None) -> dict[str, Any]:
        while b"\n" not in self._rest:
            ready = timeout_s is None or timeout_s > 0
            if timeout_s is not None:
                ready = bool(select.select([self._connection], [], [], max(timeout_s, 0))[0])
            try:
                piece = self._connection.recv(65536) if ready else b""
            except ConnectionError:
                piece = b""
            if not piece:
                raise Unreachable("the machine's monitor does not answer", hint="does it run?")
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found


@contextmanager
def monitor(path: Path, *, wait_s: float = 0.0) -> Iterator[Monitor]:
    """Connect to the monitor at `path`, for at most `wait_s` seconds; raises `Unreachable`."""
    with _patient(path, wait_s) as connection:
        yield Monitor(connection)


def _patient(path: Path, wait_s: float) -> socket.socket:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            return connected(path)
        except OSError as problem:
            if time.monotonic() >= deadline:
                raise Unreachable("the machine does not run") from problem
            time.sleep(_LOOK_AGAIN_S)
