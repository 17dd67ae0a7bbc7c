"""A new file that is there as a whole or not at all, also after `kill -9` or a full disk."""

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from anypool.errors import Conflict, StoreFailed

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


@contextmanager
def new_file(path: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """Give an empty file beside `path` to be written; it is put there when the block ends.

    Its mode is 0600. If the block raises, nothing is left. Raise `Conflict` if `path` is
    there already, `StoreFailed` if it cannot be written.
    """
    if path.exists():
        raise _taken(path)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        sweep(path)
        handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(handle, "w+b") as file:
            with suppress(OSError):  # where locks are not known, nobody sweeps either
                fcntl.flock(file, fcntl.LOCK_EX)
            yield part, file
            file.flush()
            os.fsync(file.fileno())
            _put(part, path)
    except FileExistsError as error:
        raise _taken(path) from error
    except OSError as error:
        raise StoreFailed(
            f"{path} cannot be written: {error.strerror or error}",
            hint="its folder must exist, be writable and have room; nothing was left behind",
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def sweep(path: Path) -> None:
    """Remove what was left of that name by those who were killed; others stay."""
    for part in path.parent.glob(f".{path.name}.*.part"):
        with suppress(OSError), part.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()


def sync_folder(folder: Path) -> None:
    """Make sure that the names in a folder outlast a loss of power."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network folders cannot
            raise
    finally:
        os.close(handle)


def _put(part: Path, path: Path) -> None:
    try:
        os.link(part, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if path.exists():
            raise _taken(path) from error
        os.rename(part, path)
    sync_folder(path.parent)


def _taken(path: Path) -> Conflict:
    return Conflict(f"{path} is there already", hint="choose another name")
