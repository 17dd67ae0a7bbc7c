"""Encryption of what may not lie readable in the database, with keys kept outside it."""

import secrets
import threading
from pathlib import Path
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from anypool.errors import StoreFailed
from anypool.store import keyring
from anypool.store.auditkeys import AuditKeys

_NONCE_BYTES = 12


class Sealed(NamedTuple):
    """An encrypted text, the nonce it was made with and which key opens it."""

    key_id: str
    nonce: bytes
    data: bytes


class Vault:
    """AES-256-GCM with keys in a file of mode 0600, read again whenever it was replaced.

    Each text is bound to the object and field it belongs to: moved to another row, it
    does not open. The file is made when the first secret is sealed.
    """

    def __init__(self, key_file: Path | None, audit_file: Path | None = None) -> None:
        self.file = key_file
        beside = None if key_file is None else key_file.with_name(f"{key_file.name}.audit")
        self.audit = AuditKeys(audit_file or beside)
        self._reading = threading.Lock()
        self._sealing = b""
        self._known: dict[str, bytes] = {}
        self._read_at: tuple[int, int, int] | None = None

    def seal(self, text: str, *, owner: str, field: str, first: bool) -> Sealed:
        """Encrypt a text; only the `first` secret of a database may make the key file."""
        key = self._newest(make=first)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        key_id = keyring.key_id(key)
        sealed = AESGCM(key).encrypt(nonce, text.encode(), _binding(owner, field, key_id))
        return Sealed(key_id, nonce, sealed)

    def open(self, sealed: Sealed, *, owner: str, field: str) -> str:
        """Decrypt a text; raise `StoreFailed` for another key or altered data."""
        if sealed.key_id not in self._known:
            self._newest(make=False)
        if (key := self._known.get(sealed.key_id)) is None:
            raise StoreFailed(
                f"the {field} of {owner} was encrypted with another key than {self.file} holds",
                hint="restore the key file, or enter the secret again",
            )
        try:
            binding = _binding(owner, field, sealed.key_id)
            return AESGCM(key).decrypt(sealed.nonce, sealed.data, binding).decode()
        except InvalidTag as error:
            raise StoreFailed(
                f"the stored {field} of {owner} was altered", hint="enter the secret again"
            ) from error

    def _newest(self, *, make: bool) -> bytes:
        """Return the key that seals now, from the file as it is now.

        What was known once is not forgotten: a reader may still see rows of before a
        rotation that has just dropped their key.
        """
        if self.file is None:
            raise StoreFailed(
                "secrets cannot be kept: no key file is configured", hint="set key_file"
            )
        with self._reading:
            if make and not self.file.exists():
                keyring.make(self.file)
            seen = keyring.signature(self.file)
            if seen is None or seen != self._read_at:
                keys = keyring.read(self.file)
                self._known |= {keyring.key_id(key): key for key in keys}
                self._sealing = keys[0]
                self._read_at = seen
            return self._sealing


def _binding(owner: str, field: str, key_id: str) -> bytes:
    return msgspec.json.encode([owner, field, key_id])
