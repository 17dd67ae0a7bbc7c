"""Work on the records themselves, by whoever may read them: backup, restore, another database.

A `Settings` says where records are: its database, and the keys that belong to it.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from anypool import systemd
from anypool.app import KEY_FILE, audit_key_file
from anypool.clock import SystemClock
from anypool.errors import Invalid
from anypool.settings import Settings
from anypool.store import connect, keyring
from anypool.store.portable import keys
from anypool.store.portable.alone import place_of
from anypool.store.portable.file import Backup, Manifest
from anypool.store.portable.make import back_up
from anypool.store.portable.move import move
from anypool.store.portable.restore import restoring
from anypool.store.portable.whole import new_file

Report = Callable[[str, int, int], None]
"""Told what is done, how many rows of it went by, and how many there are in all."""


class Summary(Struct, frozen=True, kw_only=True):
    """A backup: when and by which release it was made, of which schema, how much is in it."""

    file: str
    bytes: int
    made_at: float
    release: str
    schema: str
    database: str
    tables: int
    rows: int
    with_keys: bool


class Brought(Struct, frozen=True, kw_only=True):
    """What came to `place`; `endpoints` are read-only until they are read, `runs` interrupted.

    `missing` are files of keys, kept outside of records, that are not there or do not fit.
    """

    place: str
    rows: int
    tables: int
    schema: str
    missing: tuple[str, ...]
    endpoints: int = 0
    runs: int = 0
    epoch: int = 0


def create_backup(source: Settings, file: Path, report: Report, passphrase: str = "") -> Summary:
    """Write a backup of one moment, whether or not a manager runs; errors as `back_up`.

    With a passphrase the keys are put in, under it.
    """
    sealed = keys.sealer(_keys(source), passphrase) if passphrase else None
    clock = SystemClock()
    return _summary(file, back_up(source.database_url, file, clock, keys=sealed, report=report))


def has_keys(file: Path) -> bool:
    """Say whether a backup has keys in it; errors as `Backup`."""
    with Backup(file) as backup:
        return backup.manifest.with_keys


def receive_backup(file: Path, pieces: Iterable[bytes], report: Report) -> Summary:
    """Write what arrives into a new file and verify it before it gets its name.

    Raise `Conflict` if the file is there, `Invalid` if it did not arrive whole.
    """
    with new_file(file) as (part, out):
        for piece in pieces:
            out.write(piece)
        out.flush()
        with Backup(part) as backup:
            backup.verify(report)
            manifest = backup.manifest
    return _summary(file, manifest)


def verify_backup(file: Path, report: Report) -> Summary:
    """Read all of a backup; raise `Invalid` unless it is whole and unaltered."""
    with Backup(file) as backup:
        backup.verify(report)
        return _summary(file, backup.manifest)


def restore_backup(
    file: Path, target: Settings, report: Report, *, replace: bool, passphrase: str = ""
) -> Brought:
    """Bring records back; all or nothing. Errors as `restoring`.

    With a passphrase the keys in the backup come along: those that open secrets are added to
    their file just before the commit, the one of the audit trail is put there just after.
    """
    with Backup(file) as backup, _folder(target):
        known = _unsealed(backup, target, passphrase)
        url, clock = target.database_url, SystemClock()
        with restoring(url, backup, clock, replace=replace, report=report) as done:
            _add_keys(known, target)
        keys.put_audit_key(known, audit_key_file(target))
        return Brought(
            place=_place(target),
            rows=done.rows,
            tables=len(backup.shapes),
            schema=done.schema_now,
            endpoints=done.endpoints,
            runs=done.runs,
            epoch=done.epoch,
            missing=_missing(target),
        )


def move_records(source: Settings, target: Settings, report: Report) -> Brought:
    """Copy all records into an empty database; the source stays. Errors as `move`."""
    with _folder(target):
        done = move(source.database_url, target.database_url, SystemClock(), report=report)
        return Brought(
            place=_place(target),
            rows=done.rows,
            tables=len(done.tables),
            schema=done.schema,
            missing=_missing(target),
        )


def _unsealed(backup: Backup, target: Settings, passphrase: str) -> keys.Keys:
    """Return the keys of a backup that can be put in place; none without a passphrase."""
    if not passphrase:
        return keys.Keys()
    if not backup.manifest.with_keys:
        raise Invalid(f"{backup.path} has no keys in it", hint="restore it without a passphrase")
    backup.verify()
    found = keys.unseal(backup.keys(), passphrase)
    keys.must_be_writable(_keys(target)[0])
    return found


def _add_keys(known: keys.Keys, target: Settings) -> None:
    if known != keys.Keys():
        Path(target.state_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
        keys.add_secret_keys(known, _keys(target)[0])


def _summary(file: Path, manifest: Manifest) -> Summary:
    return Summary(
        file=str(file),
        bytes=file.stat().st_size,
        made_at=manifest.made_at,
        release=manifest.release,
        schema=manifest.schema,
        database=manifest.database,
        tables=len(manifest.tables),
        rows=manifest.rows,
        with_keys=manifest.with_keys,
    )


def _place(settings: Settings) -> str:
    return place_of(connect.parse(settings.database_url))


def _missing(target: Settings) -> tuple[str, ...]:
    """Return the key files that are not there, or do not open what the records have sealed."""
    key_file, audit_file = _keys(target)
    there = keyring.read(key_file) if key_file.exists() else ()
    opens = keys.needed(target.database_url) <= {keyring.key_id(key) for key in there}
    found = (*(() if opens else (key_file,)), *(() if audit_file.exists() else (audit_file,)))
    return tuple(map(str, found))


def _keys(target: Settings) -> tuple[Path, Path]:
    """Return the files of keys that belong to records."""
    file = connect.file_of(connect.parse(target.database_url))
    key = Path(target.state_dir) / KEY_FILE if file is None else file.with_name(f"{file.name}.key")
    return systemd.credential(f"anypool.{KEY_FILE}") or key, audit_key_file(target)


@contextmanager
def _folder(target: Settings) -> Iterator[None]:
    """Make the folder of an SQLite file; it is gone again if the block raises."""
    file = connect.file_of(connect.parse(target.database_url))
    if file is None or file.parent.exists():
        yield
        return
    try:
        file.parent.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise Invalid(
            f"the folder {file.parent} cannot be made: {error.strerror}",
            hint="name one that is there, or that may be made",
        ) from error
    try:
        yield
    except BaseException:
        with suppress(OSError):
            file.with_name(f"{file.name}.manager").unlink(missing_ok=True)
            file.parent.rmdir()
        raise


def as_data(record: Struct) -> dict[str, object]:
    """Return a record as plain values."""
    data: dict[str, object] = msgspec.to_builtins(record)
    return data
