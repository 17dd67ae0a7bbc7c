"""The routes of backups."""

from collections.abc import Iterator
from typing import IO

from litestar import get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.response import Stream
from msgspec import Struct

from anypool.api.asking import By, Key, Use
from anypool.api.views import time_or_none
from anypool.engine import Kept

MEDIA_TYPE = "application/zip"
_PIECE = 1 << 18


class BackupView(Struct, frozen=True, kw_only=True):
    """A backup in the manager's folder; `why` says what is wrong with the file, if something is."""

    name: str
    bytes: int
    made_at: float | None
    release: str
    schema: str
    rows: int
    why: str


class BackupList(Struct, frozen=True, kw_only=True):
    """The backups, newest first, and the schedule; `failed_at` unless the last attempt worked."""

    items: tuple[BackupView, ...]
    folder: str
    every_s: float
    keep: int
    next_at: float | None
    failed_at: float | None
    why: str


@get("/backups", sync_to_thread=True)
def list_backups(services: Use, by: By) -> BackupList:
    """List the backups in the manager's folder, and when the next one is due."""
    schedule, kept = services.backups.list(by)
    return BackupList(
        items=tuple(map(_view, kept)),
        folder=schedule.folder,
        every_s=schedule.every_s,
        keep=schedule.keep,
        next_at=time_or_none(schedule.next_at),
        failed_at=time_or_none(schedule.failed_at),
        why=schedule.why,
    )


@post("/backups", sync_to_thread=True)
def take_backup(services: Use, by: By) -> BackupView:
    """Take a backup into the manager's folder now, and verify it."""
    return _view(services.backups.take(by))


@get(
    "/backups/{key:str}/content",
    sync_to_thread=True,
    responses={
        200: ResponseSpec(
            bytes, media_type=MEDIA_TYPE, description="the file", generate_examples=False
        )
    },
)
def get_backup_content(services: Use, by: By, key: Key) -> Stream:
    """Fetch a backup by its name; `now` takes one of this moment, which is not kept here."""
    return Stream(_pieces(services.backups.fetch(by, key)), media_type=MEDIA_TYPE)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece


def _view(kept: Kept) -> BackupView:
    return BackupView(
        name=kept.name,
        bytes=kept.bytes,
        made_at=time_or_none(kept.made_at),
        release=kept.release,
        schema=kept.schema,
        rows=kept.rows,
        why=kept.why,
    )


ROUTES = (list_backups, take_backup, get_backup_content)
