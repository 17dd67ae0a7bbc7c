"""Local sockets whose path may be longer than a socket's address may be."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def connected(path: Path) -> socket.socket:
    """Connect to a local socket; raise `OSError` as the system does."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(path) as address:
            connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def listening(path: Path, waiting: int) -> socket.socket:
    """Return a new local socket, at which so many may wait to be let in."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _short(path) as address:
        listener.bind(address)
    listener.listen(waiting)
    return listener


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Yield an address of a path: it ends at 107 characters; over a descriptor it is short."""
    folder = os.open(path.parent, os.O_PATH)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
