"""Doors: private sockets where the manager meets a console that only a worker can reach.

A door is a unix socket in a folder with a random name that only our own user can enter.
One visitor is let in; socket and folder go away when they come, or when nobody does.
What a killed worker could not remove, `sweep` removes.
"""

import contextlib
import os
import shutil
import socket
import stat
import tempfile
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

from anypool.errors import Busy, Rejected

WAIT_S = 30.0
"""How long a door waits for its visitor."""
MOST = 64
_PREFIX = "anypool-console-"


class Doors:
    """The doors of one endpoint, at most `MOST` at a time, those with a visitor included."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: set[socket.socket] = set()
        self._inside: set[socket.socket] = set()

    def open(self, serve: Callable[[socket.socket], None], *, wait_s: float = WAIT_S) -> str:
        """Return the path of a new door; `serve` is called with its visitor in a thread.

        The visitor is sent away when `serve` returns. Raises `Busy` if too many are open,
        `Rejected` where there can be no such socket.
        """
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with self._lock:
            full = len(self._waiting) + len(self._inside) >= MOST
            if not full:
                self._waiting.add(listener)
        if full:
            listener.close()
            raise Busy(f"{MOST} consoles are open here already", hint="close some of them")
        folder = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")
        remove = weakref.finalize(listener, shutil.rmtree, folder, ignore_errors=True)
        path = f"{folder}/door"
        try:
            listener.bind(path)
            listener.listen(1)
        except OSError as error:
            self._stop_waiting(listener)
            remove()
            raise Rejected(f"no console at {path}: {error}", hint="set TMPDIR to /tmp") from error
        listener.settimeout(wait_s)

        def attend() -> None:
            visitor = self._visitor(listener)
            remove()
            if visitor is not None:
                self._serve(visitor, serve)

        threading.Thread(target=attend, name="console", daemon=True).start()
        return path

    def close(self) -> None:
        """Close every door and send all visitors away; harmless when repeated."""
        with self._lock:
            waiting, self._waiting = self._waiting, set()
            for visitor in self._inside:
                with contextlib.suppress(OSError):
                    visitor.shutdown(socket.SHUT_RDWR)
        for listener in waiting:
            _wake(listener)

    def _visitor(self, listener: socket.socket) -> socket.socket | None:
        try:
            visitor, _ = listener.accept()
        except OSError:
            self._stop_waiting(listener)
            return None
        visitor.settimeout(None)
        if self._stop_waiting(listener, visitor):
            return visitor
        visitor.close()
        return None

    def _stop_waiting(self, listener: socket.socket, visitor: socket.socket | None = None) -> bool:
        with self._lock:
            wanted = listener in self._waiting
            self._waiting.discard(listener)
            if wanted and visitor is not None:
                self._inside.add(visitor)
        listener.close()
        return wanted

    def _serve(self, visitor: socket.socket, serve: Callable[[socket.socket], None]) -> None:
        try:
            with contextlib.suppress(OSError):
                serve(visitor)
        finally:
            with self._lock:
                self._inside.discard(visitor)
            visitor.close()


def _wake(listener: socket.socket) -> None:
    """Let a door's thread see that it is closed."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as knock:
        knock.setblocking(False)
        knock.connect(listener.getsockname())


def is_ours(path: str) -> bool:
    """Return whether a path is that of a door: a socket of ours where only we can go."""
    place, folder = Path(path), Path(path).parent
    if not folder.name.startswith(_PREFIX) or str(folder.parent) != tempfile.gettempdir():
        return False
    try:
        inside, outside = place.lstat(), folder.lstat()
    except OSError:
        return False
    private = stat.S_ISDIR(outside.st_mode) and stat.S_IMODE(outside.st_mode) == 0o700
    own = inside.st_uid == outside.st_uid == os.geteuid()
    return private and own and stat.S_ISSOCK(inside.st_mode)


def sweep(worker: int) -> None:
    """Remove the doors of a worker process that has ended."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}{worker}-*"):
        shutil.rmtree(folder, ignore_errors=True)
