"""The routes of events: the list, and the live stream."""

import json
from collections.abc import AsyncIterator
from typing import Annotated

import anyio.to_thread
from litestar import get
from litestar.params import HeaderParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage
from msgspec import Struct

from anypool.api.asking import By, From, Live, Use, Wanted
from anypool.api.broadcast import Broadcast, Mailbox, Numbered
from anypool.api.gate import Caller
from anypool.api.language import ReasonView, reason_view, told
from anypool.api.views import PageView, page_view
from anypool.errors import NotLoggedIn
from anypool.service import Deed, require
from anypool.store.records import EventRecord

BEAT_S = 5.0
"""Between two signs of life; the caller's permission is looked at again as often."""


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
    caller: From,
    broadcast: Live,
    last_event_id: Annotated[
        str | None, HeaderParameter(name="Last-Event-ID", max_length=100)
    ] = None,
) -> ServerSentEvent:
    """Follow changes: each message names an object to read again; `resync` means all of them."""
    require(caller.principal, Deed.READ)
    mailbox = broadcast.open(last_event_id or "")
    return ServerSentEvent(_stream(caller, broadcast, mailbox))


async def _stream(
    caller: Caller, broadcast: Broadcast, mailbox: Mailbox
) -> AsyncIterator[ServerSentEventMessage]:
    try:
        yield ServerSentEventMessage(data=None, comment="hello", retry=2000)
        while not mailbox.closed:
            news = await mailbox.get(BEAT_S)
            for item in news:
                yield _message(broadcast, item)
            if not news:
                await anyio.to_thread.run_sync(caller.check)
                yield ServerSentEventMessage(data=None, comment="still here")
    except NotLoggedIn:
        return
    finally:
        broadcast.leave(mailbox)


def _message(broadcast: Broadcast, item: Numbered) -> ServerSentEventMessage:
    data = json.dumps({"kind": item.notice.kind, "id": item.notice.id})
    return ServerSentEventMessage(data=data, event="notice", id=broadcast.id_of(item.number))


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
