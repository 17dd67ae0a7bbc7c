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

from anypool import heaps
from anypool.clock import SystemClock
from anypool.drivers import observing, registry
from anypool.drivers.delta import Sent
from anypool.drivers.mandate import Acting, Held, KeepsToken, acting
from anypool.drivers.protocol import Driver
from anypool.drivers.wire import (
    ENCODER,
    ORDERS,
    SIGNATURES,
    Abandon,
    Answer,
    Call,
    Close,
    Mandate,
    Open,
    WireError,
    failure_of,
    read_frame,
    to_frame,
)
from anypool.errors import AnypoolError, Invalid, Unreachable

_PR_SET_PDEATHSIG = 1


class Connection:
    """One endpoint: connected at the first call, and not again unless that failed.

    Calls wait while one of them connects. `sent` is what the last full reading said.
    """

    def __init__(self, order: Open) -> None:
        self._order = order
        self._turn = threading.Condition()
        self._connecting = False
        self._given_up = False
        self._waiting: dict[int, str] = {}
        self._driver: Driver | None = None
        self._claiming = threading.Lock()
        self._claimed = 0
        self.sent = Sent()

    def driver(self, call: Call) -> Driver:
        """Return the driver for a call, connecting if need be.

        Raises what `registry.connect` raises, and `NotSupported` for a deed on an endpoint
        that is observe-only: no mistake of the manager reaches the driver then.
        """
        if self._order.endpoint.observe_only and call.operation not in observing.LOOKS:
            raise observing.refused(self._order.endpoint, call.operation)
        with self._turn:
            self._waiting[call.number] = call.operation
            self._turn.wait_for(lambda: not self._connecting or self._given_up)
            if self._given_up:
                raise _given_up()
            if self._driver is not None:
                del self._waiting[call.number]
                return self._driver
            self._connecting = True
        return self._connect(call)

    def _connect(self, call: Call) -> Driver:
        made: Driver | None = None
        try:
            made = registry.connect(self._order.endpoint, self._order.secret)
        finally:
            with self._turn:
                self._connecting = False
                self._waiting.pop(call.number, None)
                late = self._given_up
                self._driver = None if late else made
                self._turn.notify_all()
        if late:
            made.close()
            raise _given_up()
        return made

    def claim(self, driver: Driver, held: Mandate | None) -> None:
        """Let the platform know the epoch, before anything is asked of it in that epoch.

        What the successor of a manager sees there is not changed by its predecessor then.
        """
        if held is None or held.epoch <= self._claimed or self._order.endpoint.observe_only:
            return
        if not isinstance(driver, KeepsToken):
            return
        with self._claiming:
            if held.epoch > self._claimed:
                driver.claim(held.site, held.epoch)
                self._claimed = held.epoch

    def give_up(self) -> dict[int, str]:
        """Let no call begin any more; return those that wait, number and operation.

        They have not reached the driver and never will: they may be refused at once.
        """
        with self._turn:
            self._given_up = True
            waiting, self._waiting = self._waiting, {}
            self._turn.notify_all()
            return waiting

    def close(self) -> None:
        """Give the connection back."""
        with self._turn:
            driver, self._driver = self._driver, None
        if driver is not None:
            driver.close()


def _given_up() -> Unreachable:
    return Unreachable("the connection was given up", hint="it is tried again in a moment")


class Worker:
    """Takes orders until the input ends."""

    def __init__(self, send: Callable[[bytes], None], limit_bytes: int) -> None:
        self._send = send
        self._limit = limit_bytes
        self._connections: dict[str, Connection] = {}
        self._held = Held(SystemClock().monotonic)

    def take(self, body: bytes) -> None:
        """Carry one order out, or begin to."""
        match ORDERS.decode(body):
            case Open() as order:
                self._connections[order.key] = Connection(order)
            case Call() as call:
                threading.Thread(target=self._answer, args=(call,), daemon=True).start()
            case Mandate() as mandate:
                self._held.mandate = mandate
            case Abandon(key=key):
                self._abandon(key)
            case Close(key=key):
                if (connection := self._connections.pop(key, None)) is not None:
                    threading.Thread(target=connection.close, daemon=True).start()

    def _abandon(self, key: str) -> None:
        """Refuse what waits for a connection; other calls, and those it began, go on."""
        connection = self._connections.get(key)
        for number, operation in connection.give_up().items() if connection else ():
            refused = failure_of(number, operation, _given_up())
            self._send(to_frame(refused, self._limit))

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
        deed = Acting(self._held, call.epoch)
        driver = connection.driver(call)
        connection.claim(driver, self._held.mandate)
        if call.operation not in observing.LOOKS:
            deed.check(call.operation.replace("_", " "))
        with acting(deed):
            result = getattr(driver, call.operation)(*arguments)
        if call.operation == "observe":
            result = connection.sent.difference(result, call.since)
        return Answer(number=call.number, result=Raw(ENCODER.encode(result)))


def main(parent: int, limit_bytes: int) -> None:
    """Serve the manager `parent` until it ends."""
    _die_with(parent)
    heaps.share()
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
