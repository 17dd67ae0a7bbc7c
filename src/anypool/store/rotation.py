"""Another key for all secrets: at every moment the file opens whatever the database holds.

The new key is in the file before a secret is sealed with it, and the old ones leave it after
the transaction that sealed all secrets anew. Interrupted anywhere, it is simply done again.
"""

from pathlib import Path

from msgspec import Struct

from anypool.errors import Conflict, NotFound
from anypool.store import events, keyring, secrets
from anypool.store.records import EventRecord
from anypool.store.store import Store


class Rotated(Struct, frozen=True, kw_only=True, gc=False):
    """The id of the key that seals now, how many secrets it sealed, and what became of others.

    `dropped` are the ids of keys that left the file, `unneeded` of those that may.
    """

    key: str
    secrets: int
    dropped: tuple[str, ...] = ()
    unneeded: tuple[str, ...] = ()


class KeyUse(Struct, frozen=True, kw_only=True, gc=False):
    """A key by its id; `present` says whether the file has it, `secrets` how many it seals."""

    id: str
    present: bool
    seals_new: bool
    secrets: int


class KeyStatus(Struct, frozen=True, kw_only=True, gc=False):
    """The file of keys, the keys in it or in use, and how many secrets nobody can open.

    A `credential` was handed over by systemd, and can only be replaced there.
    """

    file: str
    credential: bool
    keys: tuple[KeyUse, ...]
    unreadable: int


def rotate(store: Store, by: str) -> Rotated:
    """Seal every secret with a new key and drop the old ones.

    A credential cannot be written: there, seal with the first key of the file what others
    sealed. Raise `NotFound` where there is no key yet, `Conflict` where a credential has no
    new key, `StoreFailed` if one secret does not open, `Busy` during another rotation;
    nothing is changed then.
    """
    file = _file_of(store)
    if keyring.is_credential(file):
        return _follow(store, file, by)
    with keyring.changing(file):
        old = keyring.read(file)
        with store.reading() as tx:
            secrets.check_all(tx)
        fresh = keyring.new_key()
        keyring.replace(file, (fresh, *old))
        count = _seal_all(store, keyring.key_id(fresh), by)
        dropped = _drop(store, file)
    return Rotated(key=keyring.key_id(fresh), secrets=count, dropped=dropped)


def status(store: Store) -> KeyStatus:
    """Return which keys there are and what they seal; raise `StoreFailed` for a bad file."""
    file = store.vault.file
    there = file is not None and file.exists()
    keys = [keyring.key_id(key) for key in keyring.read(file)] if file and there else []
    with store.reading() as tx:
        used = secrets.key_ids(tx)
        unreadable = secrets.unreadable(tx)
    return KeyStatus(
        file=str(file or ""),
        credential=file is not None and keyring.is_credential(file),
        keys=tuple(
            KeyUse(
                id=one,
                present=one in keys,
                seals_new=one in keys[:1],
                secrets=used.get(one, 0),
            )
            for one in dict.fromkeys((*keys, *sorted(used)))
        ),
        unreadable=unreadable,
    )


def _follow(store: Store, file: Path, by: str) -> Rotated:
    """Seal with the first key of a credential what its other keys sealed."""
    newest, *others = (keyring.key_id(key) for key in keyring.read(file))
    with store.reading() as tx:
        if set(secrets.key_ids(tx)) <= {newest}:
            raise Conflict(
                f"the key {file} is a credential of systemd, which anypool cannot replace",
                hint="put a new key in its first line where systemd has it from, keep the old "
                "one below, restart the manager and say this again: docs/howto/rotate-keys.md",
            )
    count = _seal_all(store, newest, by)
    return Rotated(key=newest, secrets=count, unneeded=tuple(others))


def _seal_all(store: Store, key: str, by: str) -> int:
    with store.writing() as tx:
        count = secrets.seal_all(tx)
        event = EventRecord(
            kind="secret.rotated",
            message=f"{count} secrets were sealed anew, with key {key}",
            subject_kind="secret",
            subject_id=key,
            by=by,
        )
        events.append(tx, event)
    return count


def _drop(store: Store, file: Path) -> tuple[str, ...]:
    """Drop the keys that no secret needs any more; return their ids."""
    keys = keyring.read(file)
    with store.reading() as tx:
        used = secrets.key_ids(tx)
    kept = tuple(key for key in keys if key == keys[0] or keyring.key_id(key) in used)
    keyring.replace(file, kept)
    return tuple(keyring.key_id(key) for key in keys if key not in kept)


def _file_of(store: Store) -> Path:
    file = store.vault.file
    if file is None or not file.exists():
        raise NotFound(f"there is no key yet: {file}", hint="the first password makes it")
    return file
