"""Notices of the engine, passed on to many readers, each with a bounded mailbox.

A notice only says that something about an object is new. A reader that falls behind, or
comes back after too long, gets one `resync`: read everything again. Notices are gathered
for a moment and put into words once, however many readers there are.
"""

import asyncio
import json
import secrets
import threading
from collections import deque
from typing import NamedTuple

from anypool.engine import Notice, Subscription
from anypool.errors import Busy

_REMEMBERED = 2000
_MAILBOX = 500
_MOST_READERS = 256
_POLL_S = 1.0
_GATHER_S = 0.1

RESYNC = Notice("resync")


class Numbered(NamedTuple):
    """A notice with its number in this process, and as a message of the stream."""

    number: int
    notice: Notice
    message: bytes = b""


class Mailbox:
    """What one reader has not seen yet: one notice for each object, in their order."""

    def __init__(self, limit: int = _MAILBOX) -> None:
        self._limit = limit
        self._waiting: dict[Notice, Numbered] = {}
        self._news = asyncio.Event()
        self.closed = False

    def put(self, news: list[Numbered]) -> None:
        """Add notices; called on the event loop."""
        for one in news:
            self._waiting.pop(one.notice, None)
            self._waiting[one.notice] = one
        if len(self._waiting) > self._limit:
            self._waiting = {RESYNC: Numbered(news[-1].number, RESYNC)}
        self._news.set()

    def close(self) -> None:
        """Wake the reader up for the last time."""
        self.closed = True
        self._news.set()

    async def get(self, timeout_s: float) -> list[Numbered]:
        """Return all that waits, after at most `timeout_s`; empty if nothing came."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            return []
        if not self.closed:
            self._news.clear()
        found, self._waiting = list(self._waiting.values()), {}
        return found


class Broadcast:
    """One thread that listens to the engine, and the mailboxes of all readers."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        self._closing = threading.Event()
        self._boot = secrets.token_hex(4)
        self._number = 0
        self._past: deque[Numbered] = deque(maxlen=_REMEMBERED)
        self._mailboxes: set[Mailbox] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._listen, name="broadcast", daemon=True)

    def start(self) -> None:
        """Begin; called on the event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    @property
    def readers(self) -> int:
        """How many streams are open."""
        return len(self._mailboxes)

    def close(self) -> None:
        """End all streams; harmless when repeated."""
        self._closing.set()
        self._subscription.close()
        for mailbox in tuple(self._mailboxes):
            mailbox.close()

    def open(self, last_id: str = "") -> Mailbox:
        """Return a mailbox that gets what came after `last_id`; raise `Busy` when too many."""
        if len(self._mailboxes) >= _MOST_READERS:
            raise Busy("too many readers of the event stream", hint="close some")
        mailbox = Mailbox()
        self._mailboxes.add(mailbox)
        if last_id:
            self._catch_up(mailbox, last_id)
        return mailbox

    def leave(self, mailbox: Mailbox) -> None:
        """Forget a mailbox; quiet if it is not known."""
        self._mailboxes.discard(mailbox)

    def id_of(self, number: int) -> str:
        """Return the id of an event of the stream, for Last-Event-ID."""
        return f"{self._boot}-{number}"

    def message(self, one: Numbered) -> bytes:
        """Return a notice as a message of the stream."""
        return one.message or self._words(one.number, one.notice)

    def _words(self, number: int, notice: Notice) -> bytes:
        data = json.dumps({"kind": notice.kind, "id": notice.id})
        return f"id: {self.id_of(number)}\r\nevent: notice\r\ndata: {data}\r\n\r\n".encode()

    def _catch_up(self, mailbox: Mailbox, last_id: str) -> None:
        boot, _, text = last_id.partition("-")
        seen = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1
        oldest = self._past[0].number if self._past else self._number + 1
        if boot != self._boot or not oldest - 1 <= seen <= self._number:
            mailbox.put([Numbered(self._number, RESYNC)])
            return
        missed = [news for news in self._past if news.number > seen]
        if missed:
            mailbox.put(missed)

    def _listen(self) -> None:
        while not self._subscription.closed:
            notices = self._subscription.get(_POLL_S)
            loop = self._loop
            if notices and loop is not None and not loop.is_closed():
                loop.call_soon_threadsafe(self._deliver, notices)
                self._closing.wait(_GATHER_S)

    def _deliver(self, notices: tuple[Notice, ...]) -> None:
        news = []
        for notice in notices:
            self._number += 1
            news.append(Numbered(self._number, notice, self._words(self._number, notice)))
        self._past.extend(news)
        for mailbox in self._mailboxes:
            mailbox.put(news)
