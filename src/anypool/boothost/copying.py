"""Copying disks: by reference where the file system can, else what is not a hole, with progress."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable

_FICLONE = 0x40049409
_BLOCK = 4 << 20

Told = Callable[[int, int], None]


def copied(source: str, target: str, told: Told) -> bool:
    """Copy a file so that the target appears whole; return whether blocks are shared.

    `told` is called with the bytes that are done and with those of the whole. A target that
    is there is replaced. Raises `OSError`; nothing is left then.
    """
    made = f"{target}.new"
    try:
        with open(source, "rb") as reading, open(made, "wb") as writing:
            size = os.fstat(reading.fileno()).st_size
            shared = _shared(reading.fileno(), writing.fileno())
            if not shared:
                _spread(reading.fileno(), writing.fileno(), size, told)
            writing.flush()
            os.fsync(writing.fileno())
        os.replace(made, target)
    finally:
        if os.path.exists(made):
            os.unlink(made)
    told(size, size)
    return shared


def _shared(source: int, target: int) -> bool:
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def _spread(source: int, target: int, size: int, told: Told) -> None:
    """Copy what is not a hole."""
    os.truncate(target, size)
    at = 0
    while at < size:
        try:
            at = os.lseek(source, at, os.SEEK_DATA)
        except OSError:  # only a hole is left
            return
        end = os.lseek(source, at, os.SEEK_HOLE)
        while at < end:
            block = os.pread(source, min(_BLOCK, end - at), at)
            if not block:
                return
            os.pwrite(target, block, at)
            at += len(block)
            told(at, size)
