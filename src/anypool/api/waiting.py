"""Planning ends when the client that asked for it leaves.

Once a request has arrived whole, nothing more comes from its client but that it is gone. What was
decided by then, a plan that is stored or a run that began, stays.
"""

import asyncio
import threading
from contextlib import suppress

from litestar.datastructures import Headers
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPRequestEvent, Receive, ReceiveMessage, Scope, Send

from anypool.planner import cancel

PLANS = "plans"
"""A handler of GET whose `opt` says so plans; others of GET are short, or look for themselves."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Waiting(ASGIMiddleware):
    """Look whether the client of a request is still there, for whoever plans for it.

    Nobody plans for a websocket, and what comes from it is for its handler alone.
    """

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass the request on, and look until it is answered."""
        if scope.get("method") in _SAFE and not scope["route_handler"].opt.get(PLANS):
            await next_app(scope, receive, send)
            return
        client = _Client(receive)
        if not _has_body(scope):
            await client.arrive()
        cancel.wait_for(client.gone.is_set)
        try:
            await next_app(scope, client.receive, send)
        finally:
            await client.answered()


def _has_body(scope: Scope) -> bool:
    headers = Headers.from_scope(scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


class _Client:
    """What comes from a client; `gone` is set when it leaves."""

    def __init__(self, receive: Receive) -> None:
        self.gone = threading.Event()
        self._receive = receive
        self._empty: HTTPRequestEvent | None = None
        self._looking: asyncio.Task[ReceiveMessage] | None = None

    async def arrive(self) -> None:
        """Take the request itself, which has no body: else perhaps nobody would ask for it."""
        while self._looking is None:
            await self.receive()
        self._empty = HTTPRequestEvent(type="http.request", body=b"", more_body=False)

    async def receive(self) -> ReceiveMessage:
        """Give what comes next."""
        if self._empty is not None:
            given, self._empty = self._empty, None
            return given
        if self._looking is not None:
            return await asyncio.shield(self._looking)
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body"):
            self._looking = asyncio.create_task(self._look())
        return message

    async def answered(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking

    async def _look(self) -> ReceiveMessage:
        message = await self._receive()
        self.gone.set()
        return message
