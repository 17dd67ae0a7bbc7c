"""Requests that reach a manager that stands by: they are passed on to the one that leads.

What every manager may do itself is done here: to say how it is, to list the managers, and
whatever is about logins. The rest is judged where it arrives: the same tokens and sessions are
valid there, as both read them in the same database.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import anyio.to_thread
import httpx
import msgspec
from litestar.datastructures import Headers
from litestar.types import ASGIApp, Receive, Scope, Send

from anypool.api.headers import HEADERS
from anypool.api.idempotency import BODY_MAX
from anypool.api.origin import check_host, check_origin
from anypool.api.problems import MEDIA_TYPE, problem_of
from anypool.api.relay import refused, relay
from anypool.drivers.link import trusted
from anypool.errors import AnypoolError, Invalid, OutcomeUnknown, Unreachable
from anypool.service.managers import Managers
from anypool.store.peers import Peer, only_there

MARK = b"x-anypool-forwarded-by"
"""On a request that was passed on, so that it is not passed on again."""
PREFIX = "/api/v1"
OWN = ("/health", "/managers", "/login", "/logout", "/me", "/tokens", "/users")
"""What a manager answers itself, whoever leads."""
_CONNECT_S = 3.0
_HOP = frozenset(
    {b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"te", b"trailer", b"date"}
    | {b"server", b"cache-control", b"strict-transport-security", *(name for name, _ in HEADERS)}
)
_NOT_SENT_ON = frozenset({b"host", b"connection", b"content-length", b"origin", MARK})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Forward:
    """Pass requests on while another manager leads, and their answers back as they come."""

    def __init__(self, app: ASGIApp, managers: Managers, names: frozenset[str]) -> None:
        self._app = app
        self._managers = managers
        self._names = names
        self._clients: dict[tuple[str, str], httpx.AsyncClient] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer here, or have it answered."""
        talks = str(scope["type"]) == "websocket"
        if not (talks or "method" in scope) or not _is_for_the_leader(scope):
            await self._app(scope, receive, send)
            return
        try:
            leader = await anyio.to_thread.run_sync(self._managers.leader)
        except AnypoolError:
            leader = None
        if leader is None or not leader.address:
            await self._app(scope, receive, send)
            return
        try:
            headers = Headers.from_scope(scope)
            check_host(headers, self._names)
            if talks or scope.get("method") not in _SAFE:
                check_origin(headers)
            _check_reach(leader, self._managers.here)
            if talks:
                await relay(scope, receive, send, leader, _sent_on(scope, leader))
            else:
                await self._pass_on(scope, receive, send, leader)
        except AnypoolError as error:
            await (refused(send, error) if talks else _tell(error, send))

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, leader: Peer) -> None:
        url = leader.address + scope["raw_path"].decode("latin-1")
        if query := scope["query_string"]:
            url += "?" + query.decode("latin-1")
        method = str(scope.get("method"))
        client = self._client(leader)
        request = client.build_request(
            method, url, headers=_sent_on(scope, leader), content=await _body(receive)
        )
        try:
            answer = await _unless_left(client.send(request, stream=True), receive)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Unreachable(
                f"the manager that leads does not answer at {leader.address}",
                hint="another one takes over within 10 s if it does not come back; try again",
            ) from error
        except httpx.TransportError as error:
            kind = Unreachable if method in _SAFE else OutcomeUnknown
            raise kind(
                f"the manager that leads, {leader.address}, gave no answer",
                hint="look whether the request took effect before you repeat it",
            ) from error
        try:
            kept = [pair for pair in answer.headers.raw if pair[0].lower() not in _HOP]
            start = {"type": "http.response.start", "status": answer.status_code, "headers": kept}
            await send(start)  # type: ignore[arg-type]
            async for part in _until_left(_parts(answer), receive):
                more = {"type": "http.response.body", "body": part, "more_body": True}
                await send(more)  # type: ignore[arg-type]
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await answer.aclose()

    def _client(self, leader: Peer) -> httpx.AsyncClient:
        """Return a client for one manager, which trusts the certificate it wrote down only."""
        key = (leader.address, leader.certificate)
        if key not in self._clients:
            verify: ssl.SSLContext | bool = trusted(leader.certificate) or False
            timeout = httpx.Timeout(None, connect=_CONNECT_S)
            self._clients[key] = httpx.AsyncClient(
                verify=verify,
                timeout=timeout,
                limits=httpx.Limits(max_connections=None),  # streams stay open
                trust_env=False,
                follow_redirects=False,
            )
        return self._clients[key]


def _is_for_the_leader(scope: Scope) -> bool:
    path = scope["path"]
    if not path.startswith(PREFIX + "/") or any(name == MARK for name, _ in scope["headers"]):
        return False
    rest = path.removeprefix(PREFIX)
    return not any(rest == own or rest.startswith(own + "/") for own in OWN)


def _check_reach(leader: Peer, here: str) -> None:
    """Raise `Unreachable` for a manager elsewhere that listens for its own machine only."""
    if only_there(leader, here):
        raise Unreachable(
            f"the manager that leads listens on {leader.host} for that machine only",
            hint=f"ask there, or set listen_host on {leader.host} so that others reach it",
        )


def _sent_on(scope: Scope, leader: Peer) -> list[tuple[bytes, bytes]]:
    kept = [pair for pair in scope["headers"] if pair[0] not in _NOT_SENT_ON]
    if any(name == b"origin" for name, _ in scope["headers"]):  # it was ours, or it was refused
        kept.append((b"origin", leader.address.encode()))
    return [*kept, (MARK, b"1")]


async def _body(receive: Receive) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Unreachable("the client went away")
        parts.append(message["body"])
        size += len(message["body"])
        if size > BODY_MAX:
            raise Invalid(f"the body is longer than {BODY_MAX} bytes")
        if not message.get("more_body"):
            return b"".join(parts)


async def _unless_left(sending: Coroutine[Any, Any, httpx.Response], receive: Receive) -> Any:
    """Return the answer; leave too when the client does, so that nobody plans for it any more."""
    answer, left = asyncio.ensure_future(sending), asyncio.ensure_future(receive())
    try:
        await asyncio.wait((answer, left), return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        raise Unreachable("the client went away")
    finally:
        for one in (answer, left):
            one.cancel()
        await asyncio.gather(answer, left, return_exceptions=True)


async def _until_left(parts: AsyncIterator[bytes], receive: Receive) -> AsyncIterator[bytes]:
    """Yield what comes for as long as the client is there: some answers never end."""
    left = asyncio.ensure_future(receive())
    try:
        while True:
            part = asyncio.ensure_future(anext(parts, None))
            await asyncio.wait((part, left), return_when=asyncio.FIRST_COMPLETED)
            if not part.done():
                part.cancel()
                await asyncio.gather(part, return_exceptions=True)
                return
            if (found := part.result()) is None:
                return
            yield found
    finally:
        left.cancel()
        await asyncio.gather(left, return_exceptions=True)


async def _parts(answer: httpx.Response) -> AsyncIterator[bytes]:
    """Yield an answer as it comes; one that breaks off ends."""
    try:
        async for part in answer.aiter_raw():
            yield part
    except httpx.TransportError:
        return


async def _tell(error: AnypoolError, send: Send) -> None:
    problem = problem_of(error)
    body = msgspec.json.encode(problem)
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", b"%d" % len(body))]
    start = {"type": "http.response.start", "status": problem.status, "headers": headers}
    await send(start)  # type: ignore[arg-type]
    await send({"type": "http.response.body", "body": body, "more_body": False})
