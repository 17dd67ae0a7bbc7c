"""A lock that ends with the process that holds it: the proof that a manager is gone.

Only for SQLite, whose users share one machine: the kernel releases the lock when the
process ends, not before. A closed connection to PostgreSQL proves nothing.
"""

import fcntl
import os
from pathlib import Path

from anypool.errors import StoreFailed


class Guard:
    """An advisory lock on a file of its own; SQLite's locks on the database stay untouched."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def take(self) -> bool:
        """Take the lock; False while another process holds it; True again if it is ours."""
        if self._handle is not None:
            return True
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreFailed(
                f"cannot open {self._path}: {error.strerror}",
                hint="make the file and its directory writable for this user",
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def give(self) -> None:
        """Release the lock; harmless when it is not held."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
