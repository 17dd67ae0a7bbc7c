"""One worker process as the manager sees it: calls go in, replies or its end come out."""

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from msgspec import MsgspecError, Raw

from anypool.drivers import doors
from anypool.drivers.wire import (
    REPLIES,
    Abandon,
    Call,
    Close,
    Mandate,
    Open,
    Order,
    Reply,
    WireError,
    no_answer,
    read_frame,
    to_frame,
)

COMMAND = (sys.executable, "-P", "-m", "anypool.drivers.worker")
_END_S = 5.0


class Pending:
    """A call without an answer yet; `done` is set when there is a `reply`, or will be none."""

    def __init__(self, number: int, key: str, operation: str) -> None:
        self.number = number
        self.key = key
        self.operation = operation
        self.done = threading.Event()
        self.reply: Reply | None = None
        self.sent = False
        self.abandoned = False


class WorkerProcess:
    """A running worker with a thread that writes to it and one that reads from it.

    Start it from a thread that lives as long as the manager: the kernel ends a worker
    when the thread that started it ends. `on_end` is called once, when it is over.
    """

    def __init__(
        self, limit_bytes: int, log: Path | None, on_end: Callable[["WorkerProcess"], None]
    ) -> None:
        self._limit = limit_bytes
        self._on_end = on_end
        self._lock = threading.Lock()
        self._pending: dict[int, Pending] = {}
        self._opened: set[str] = set()
        self._number = 0
        self._outbox: queue.SimpleQueue[tuple[Order, Pending | None] | None] = queue.SimpleQueue()
        self.retired = False
        self.ended = False
        self._over = threading.Event()
        self._process = _spawn(limit_bytes, log)
        for target, name in ((self._write, "write"), (self._read, "read")):
            threading.Thread(target=target, name=f"worker-{name}", daemon=True).start()

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    @property
    def usable(self) -> bool:
        """Return whether new calls may be given to it."""
        return not (self.retired or self.ended)

    def tell(self, mandate: Mandate) -> None:
        """Let the worker know for whom it acts, and until when; quiet if it has ended."""
        with self._lock:
            if not self.ended:
                self._outbox.put((mandate, None))

    def ask(
        self, order: Open, operation: str, arguments: Raw, *, since: str = "", epoch: int = 0
    ) -> Pending:
        """Begin a call; raise `Unreachable` if the worker has ended."""
        with self._lock:
            if self.ended:
                raise no_answer(operation, False, "its worker has ended")
            if order.key not in self._opened:
                self._opened.add(order.key)
                self._outbox.put((order, None))
            self._number += 1
            pending = Pending(self._number, order.key, operation)
            self._pending[pending.number] = pending
            call = Call(
                number=pending.number,
                key=order.key,
                operation=operation,
                arguments=arguments,
                since=since,
                epoch=epoch,
            )
            self._outbox.put((call, pending))
        return pending

    def give_up(self, pending: Pending) -> bool:
        """Stop waiting for a call; return whether it was sent."""
        with self._lock:
            self._pending.pop(pending.number, None)
            pending.abandoned = True
            over = self.retired and not self._pending
        if over:
            self.kill()
        return pending.sent

    def abandon(self, key: str) -> None:
        """Let the worker refuse what waits for a connection; what reached its driver goes on."""
        with self._lock:
            if key in self._opened and not self.ended:
                self._outbox.put((Abandon(key=key), None))

    def close_connection(self, key: str) -> None:
        """Let the worker give a connection back."""
        with self._lock:
            if key in self._opened and not self.ended:
                self._opened.discard(key)
                self._outbox.put((Close(key=key), None))

    def retire(self) -> None:
        """Take no new calls, and end when those under way are answered or given up."""
        with self._lock:
            self.retired = True
            over = not self._pending
        if over:
            self.kill()

    def kill(self) -> None:
        """End the process now, also one that is stopped; its calls stay without an answer."""
        self._process.kill()

    def join(self) -> None:
        """Wait for the end of the process after `kill`."""
        self._over.wait(_END_S)

    def _write(self) -> None:
        pipe = _pipe(self._process.stdin)
        while (item := self._outbox.get()) is not None:
            order, pending = item
            if pending is not None and not self._mark_sent(pending):
                continue
            try:
                pipe.write(to_frame(order, self._limit))
                pipe.flush()
            except OSError:
                break
            except WireError:
                if pending is not None:
                    pending.sent = False
                    self._settle(pending.number, None)
        with suppress(OSError):
            pipe.close()

    def _mark_sent(self, pending: Pending) -> bool:
        with self._lock:
            pending.sent = not pending.abandoned
            return pending.sent

    def _read(self) -> None:
        pipe = _pipe(self._process.stdout)
        try:
            while (body := read_frame(pipe.read, self._limit)) is not None:
                reply = REPLIES.decode(body)
                self._settle(reply.number, reply)
        except (OSError, WireError, MsgspecError):
            self.kill()
        finally:
            self._end()
            pipe.close()

    def _settle(self, number: int, reply: Reply | None) -> None:
        with self._lock:
            pending = self._pending.pop(number, None)
            over = self.retired and not self._pending
        if pending is not None:
            pending.reply = reply
            pending.done.set()
        if over:
            self.kill()

    def _end(self) -> None:
        self.kill()
        with suppress(subprocess.TimeoutExpired):  # stuck in the kernel: it dies on waking up
            self._process.wait(_END_S)
        doors.sweep(self.pid)
        with self._lock:
            self.ended = True
            left = tuple(self._pending.values())
            self._pending.clear()
        self._outbox.put(None)
        self._on_end(self)
        for pending in left:
            pending.done.set()
        self._over.set()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _spawn(limit_bytes: int, log: Path | None) -> "subprocess.Popen[bytes]":
    """Start a worker: nothing but numbers in its arguments, nothing of ours in its environment."""
    path = os.devnull if log is None else os.fspath(log)
    stderr = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    arguments = [*COMMAND, str(os.getpid()), str(limit_bytes)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ANYPOOL_")}
    try:
        return subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=environment,
            cwd="/",
        )
    finally:
        os.close(stderr)
