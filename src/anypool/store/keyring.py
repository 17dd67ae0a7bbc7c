"""The file of keys: one key a line in hex, the first seals, all open.

A file with one line is what releases before rotation wrote. It is only ever replaced as a
whole, so that whoever reads it finds the old keys or the new ones.
"""

import fcntl
import glob
import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from anypool.errors import Busy, StoreFailed

KEY_BYTES = 32
_CREDENTIALS = "CREDENTIALS_DIRECTORY"

Keys = tuple[bytes, ...]


def key_id(key: bytes) -> str:
    """Return what names a key without telling it."""
    return hashlib.sha256(b"anypool key id" + key).hexdigest()[:16]


def new_key() -> bytes:
    """Return a fresh key."""
    return secrets.token_bytes(KEY_BYTES)


def read(path: Path) -> Keys:
    """Return the keys; raise `StoreFailed` if there is none, or others may read them."""
    keys = tuple(parsed(path, line) for line in lines_of(path))
    if not keys:
        raise _no_key(path)
    return keys


def lines_of(path: Path) -> list[str]:
    """Return the lines of a key file that others may not read; raise `StoreFailed`."""
    try:
        if path.stat().st_mode & 0o077 and not is_credential(path):
            raise StoreFailed(f"others may read the key file {path}", hint=f"run: chmod 600 {path}")
        return [line for line in path.read_text(encoding="ascii").splitlines() if line.strip()]
    except OSError as error:
        raise StoreFailed(
            f"cannot read the key file {path}: {error.strerror}",
            hint="restore it from its backup; without it the stored secrets cannot be read",
        ) from error
    except ValueError as error:
        raise _no_key(path) from error


def parsed(path: Path, text: str) -> bytes:
    """Return a key written in hex in a file; raise `StoreFailed` if it is none."""
    try:
        key = bytes.fromhex(text)
    except ValueError as error:
        raise _no_key(path) from error
    if len(key) != KEY_BYTES:
        raise _no_key(path)
    return key


def make(path: Path) -> None:
    """Write a first key; another process that is quicker makes the one that counts."""
    with _draft(path, (new_key().hex(),)) as draft, suppress(FileExistsError):
        os.link(draft, path)


def replace(path: Path, keys: Iterable[bytes]) -> None:
    """Replace the keys, all at once and synced; raise `StoreFailed`, and nothing is changed."""
    replace_lines(path, (key.hex() for key in keys))


def replace_lines(path: Path, lines: Iterable[str]) -> None:
    """Replace the lines of a key file, all at once and synced."""
    with _draft(path, tuple(lines)) as draft:
        os.rename(draft, path)
        _sync(path.parent)


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Let one process at a time change the keys; raise `Busy` for the second."""
    lock = path.with_name(f"{path.name}.lock")
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise Busy(f"another process changes the keys in {path}", hint="wait for it") from error
    try:
        _sweep(path)
        yield
    finally:
        os.close(handle)


def signature(path: Path) -> tuple[int, int, int] | None:
    """Return what changes with the file, None while there is none."""
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_ino, seen.st_mtime_ns, seen.st_size


def is_credential(path: Path) -> bool:
    """Say whether systemd put it there: then it guards the folder, and nobody can write it."""
    folder = os.environ.get(_CREDENTIALS, "")
    return bool(folder) and path.resolve().is_relative_to(Path(folder).resolve())


@contextmanager
def _draft(path: Path, lines: tuple[str, ...]) -> Iterator[Path]:
    """Give a synced file beside `path` that holds the lines; it is gone afterwards."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(handle, "w", encoding="ascii") as file:
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        yield draft
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        draft.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Remove the drafts of those who were killed while they wrote."""
    if path.exists():
        for draft in path.parent.glob(glob.escape(path.name) + "." + 8 * "[0-9a-f]"):
            draft.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> StoreFailed:
    return StoreFailed(
        f"cannot write the key file {path}: {error.strerror}",
        hint="the directory must be writable and the disk not full",
    )


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _no_key(path: Path) -> StoreFailed:
    return StoreFailed(f"{path} holds no key", hint="restore it from its backup")
