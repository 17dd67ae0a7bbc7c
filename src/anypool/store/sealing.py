"""Encryption of what may not lie readable in the database, with a key kept outside it."""

import hashlib
import os
import secrets
from pathlib import Path
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from anypool.errors import StoreFailed

_KEY_BYTES = 32
_NONCE_BYTES = 12


class Sealed(NamedTuple):
    """An encrypted text, the nonce it was made with and which key opens it."""

    key_id: str
    nonce: bytes
    data: bytes


class Vault:
    """AES-256-GCM with the key in a file of mode 0600.

    Each text is bound to the object and field it belongs to: moved to another row, it
    does not open. The file is made when the first secret is sealed.
    """

    def __init__(self, key_file: Path | None, audit_file: Path | None = None) -> None:
        self._file = key_file
        beside = None if key_file is None else key_file.with_name(f"{key_file.name}.audit")
        self._audit_file = audit_file or beside
        self._key: bytes | None = None
        self._audit_key: bytes | None = None

    def audit_key(self) -> bytes:
        """Return the key of the audit trail's chain; its file is made once."""
        if self._audit_key is None:
            if self._audit_file is None:
                raise StoreFailed("nothing can be audited: no key file is configured")
            if not self._audit_file.exists():
                _make(self._audit_file)
            self._audit_key = _read(self._audit_file)
        return self._audit_key

    def seal(self, text: str, *, owner: str, field: str, first: bool) -> Sealed:
        """Encrypt a text; only the `first` secret of a database may make the key file."""
        key = self._load(make=first)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        key_id = _key_id(key)
        sealed = AESGCM(key).encrypt(nonce, text.encode(), _binding(owner, field, key_id))
        return Sealed(key_id, nonce, sealed)

    def open(self, sealed: Sealed, *, owner: str, field: str) -> str:
        """Decrypt a text; raise `StoreFailed` for another key or altered data."""
        key = self._load(make=False)
        if sealed.key_id != _key_id(key):
            raise StoreFailed(
                f"the {field} of {owner} was encrypted with another key than {self._file} holds",
                hint="restore the key file, or enter the secret again",
            )
        try:
            binding = _binding(owner, field, sealed.key_id)
            return AESGCM(key).decrypt(sealed.nonce, sealed.data, binding).decode()
        except InvalidTag as error:
            raise StoreFailed(
                f"the stored {field} of {owner} was altered", hint="enter the secret again"
            ) from error

    def _load(self, *, make: bool) -> bytes:
        if self._key is None:
            if self._file is None:
                raise StoreFailed(
                    "secrets cannot be kept: no key file is configured", hint="set key_file"
                )
            if make and not self._file.exists():
                _make(self._file)
            self._key = _read(self._file)
        return self._key


def _binding(owner: str, field: str, key_id: str) -> bytes:
    return msgspec.json.encode([owner, field, key_id])


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"anypool key id" + key).hexdigest()[:16]


def _make(path: Path) -> None:
    """Write a new key beside its place and link it there, so that it is whole or absent."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first; its key is the one
    except OSError as error:
        raise StoreFailed(
            f"cannot write the key file {path}: {error.strerror}",
            hint="the directory must be writable and the disk not full",
        ) from error
    finally:
        draft.unlink(missing_ok=True)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_mode & 0o077:
            raise StoreFailed(f"others may read the key file {path}", hint=f"run: chmod 600 {path}")
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except OSError as error:
        raise StoreFailed(
            f"cannot read the key file {path}: {error.strerror}",
            hint="restore it from its backup; without it the stored secrets cannot be read",
        ) from error
    except ValueError as error:
        raise _no_key(path) from error
    if len(key) != _KEY_BYTES:
        raise _no_key(path)
    return key


def _no_key(path: Path) -> StoreFailed:
    return StoreFailed(f"{path} holds no key", hint="restore it from its backup")
