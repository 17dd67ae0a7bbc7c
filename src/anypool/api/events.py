"""The routes of events: the list, and the live stream."""

from collections.abc import AsyncIterator
from typing import Annotated

import anyio
import anyio.to_thread
from litestar import get
from litestar.params import HeaderParameter
from litestar.response import Stream
from msgspec import Struct

from anypool.api.asking import By, From, Live, Use, Wanted
from anypool.api.broadcast import Broadcast, Mailbox
from anypool.api.gate import Caller
from anypool.api.language import ReasonView, reason_view, told
from anypool.api.views import PageView, page_view
from anypool.errors import NotLoggedIn
from anypool.service import Deed, require
from anypool.service.managers import Managers
from anypool.store.records import EventRecord

BEAT_S = 5.0
"""Between two signs of life; the caller's permission is looked at again as often."""
_BEAT = b'event: beat\r\ndata: {"kind": "beat", "id": ""}\r\n\r\n'
"""A sign of life; an event and no comment, for pages of a browser do not see comments."""


class EventView(Struct, frozen=True, kw_only=True):
    """Something that happened; numbers grow."""

    number: int
    at: float
    kind: str
    severity: str
    subject_kind: str
    subject_id: str
    by: str
    message: str
    said: ReasonView | None
    plan: str | None
    operation: str | None


@get("/events", sync_to_thread=True)
def list_events(services: Use, by: By, ask: Wanted) -> PageView[EventView]:
    """List events, newest first."""
    return page_view(services.events.list(by, ask), _event)


@get("/events/stream")
async def stream_events(
    services: Use,
    caller: From,
    broadcast: Live,
    last_event_id: Annotated[
        str | None, HeaderParameter(name="Last-Event-ID", max_length=100)
    ] = None,
) -> Stream:
    """Follow changes: each message names an object to read again; `resync` means all of them."""
    require(caller.principal, Deed.READ)
    mailbox = broadcast.open(last_event_id or "")
    return Stream(
        _stream(caller, broadcast, mailbox, services.managers),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )


async def _stream(
    caller: Caller, broadcast: Broadcast, mailbox: Mailbox, managers: Managers
) -> AsyncIterator[bytes]:
    """Yield news and signs of life, until who leads has changed: the next one tells on."""
    led = managers.leads_here
    try:
        yield b": hello\r\nretry: 2000\r\n\r\n"
        checked_at = anyio.current_time()
        while not mailbox.closed and managers.leads_here is led:
            news = await mailbox.get(BEAT_S)
            if anyio.current_time() - checked_at >= BEAT_S:
                await anyio.to_thread.run_sync(caller.check)
                checked_at = anyio.current_time()
            yield b"".join(map(broadcast.message, news)) or _BEAT
    except NotLoggedIn:
        return
    finally:
        broadcast.leave(mailbox)


def _event(event: EventRecord) -> EventView:
    return EventView(
        number=event.number,
        at=event.at,
        kind=event.kind,
        severity=event.severity,
        subject_kind=event.subject_kind,
        subject_id=event.subject_id,
        by=event.by,
        message=told(event.said, event.message),
        said=reason_view(event.said),
        plan=event.plan,
        operation=event.run,
    )


ROUTES = (list_events, stream_events)
