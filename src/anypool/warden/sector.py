"""One sector of a file on shared storage: read and written whole, past every cache.

A sector holds a line that names the format, the length and the SHA-256 of what follows, then
JSON, then zeros. What does not check is no record: torn, being written, or of another format.
"""

from __future__ import annotations

import errno
import hashlib
import json
import mmap
import os
from typing import Any

BYTES = 4096
"""One sector of any disk of today, so that a write of it is there as a whole or not at all."""
_MAGIC = "anypool-lease-1"
_PAST_THE_CACHE = getattr(os, "O_DIRECT", 0)  # wardens run on Linux; who reads of them need not
_STORED = os.O_DSYNC


class Torn(ValueError):
    """A sector that holds no record that checks: what it said is not known."""


def encode(record: dict[str, Any]) -> bytes:
    """Return a record as one sector; raise `ValueError` if it does not fit."""
    body = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
    head = f"{_MAGIC} {len(body)} {hashlib.sha256(body).hexdigest()}\n".encode()
    if len(head) + len(body) > BYTES:
        raise ValueError("a record ends at one sector")
    return (head + body).ljust(BYTES, b"\0")


def decode(sector: bytes) -> dict[str, Any]:
    """Return the record of a sector; raise `Torn`."""
    head, _, rest = sector.partition(b"\n")
    try:
        magic, length, digest = head.decode("ascii").split(" ")
        body = rest[: int(length)]
        if magic != _MAGIC or hashlib.sha256(body).hexdigest() != digest:
            raise Torn("the sector does not check")
        record = json.loads(body)
    except (ValueError, UnicodeDecodeError) as problem:
        raise Torn("the sector holds no record") from problem
    if not isinstance(record, dict):
        raise Torn("the sector holds no record")
    return record


def read(path: str) -> bytes:
    """Return the first sector of a file; raise `OSError`."""
    handle = _opened(path, os.O_RDONLY)
    try:
        with mmap.mmap(-1, BYTES) as page:
            count = os.preadv(handle, [page], 0)
            return page[:count]
    finally:
        os.close(handle)


def overwrite(path: str, sector: bytes) -> None:
    """Write the sector of a file that is there; return once it is stored. Raise `OSError`."""
    handle = _opened(path, os.O_WRONLY)
    try:
        _put(handle, sector)
    finally:
        os.close(handle)


def create(path: str, sector: bytes) -> bool:
    """Make a file with this sector; return False if there is one. Raise `OSError`.

    It appears with its content or not at all, and one of several hosts wins: the file is
    written under a name of its own, and linked.
    """
    own = f"{path}.{os.urandom(8).hex()}.making"
    handle = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _STORED, 0o644)
    try:
        _put(handle, sector)
        os.link(own, path)
    except FileExistsError:
        return False
    finally:
        os.close(handle)
        os.unlink(own)
    _sync_folder(os.path.dirname(path))
    return True


def _put(handle: int, sector: bytes) -> None:
    with mmap.mmap(-1, BYTES) as page:
        page[:] = sector
        if os.pwritev(handle, [page], 0) != BYTES:
            raise OSError(errno.EIO, "a sector was written in part")


def _opened(path: str, flags: int) -> int:
    """Open past the cache where the file system can; a write then waits for the storage."""
    flags |= _STORED if flags & os.O_WRONLY else 0
    try:
        return os.open(path, flags | _PAST_THE_CACHE)
    except OSError as problem:
        if problem.errno != errno.EINVAL:
            raise
        return os.open(path, flags)


def _sync_folder(folder: str) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if _STORED:
            os.fsync(handle)
    finally:
        os.close(handle)
