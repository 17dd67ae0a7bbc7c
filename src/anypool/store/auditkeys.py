"""The keys of the audit trail: a file of them, each with the first row that it chains.

One key a line in hex, the newest first, behind it the number of that row; without a number
it chains from row 1 on, as in a file of a release that knew one key only. An old key stays:
the rows that it chained are verified with it, and with no other.
"""

import threading
from pathlib import Path
from typing import NamedTuple

from anypool.errors import StoreFailed
from anypool.store import keyring


class AuditKey(NamedTuple):
    """A key and the number of the first row that it chains."""

    key: bytes
    begins: int


class AuditKeys:
    """The keys in a file, read again whenever it was replaced."""

    def __init__(self, file: Path | None) -> None:
        self._path = file
        self._keys: tuple[AuditKey, ...] = ()
        self._read_at: tuple[int, int, int] | None = None
        self._turn = threading.RLock()

    @property
    def file(self) -> Path:
        """Where the keys lie; raise `StoreFailed` where no place is known."""
        if self._path is None:
            raise StoreFailed("nothing can be audited: no key file is configured")
        return self._path

    def all(self) -> tuple[AuditKey, ...]:
        """Return the keys, newest first; none while there is no file, which is made by nobody."""
        with self._turn:
            seen = keyring.signature(self.file)
            if seen is not None and seen != self._read_at:
                self._keys = _read(self.file)
                self._read_at = seen
            return self._keys

    def of(self, number: int) -> AuditKey | None:
        """Return the key that chains a row, None if it is not here."""
        return next((one for one in self.all() if one.begins <= number), None)

    def ready(self, number: int) -> AuditKey:
        """Return the key for the next row, in the transaction that writes it.

        A file that is lost is written again as long as the keys are known here. Where they
        are not, a new key begins with this row.
        """
        with self._turn:
            found = self.of(number)
            if found is None:
                found = AuditKey(keyring.new_key(), number)
                self._write((*self._keys, found))
            elif not self.file.exists():
                self._write(self._keys)
            return found

    def begin_another(self, number: int) -> AuditKey:
        """Let another key chain from a row on, in the transaction that writes it."""
        with self._turn:
            kept = tuple(one for one in self.all() if one.begins < number)
            fresh = AuditKey(keyring.new_key(), number)
            self._write((fresh, *kept))
            return fresh

    def _write(self, keys: tuple[AuditKey, ...]) -> None:
        newest_first = sorted(keys, key=lambda one: one.begins, reverse=True)
        lines = [f"{one.key.hex()} {one.begins}".removesuffix(" 1") for one in newest_first]
        keyring.replace_lines(self.file, lines)


def _read(file: Path) -> tuple[AuditKey, ...]:
    keys = []
    for line in keyring.lines_of(file):
        text, _, begins = line.partition(" ")
        key = keyring.parsed(file, text)
        if begins and not begins.isdecimal():
            raise StoreFailed(f"{file} holds no key", hint="restore it from its backup")
        keys.append(AuditKey(key, int(begins or 1)))
    if not keys:
        raise StoreFailed(f"{file} holds no key", hint="restore it from its backup")
    return tuple(keys)
