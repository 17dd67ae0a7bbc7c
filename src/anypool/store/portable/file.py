"""A backup as one file: a ZIP with a manifest, and each table as lines of JSON.

The manifest says what must be in it, with a sum for each table. The last bytes of the file,
the comment of the ZIP, are the sum of all bytes before them. It is written to a name of its
own beside its place, synced, read back and only then put there: a file of that name is whole.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct

from anypool.errors import Invalid, NotFound, StoreFailed
from anypool.store.portable.pour import Meter, Report, Source, Summed, quiet
from anypool.store.portable.rows import BATCH, Digest, Line, Step
from anypool.store.portable.shape import Shape
from anypool.store.portable.whole import new_file

FORMAT = 1
KIND = "anypool-backup"
_MANIFEST, _KEYS = "manifest.json", "keys.sealed"
_MANIFEST_MAX = 1 << 22
_BEGINNING = b"PK\x03\x04"
_MARK, _SUM_BYTES = b"sha256:", 64
_BROKEN = (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error)
_FOREIGN = "take a file that `anypool backup create` wrote"
_DAMAGED = "take another backup, or fetch this one again from where it was whole"


class Manifest(Struct, frozen=True, kw_only=True):
    """What a backup says of itself; `epoch` is that of the lease, `made_at` in seconds."""

    kind: str
    format: int
    release: str
    schema: str
    made_at: float
    database: str
    epoch: int
    tables: tuple[Summed, ...]
    with_keys: bool = False

    @property
    def rows(self) -> int:
        """Return the number of all rows."""
        return sum(table.rows for table in self.tables)


class About(Struct, frozen=True, kw_only=True):
    """What the manifest says beside the tables."""

    release: str
    made_at: float
    database: str
    epoch: int


def write(
    path: Path,
    source: Source,
    about: About,
    *,
    keys: Callable[[], bytes] | None = None,
    report: Report = quiet,
) -> Manifest:
    """Write a backup and read it back; return its manifest.

    `keys` gives the sealed keys, and is asked once all rows were read.

    Raise `Conflict` if the file is there already, `StoreFailed` if it cannot be written;
    nothing is left behind then.
    """
    with new_file(path) as (part, file):
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            manifest = _fill(archive, source, about, keys is not None, report)
            if keys is not None:
                archive.writestr(_KEYS, keys())
            encoded = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
            archive.writestr(_MANIFEST, encoded)
            archive.comment = _MARK + b"0" * _SUM_BYTES
        _sum_up(file)
        with Backup(part) as written:
            written.verify(report)
            if written.manifest != manifest:
                raise StoreFailed(f"{path} does not read back as it was written", hint=_DAMAGED)
    return manifest


def _fill(
    archive: zipfile.ZipFile, source: Source, about: About, with_keys: bool, report: Report
) -> Manifest:
    meter = Meter("reading", source.total, report)
    tables: list[Summed] = []
    for shape in source.shapes:
        seen = Digest()
        with archive.open(_member(shape), "w", force_zip64=True) as out:
            for line in seen.through(source.lines(shape, meter.step)):
                out.write(line + b"\n")
        tables.append(Summed(shape=shape, rows=seen.rows, sha256=seen.sha256))
    return Manifest(
        kind=KIND,
        format=FORMAT,
        schema=source.schema,
        tables=tuple(tables),
        with_keys=with_keys,
        **msgspec.structs.asdict(about),
    )


def _sum_up(file: IO[bytes]) -> None:
    """Write the sum of the whole file into its last bytes."""
    file.flush()
    sum_, _ = _sums(file)
    file.seek(-_SUM_BYTES, 2)
    file.write(sum_)
    file.flush()


def _sums(file: IO[bytes]) -> tuple[bytes, bytes]:
    """Return the sum over a file, and what its last bytes say it is."""
    left = file.seek(0, 2) - _SUM_BYTES
    file.seek(0)
    seen = hashlib.sha256()
    while left > 0 and (piece := file.read(min(left, 1 << 20))):
        seen.update(piece)
        left -= len(piece)
    return seen.hexdigest().encode("ascii"), file.read(_SUM_BYTES)


class Backup:
    """An open backup file, its manifest read; a source of records.

    Raise `NotFound` if there is no such file, `Invalid` for what is no backup, is cut short
    or has a format that this release does not read. Only `verify` finds altered bytes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = _opened(path)
        try:
            self._archive = self._unpacked()
            self.manifest = self._read_manifest()
        except BaseException:
            self._file.close()
            raise
        self.schema = self.manifest.schema
        self.shapes = tuple(table.shape for table in self.manifest.tables)
        self.total = self.manifest.rows

    def __enter__(self) -> "Backup":
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()
        self._file.close()

    def lines(self, shape: Shape, step: Step) -> Iterator[Line]:
        """Yield the rows of a table; raise `Invalid` where the file is damaged."""
        try:
            with self._archive.open(_member(shape)) as member:
                for number, line in enumerate(member, start=1):
                    yield line.rstrip(b"\n")
                    if not number % BATCH:
                        step(BATCH)
        except _BROKEN as error:
            raise self._damaged(str(error)) from error

    def keys(self) -> bytes:
        """Return the sealed keys, empty where the backup has none."""
        return self._read(_KEYS) if self.manifest.with_keys else b""

    def verify(self, report: Report = quiet) -> None:
        """Read all of it; raise `Invalid` unless everything is there, whole and unchanged."""
        self._verify_sum()
        expected = sorted(
            [_MANIFEST, *map(_member, self.shapes), *([_KEYS] if self.manifest.with_keys else [])]
        )
        if (found := sorted(self._archive.namelist())) != expected:
            odd = ", ".join(sorted(set(found) ^ set(expected))[:3])
            raise self._damaged(f"it does not hold what its manifest lists: {odd}")
        meter = Meter("verifying", self.total, report)
        for table in self.manifest.tables:
            seen = Digest()
            for _ in seen.through(self.lines(table.shape, meter.step)):
                pass
            if (seen.rows, seen.sha256) != (table.rows, table.sha256):
                raise self._damaged(f"the sum of {table.shape.name} is wrong")
        self.keys()

    def _verify_sum(self) -> None:
        try:
            counted, said = _sums(self._file)
        except OSError as error:
            raise self._damaged(error.strerror or str(error)) from error
        if counted != said:
            raise self._damaged("its content is not what its sum says; it was altered or cut")

    def _unpacked(self) -> zipfile.ZipFile:
        beginning = self._file.read(len(_BEGINNING))
        if beginning != _BEGINNING:
            why = "it is empty" if not beginning else "it is a file of another kind"
            raise Invalid(f"{self.path} is no backup: {why}", hint=_FOREIGN)
        size = self._file.seek(0, 2)
        self._file.seek(max(0, size - _SUM_BYTES - len(_MARK)))
        whole = self._file.read(len(_MARK)) == _MARK
        try:
            archive = zipfile.ZipFile(self._file)
            names = archive.namelist()
        except _BROKEN as error:
            raise self._damaged("it is cut short or altered") from error
        if _MANIFEST not in names:
            raise Invalid(f"{self.path} is no backup: it has no {_MANIFEST}", hint=_FOREIGN)
        if not whole:
            raise self._damaged("its end is missing or altered")
        return archive

    def _read_manifest(self) -> Manifest:
        encoded = self._read(_MANIFEST)
        try:
            about = msgspec.json.decode(encoded, type=_Kind)
        except msgspec.DecodeError as error:
            raise self._damaged(f"its manifest: {error}") from error
        if about.kind != KIND:
            raise Invalid(f"{self.path} is no backup of anypool", hint=_FOREIGN)
        if about.format != FORMAT:
            raise Invalid(
                f"{self.path} has format {about.format}, this release reads {FORMAT}",
                hint=f"restore it with release {about.release or 'that wrote it'}, or a newer one",
            )
        try:
            return msgspec.json.decode(encoded, type=Manifest)
        except msgspec.DecodeError as error:
            raise self._damaged(f"its manifest: {error}") from error

    def _read(self, name: str) -> bytes:
        try:
            with self._archive.open(name) as member:
                return member.read(_MANIFEST_MAX)
        except _BROKEN as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, why: str) -> Invalid:
        return Invalid(f"{self.path} is damaged: {why}", hint=_DAMAGED)


class _Kind(Struct):
    kind: str = ""
    format: int = 0
    release: str = ""


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}", hint="check the name") from error
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}", hint=_FOREIGN) from error


def _member(shape: Shape) -> str:
    return f"tables/{shape.name}.jsonl"
