"""The head of the audit trail, written where the database's owner cannot take it back.

Each line of the file is JSON: the number and hash of the newest row at that moment. Copied
off the machine, or sent to syslog, it shows later whether rows were cut off.
"""

import logging
import logging.handlers
import os
from pathlib import Path

import msgspec

from anypool.errors import Invalid
from anypool.settings import Settings
from anypool.store import Store, audit
from anypool.store.audit import Head

log = logging.getLogger(__name__)

FILE = "audit-heads.jsonl"


class Heads:
    """Exports the head whenever it has changed."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._file = file_of(settings)
        self._syslog = settings.audit_syslog
        self._every_s = settings.audit_head_every_s
        self._last = Head()

    def export(self) -> float:
        """Write the head if it is new; return the seconds until it is to be asked again."""
        with self._store.reading() as tx:
            head = audit.head(tx)
        if head.number and head != self._last:
            line = msgspec.json.encode(head)
            _append(self._file, line)
            if self._syslog:
                _send(self._syslog, line.decode())
            self._last = head
        return self._every_s


def file_of(settings: Settings) -> Path:
    """Return where heads are written."""
    return Path(settings.audit_head_file or Path(settings.state_dir) / FILE)


def exported(file: Path) -> tuple[Head, ...]:
    """Return the heads in a file, none if there is no such file; raise `Invalid`."""
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}") from error
    return tuple(_head(file, line) for line in lines if line.strip())


def _head(file: Path, line: bytes) -> Head:
    try:
        return msgspec.json.decode(line, type=Head)
    except msgspec.MsgspecError as error:
        raise Invalid(f"{file} holds a line that is no head: {error}") from error


def _append(file: Path, line: bytes) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, line + b"\n")
    finally:
        os.close(handle)


def _send(address: str, line: str) -> None:
    """Send a line to syslog: the path of its socket, or HOST:PORT for UDP."""
    host, colon, port = address.rpartition(":")
    place: str | tuple[str, int] = (host, int(port)) if colon and port.isdigit() else address
    try:
        handler = logging.handlers.SysLogHandler(place)
    except OSError as error:
        log.warning("the audit head cannot be sent to %s: %s", address, error)
        return
    try:
        handler.emit(logging.makeLogRecord({"msg": f"anypool audit head {line}", "levelno": 20}))
    finally:
        handler.close()
