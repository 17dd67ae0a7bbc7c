"""The file that lets a simulated world outlive its process and be shared by several.

The file is a row of frames: four bytes of length, then msgpack of (table, key, row).
Who holds the lock file reads what others appended, changes the world and appends that;
a torn last frame, left by a killed process, is cut off by the next writer.
"""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

Change = tuple[str, str, bytes]
_LENGTH = struct.Struct("<I")
_CHANGE = msgspec.msgpack.Decoder(Change)


class Journal:
    """One open state file; used under its own `locked`."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._offset = 0

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes away from the file meanwhile."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def news(self) -> list[Change]:
        """Return what was appended since this process last looked."""
        size = os.fstat(self._file).st_size
        if size == self._offset:
            return []
        data = os.pread(self._file, size - self._offset, self._offset)
        changes, used = _parse(data)
        self._offset += used
        if used < len(data):
            os.ftruncate(self._file, self._offset)
        return changes

    def append(self, changes: list[Change]) -> None:
        """Add changes in one write."""
        frames = []
        for change in changes:
            body = msgspec.msgpack.encode(change)
            frames.append(_LENGTH.pack(len(body)) + body)
        data = b"".join(frames)
        written = 0
        while written < len(data):
            written += os.pwrite(self._file, data[written:], self._offset + written)
        self._offset += len(data)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _parse(data: bytes) -> tuple[list[Change], int]:
    changes: list[Change] = []
    position = 0
    while position + _LENGTH.size <= len(data):
        (length,) = _LENGTH.unpack_from(data, position)
        end = position + _LENGTH.size + length
        if end > len(data):
            break
        changes.append(_CHANGE.decode(data[position + _LENGTH.size : end]))
        position = end
    return changes, position
