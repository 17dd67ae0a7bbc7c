"""Idempotency-Key: the same request twice is one deed with one answer."""

import hashlib
from collections.abc import Callable
from functools import partial

import anyio.to_thread
from litestar.datastructures import Headers
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPRequestEvent, Message, Receive, Scope, Send

from anypool.api.gate import SECRET, Caller
from anypool.errors import AnypoolError, Invalid
from anypool.service import Principal, Services
from anypool.service.once import Once
from anypool.store.records import StoredResponse

BODY_MAX = 1 << 20
"""No request needs a bigger body."""

_NOBODY_KNOWS = frozenset({0, 500, 504})
"""No answer, a defect, or a platform that did not say what came of it."""


class Replay(ASGIMiddleware):
    """Answer a POST whose key was seen before with what the first one was answered."""

    def __init__(self, services: Services) -> None:
        self._once: Once = services.once

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass a new request on and keep its answer; give the kept answer to a known one."""
        key = Headers.from_scope(scope).get("idempotency-key")
        caller = scope.get("user")
        if key is None or scope.get("method") != "POST" or not isinstance(caller, Caller):
            await next_app(scope, receive, send)
            return
        if scope["route_handler"].opt.get(SECRET):
            hint = "leave the key out; its answer holds a secret, which is not kept"
            raise Invalid("this request takes no idempotency key", hint=hint)
        body = await _read(receive)
        by = caller.principal
        old = await anyio.to_thread.run_sync(self._once.begin, by, key, _digest(scope, body))
        if old is not None:
            await _send(old, send)
            return
        kept = _Kept(partial(self._close, by, key))
        try:
            await next_app(scope, _given(body, receive), kept.listening(send))
        finally:
            await kept.close()

    def _close(self, by: Principal, key: str, response: StoredResponse) -> None:
        """Keep a success, forget what was refused, and leave open what nobody knows."""
        if 200 <= response.status < 300:
            self._once.finish(by, key, response)
        elif response.status not in _NOBODY_KNOWS:
            self._once.undo(by, key)


class _Kept:
    """What is answered, and written down before the client has all of it.

    Else a client could send the request again before it is known what became of the first.
    """

    def __init__(self, close: Callable[[StoredResponse], None]) -> None:
        self._close = close
        self._closed = False
        self._status = 0
        self._location = ""
        self._body = b""

    def listening(self, send: Send) -> Send:
        held: list[Message] = []

        async def listened(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._status = message["status"]
                headers = dict(message["headers"])
                self._location = headers.get(b"location", b"").decode()
                held.append(message)
                return
            if message["type"] == "http.response.body":
                self._body += message["body"]
            try:
                if not message.get("more_body"):
                    await self.close()
            finally:
                while held:
                    await send(held.pop())
                await send(message)

        return listened

    async def close(self) -> None:
        """Write down what was answered, once."""
        if not self._closed:
            self._closed = True
            found = StoredResponse(status=self._status, body=self._body, location=self._location)
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._close, found)


async def _read(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise AnypoolError("the client went away")
        parts.append(message["body"])
        if sum(map(len, parts)) > BODY_MAX:
            raise RequestEntityTooLarge
        if not message.get("more_body"):
            return b"".join(parts)


def _given(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> object:
        nonlocal given
        if given:
            return await receive()
        given = True
        return HTTPRequestEvent(type="http.request", body=body, more_body=False)

    return again  # type: ignore[return-value]


async def _send(response: StoredResponse, send: Send) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(response.body)).encode()),
        (b"idempotency-replayed", b"true"),
    ]
    if response.location:
        headers.append((b"location", response.location.encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body, "more_body": False})


def _digest(scope: Scope, body: bytes) -> str:
    parts = (scope["path"].encode(), scope["query_string"], body)
    return hashlib.sha256(b"\n".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()
