"""The worker process: speaks to endpoints for the manager, and may be killed at any moment.

Run as `python -m anypool.drivers.worker PARENT LIMIT`: the manager's process id and the
longest frame in bytes. Orders come on standard input, replies go to standard output; a
thread per call, so that a call that hangs holds up nobody else. Whatever a vendor's
library prints goes to standard error. The worker ends when the manager does: by the end
of its input, or by a signal of the kernel.
"""

import ctypes
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from typing import BinaryIO

from msgspec import Raw

from anypool.drivers import observing, registry
from anypool.drivers.protocol import Driver
from anypool.drivers.wire import (
    ENCODER,
    ORDERS,
    SIGNATURES,
    Answer,
    Call,
    Close,
    Open,
    WireError,
    failure_of,
    read_frame,
    to_frame,
)
from anypool.errors import AnypoolError, Invalid, Unreachable

_PR_SET_PDEATHSIG = 1


class Connection:
    """One endpoint: connected at the first call, and not again unless that failed."""

    def __init__(self, order: Open) -> None:
        self._order = order
        self._lock = threading.Lock()
        self._driver: Driver | None = None

    def driver(self, operation: str) -> Driver:
        """Return the driver for an operation, connecting if need be.

        Raises what `registry.connect` raises, and `NotSupported` for a deed on an endpoint
        that is observe-only: no mistake of the manager reaches the driver then.
        """
        if self._order.endpoint.observe_only and operation not in observing.LOOKS:
            raise observing.refused(self._order.endpoint, operation)
        with self._lock:
            if self._driver is None:
                self._driver = registry.connect(self._order.endpoint, self._order.secret)
            return self._driver

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            driver, self._driver = self._driver, None
        if driver is not None:
            driver.close()


class Worker:
    """Takes orders until the input ends."""

    def __init__(self, send: Callable[[bytes], None], limit_bytes: int) -> None:
        self._send = send
        self._limit = limit_bytes
        self._connections: dict[str, Connection] = {}

    def take(self, body: bytes) -> None:
        """Carry one order out, or begin to."""
        match ORDERS.decode(body):
            case Open() as order:
                self._connections[order.key] = Connection(order)
            case Call() as call:
                threading.Thread(target=self._answer, args=(call,), daemon=True).start()
            case Close(key=key):
                if (connection := self._connections.pop(key, None)) is not None:
                    threading.Thread(target=connection.close, daemon=True).start()

    def _answer(self, call: Call) -> None:
        try:
            reply = to_frame(self._do(call), self._limit)
        except WireError as error:
            refused = Unreachable(f"the answer cannot be sent: {error}", hint="raise the limit")
            reply = to_frame(failure_of(call.number, call.operation, refused), self._limit)
        except Exception as error:  # noqa: BLE001 - a driver's bug must not end the worker
            if not isinstance(error, AnypoolError):
                traceback.print_exc()
            reply = to_frame(failure_of(call.number, call.operation, error), self._limit)
        self._send(reply)

    def _do(self, call: Call) -> Answer:
        try:
            arguments = SIGNATURES[call.operation].arguments(call.arguments)
        except WireError as error:
            raise Invalid(f"{call.operation} cannot be asked like that: {error}") from error
        connection = self._connections[call.key]
        driver = connection.driver(call.operation)
        result = getattr(driver, call.operation)(*arguments)
        return Answer(number=call.number, result=Raw(ENCODER.encode(result)))


def main(parent: int, limit_bytes: int) -> None:
    """Serve the manager `parent` until it ends."""
    _die_with(parent)
    source, sink = _take_pipes()
    writing = threading.Lock()

    def send(frame: bytes) -> None:
        with writing:
            sink.write(frame)
            sink.flush()

    worker = Worker(send, limit_bytes)
    try:
        while (body := read_frame(source.read, limit_bytes)) is not None:
            worker.take(body)
    finally:
        os._exit(0)


def _die_with(parent: int) -> None:
    """Let the kernel kill this process when the manager's spawning thread ends.

    Only Linux does that; elsewhere the end of the input ends it, unless it hangs.
    """
    if (prctl := getattr(ctypes.CDLL(None), "prctl", None)) is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Keep the two pipes for frames alone: reading finds nothing, printing goes to the log."""
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return source, sink


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
