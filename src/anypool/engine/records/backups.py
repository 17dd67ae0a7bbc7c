"""Backups that the manager takes by itself, and when asked: one at a time, verified, some kept."""

import logging
import threading
import time
from calendar import timegm
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from pathlib import Path
from typing import IO

from msgspec import Struct

from anypool.clock import Clock
from anypool.errors import AnypoolError, Busy, Invalid, NotFound
from anypool.plan import reason, say
from anypool.settings import Settings
from anypool.store import Store, act, events
from anypool.store.portable.file import Backup, Manifest
from anypool.store.portable.make import back_up
from anypool.store.records import EventRecord, Severity

log = logging.getLogger(__name__)

HOUR_S = 3600.0
RETRY_S = 900.0
"""After a failure; less where backups are taken more often."""
_LOOK_S = 60.0
_BEGIN, _END = "anypool-", ".backup"
_FORM = "%Y%m%dT%H%M%SZ"
_PASSING = ".download.backup"


class Kept(Struct, frozen=True, kw_only=True):
    """A file in the folder of backups; `why` says what is wrong with it, if its manifest is."""

    name: str
    bytes: int
    made_at: float = 0.0
    release: str = ""
    schema: str = ""
    rows: int = 0
    why: str = ""


class Schedule(Struct, frozen=True, kw_only=True):
    """Where, how often and how many; `failed_at` is 0.0 unless the last attempt failed."""

    folder: str
    every_s: float
    keep: int
    next_at: float = 0.0
    failed_at: float = 0.0
    why: str = ""


class Backups:
    """Takes backups into the folder that the settings name, and thins them out."""

    def __init__(self, store: Store, clock: Clock, settings: Settings) -> None:
        self._store = store
        self._clock = clock
        self._url = settings.database_url
        self._state = Path(settings.state_dir)
        self._folder = Path(settings.backup_folder) if settings.backup_folder else None
        self._every_s = settings.backup_every_h * HOUR_S
        self._keep = settings.backup_keep
        self._working = threading.Lock()
        self._failed_at = 0.0
        self._why = ""
        self.stopping = threading.Event()

    def schedule(self) -> Schedule:
        """Return what is set, when the next one is due, and how the last attempt failed."""
        return Schedule(
            folder=str(self._folder or ""),
            every_s=self._every_s,
            keep=self._keep,
            next_at=0.0 if self._folder is None else self._due_at(),
            failed_at=self._failed_at,
            why=self._why,
        )

    def kept(self) -> tuple[Kept, ...]:
        """Return the backups in the folder, newest first; empty where none is set."""
        return tuple(map(_looked_at, reversed(self._files())))

    def newest_at(self) -> float:
        """Return when the newest backup in the folder was taken, 0.0 if there is none."""
        return max((_time(path) for path in self._files()), default=0.0)

    def take(self, by: str) -> Kept:
        """Take a backup into the folder, verify it, and remove the oldest beyond those to keep.

        Raise `Invalid` where no folder is set, `Busy` while another is taken, `StoreFailed` if
        it cannot be written. How it ended is an event.
        """
        folder = self._named()
        with self._alone():
            stamp = time.strftime(_FORM, time.gmtime(self._clock.now()))
            path = folder / f"{_BEGIN}{stamp}{_END}"
            if path.exists():
                raise Busy("a backup of this second is there", hint="try again")
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                manifest = back_up(self._url, path, self._clock, report=self._going)
                self._thin()
            except OSError as error:
                self._failed(f"{folder}: {error.strerror or error}", by)
                hint = "the folder must exist or be made, be writable and have room"
                raise Invalid(f"no backup was taken: {error}", hint=hint) from error
            except AnypoolError as error:
                self._failed(error.message, by)
                raise
            kept = _kept(path, manifest)
            self._failed_at, self._why = 0.0, ""
            self._tell("backup.made", {"name": kept.name, "rows": kept.rows}, kept.name, by)
            return kept

    def open(self, name: str) -> IO[bytes]:
        """Return an open backup of the folder; raise `NotFound`."""
        path = next((path for path in self._files() if path.name == name), None)
        if path is None:
            raise NotFound(f"there is no backup {name[:100]}", hint="`anypool backup list`")
        return path.open("rb")

    def fresh(self) -> IO[bytes]:
        """Return an open backup of now; its file has no name and is gone when it is closed."""
        with self._alone():
            path = self._state / _PASSING
            path.unlink(missing_ok=True)
            try:
                back_up(self._url, path, self._clock, report=self._going)
                return path.open("rb")
            finally:
                path.unlink(missing_ok=True)

    def told(self, name: str, by: str) -> None:
        """Note that somebody fetched a backup: whoever has one has all records."""
        self._tell("backup.fetched", {"name": name, "who": by}, name, by)

    def round(self) -> float:
        """Take one if it is due; return the seconds until this is to be asked again."""
        if self._folder is None:
            return HOUR_S
        left_s = self._due_at() - self._clock.now()
        if left_s > 0:
            return min(left_s, _LOOK_S)
        try:
            self.take("manager")
        except AnypoolError as error:
            log.warning("no backup was taken: %s", error.message)
        return _LOOK_S

    def _due_at(self) -> float:
        now = self._clock.now()
        if self._failed_at:
            return self._failed_at + min(RETRY_S, self._every_s)
        known = [at for at in map(_time, self._files()) if at <= now + _LOOK_S]
        return max(known) + self._every_s if known else now

    def _named(self) -> Path:
        if self._folder is None:
            hint = "set backup_folder, or `anypool backup create FILE` fetches one"
            raise Invalid("there is no folder for backups", hint=hint)
        return self._folder

    def _files(self) -> list[Path]:
        """Return what was taken into the folder, the oldest first."""
        if self._folder is None:
            return []
        with suppress(OSError):
            found = self._folder.glob(f"{_BEGIN}*{_END}")
            return sorted((path for path in found if _time(path)), key=lambda path: path.name)
        return []

    def _thin(self) -> None:
        for path in self._files()[: -self._keep]:
            path.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._working.acquire(blocking=False):
            raise Busy("another backup is being taken", hint="try again when it is done")
        try:
            yield
        finally:
            self._working.release()

    def _going(self, *_: object) -> None:
        if self.stopping.is_set():
            raise Busy("the manager stops", hint="try again when it runs")

    def _failed(self, why: str, by: str) -> None:
        if self.stopping.is_set():
            return
        self._failed_at, self._why = self._clock.now(), why
        with suppress(AnypoolError):
            self._tell("backup.failed", {"why": why}, "", by)

    def _tell(self, kind: str, said: dict[str, str | int], name: str, by: str) -> None:
        why = reason(kind, **said)
        failed = kind == "backup.failed"
        event = EventRecord(
            kind=kind,
            message=say(why),
            said=why,
            severity=Severity.ERROR if failed else Severity.INFO,
            subject_kind="backup",
            subject_id=name,
            by=by,
        )
        # A failure is a row of its own, not the success of whoever asked.
        context = copy_context()
        if failed:
            context.run(act.begin, None)
        context.run(self._store_event, event)

    def _store_event(self, event: EventRecord) -> None:
        with self._store.writing() as tx:
            events.append(tx, event)


def _looked_at(path: Path) -> Kept:
    try:
        with Backup(path) as backup:
            return _kept(path, backup.manifest)
    except AnypoolError as error:
        return Kept(name=path.name, bytes=_size(path), made_at=_time(path), why=error.message)


def _kept(path: Path, manifest: Manifest) -> Kept:
    return Kept(
        name=path.name,
        bytes=_size(path),
        made_at=manifest.made_at,
        release=manifest.release,
        schema=manifest.schema,
        rows=manifest.rows,
    )


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0


def _time(path: Path) -> float:
    """Return when a file of the folder was taken, 0.0 for one with another name."""
    stamp = path.name.removeprefix(_BEGIN).removesuffix(_END)
    try:
        return float(timegm(time.strptime(stamp, _FORM)))
    except ValueError:
        return 0.0
