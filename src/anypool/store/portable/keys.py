"""The keys of records inside a backup, under a passphrase; without it they stay outside."""

import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec
import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from msgspec import Struct

from anypool.errors import Invalid, NotFound
from anypool.store import connect, keyring
from anypool.store.failures import explained
from anypool.store.portable.alone import place_of

SHORTEST = 12
_N, _R, _P = 1 << 15, 8, 1
_MOST_N = 1 << 20
_BOUND = b"anypool backup keys"


class _Box(Struct, frozen=True, kw_only=True):
    kdf: str
    n: int
    r: int
    p: int
    salt: bytes
    nonce: bytes
    sealed: bytes


class Keys(Struct, frozen=True, kw_only=True):
    """What opens secrets, the key that seals first, and the lines of the audit trail's file."""

    secrets: tuple[bytes, ...] = ()
    audit: tuple[str, ...] = ()

    def __or__(self, other: "Keys") -> "Keys":
        """Return the keys of both, those of the other first."""
        return Keys(
            secrets=tuple(dict.fromkeys((*other.secrets, *self.secrets))),
            audit=other.audit or self.audit,
        )


def collect(key_file: Path, audit: Path) -> Keys:
    """Return the keys that are there; raise `NotFound` when there is none."""
    found = Keys(
        secrets=keyring.read(key_file) if key_file.exists() else (),
        audit=tuple(keyring.lines_of(audit)) if audit.exists() else (),
    )
    if not (found.secrets or found.audit):
        raise NotFound(f"there is no key file {key_file}", hint="make the backup without its keys")
    return found


def sealer(files: tuple[Path, Path], passphrase: str) -> Callable[[], bytes]:
    """Return what seals the keys of now and of when it is called, once the records were read.

    `files` are that of the keys and that of the audit trail's key. Between the two another key
    may have come, and the old one gone. Raise `Invalid` for a passphrase that is too short,
    `NotFound` where there are no keys.
    """
    if len(passphrase) < SHORTEST:
        raise Invalid(
            f"the passphrase has fewer than {SHORTEST} characters",
            hint="take a longer one: whoever has the backup can try as many as they like",
        )
    before = collect(*files)
    return lambda: seal(before | collect(*files), passphrase)


def seal(keys: Keys, passphrase: str) -> bytes:
    """Encrypt keys with what scrypt makes of a passphrase."""
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    box = _Box(kdf="scrypt", n=_N, r=_R, p=_P, salt=salt, nonce=nonce, sealed=b"")
    sealed = AESGCM(_derived(box, passphrase)).encrypt(nonce, msgspec.json.encode(keys), _BOUND)
    return msgspec.json.encode(msgspec.structs.replace(box, sealed=sealed))


def unseal(data: bytes, passphrase: str) -> Keys:
    """Decrypt keys; raise `Invalid` for another passphrase."""
    try:
        box = msgspec.json.decode(data, type=_Box)
        if (box.kdf, box.r, box.p) != ("scrypt", _R, _P) or not 1 < box.n <= _MOST_N:
            raise Invalid("the keys were sealed in a way that this release does not know")
        opened = AESGCM(_derived(box, passphrase)).decrypt(box.nonce, box.sealed, _BOUND)
        return msgspec.json.decode(opened, type=Keys)
    except InvalidTag as error:
        raise Invalid(
            "the passphrase does not open the keys of the backup",
            hint="try another; or restore --without-keys and put the key files back yourself",
        ) from error
    except (msgspec.DecodeError, ValueError) as error:
        raise Invalid(f"the sealed keys are damaged: {error}") from error


def needed(url: str) -> frozenset[str]:
    """Return the ids of the keys that the secrets of a database were sealed with."""
    parsed = connect.parse(url)
    engine = connect.engine(parsed)
    try:
        with explained(place_of(parsed)), connect.reading(engine) as connection:
            return frozenset(connection.scalars(sa.text("SELECT DISTINCT key_id FROM secrets")))
    finally:
        engine.dispose()


def must_be_writable(key_file: Path) -> None:
    """Raise `Invalid` for a key file that systemd put there."""
    if keyring.is_credential(key_file):
        raise Invalid(
            f"{key_file} is a credential of systemd, which is replaced where it comes from",
            hint="restore --without-keys, and put the key there",
        )


def add_secret_keys(keys: Keys, key_file: Path) -> None:
    """Let the file open what the keys open, too; those in it stay, and the first still seals."""
    if not keys.secrets:
        return
    with keyring.changing(key_file):
        there = keyring.read(key_file) if key_file.exists() else ()
        missing = tuple(key for key in keys.secrets if key not in there)
        if missing:
            keyring.replace(key_file, (*there, *missing))


def put_audit_key(keys: Keys, file: Path) -> None:
    """Make the keys of the trail that was restored those in use; others are kept beside them."""
    there = tuple(keyring.lines_of(file)) if file.exists() else ()
    if not keys.audit or there == keys.audit:
        return
    if there:
        name = keyring.key_id(there[0].encode("ascii"))
        keyring.replace_lines(file.with_name(f"{file.name}.{name}"), there)
    keyring.replace_lines(file, keys.audit)


def _derived(box: _Box, passphrase: str) -> bytes:
    return Scrypt(salt=box.salt, length=32, n=box.n, r=box.r, p=box.p).derive(passphrase.encode())
