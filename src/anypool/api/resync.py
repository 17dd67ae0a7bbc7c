"""The routes of what is left to read after the records were restored from a backup."""

from litestar import get, post
from msgspec import Struct

from anypool.api.asking import By, Key, Use
from anypool.api.views import time_or_none
from anypool.service.resync import Awaited, Standing


class AwaitedView(Struct, frozen=True, kw_only=True):
    """An endpoint that is read-only until it is read whole; `state` is how it answers now."""

    endpoint: str
    state: str
    message: str
    seen_at: float | None
    vouched_by: str | None


class ResyncView(Struct, frozen=True, kw_only=True):
    """The latest restore, null for none, and what is left of it.

    `endpoints` had to be read and `operations` were interrupted then; `awaited` is still to
    be read, `interrupted` still to be decided on. `ended_at` is null until all is read.
    """

    restored_at: float | None
    backup_at: float | None
    release: str | None
    endpoints: int
    operations: int
    ended_at: float | None
    awaited: tuple[AwaitedView, ...]
    interrupted: tuple[str, ...]


@get("/resync", sync_to_thread=True)
def get_resync(services: Use, by: By) -> ResyncView:
    """Show what must be read before it is operated again, after a restore from a backup."""
    return _view(services.resync.show(by))


@post("/resync/endpoints/{key:str}/vouch", status_code=200, sync_to_thread=True)
def vouch_endpoint(services: Use, by: By, key: Key) -> ResyncView:
    """Say that no VM runs behind an endpoint that cannot be read: do not wait for it elsewhere."""
    return _view(services.resync.vouch(by, key))


def _view(found: Standing) -> ResyncView:
    known = found.restoration
    return ResyncView(
        restored_at=None if known is None else known.at,
        backup_at=None if known is None else known.backup_at,
        release=None if known is None else known.release,
        endpoints=0 if known is None else known.endpoints,
        operations=0 if known is None else known.runs,
        ended_at=None if known is None else time_or_none(known.ended_at),
        awaited=tuple(map(_awaited, found.awaited)),
        interrupted=found.interrupted,
    )


def _awaited(one: Awaited) -> AwaitedView:
    return AwaitedView(
        endpoint=one.unread.endpoint,
        state=one.health.state,
        message=one.health.message,
        seen_at=time_or_none(one.health.seen_at),
        vouched_by=one.unread.vouched_by or None,
    )


ROUTES = (get_resync, vouch_endpoint)
