"""Websockets that reach a manager that stands by: carried to the one that leads, and back.

Such as that of a console, whose ticket only the manager that leads knows.
"""

import asyncio
from contextlib import suppress
from typing import Any

from litestar.types import Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from anypool.drivers.link import trusted
from anypool.errors import AnypoolError, Unreachable
from anypool.store.peers import Peer

MOST_BYTES = 1 << 20
_CONNECT_S = 3.0
_OURS = frozenset({b"upgrade", b"accept-encoding", b"user-agent"})
_PREFIX = b"sec-websocket-"
_FORBIDDEN, _BROKE = 1008, 1011
_UNSENT = frozenset({1005, 1006, 1015})
"""Codes that say how a websocket ended without one, and are never sent."""
_REASON = 120
"""Bytes of a reason: a frame that closes has room for 123."""

Headers = list[tuple[bytes, bytes]]


async def relay(scope: Scope, receive: Receive, send: Send, leader: Peer, headers: Headers) -> None:
    """Carry a websocket to the manager that leads, with these headers, until either side ends it.

    Raises `Unreachable`, before it is accepted, for a manager that does not answer.
    """
    await receive()  # says only that somebody wants to connect
    kept = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in headers if not _is_ours(n)]
    asked: Any = scope
    try:
        there = await connect(
            _address(scope, leader),
            ssl=trusted(leader.certificate),
            subprotocols=[Subprotocol(one) for one in asked["subprotocols"]] or None,
            additional_headers=kept,
            user_agent_header=None,
            compression=None,
            proxy=None,
            open_timeout=_CONNECT_S,
            max_size=MOST_BYTES,
        )
    except InvalidStatus as error:
        await _refuse(send, f"refused with {error.response.status_code}")
        return
    except (OSError, WebSocketException) as error:
        raise Unreachable(
            f"the manager that leads does not answer at {leader.address}",
            hint="another one takes over within 10 s if it does not come back; try again",
        ) from error
    try:
        accepted: Any = {
            "type": "websocket.accept",
            "subprotocol": there.subprotocol,
            "headers": [],
        }
        await send(accepted)
        await _carried(there, receive, send)
    finally:
        await there.close()


async def refused(send: Send, error: AnypoolError) -> None:
    """Tell somebody who wants to connect that it cannot be."""
    await _refuse(send, error.message)


async def _carried(there: ClientConnection, receive: Receive, send: Send) -> None:
    """Carry messages both ways; end when either side does."""
    inward = asyncio.ensure_future(_inward(there, receive))
    outward = asyncio.ensure_future(_outward(there, send))
    try:
        await asyncio.wait({inward, outward}, return_when=asyncio.FIRST_COMPLETED)
        if inward.done():
            with suppress(OSError, WebSocketException):
                await there.close(inward.result())
            return
        code = there.close_code or _BROKE
        closed = {
            "type": "websocket.close",
            "code": _BROKE if code in _UNSENT else code,
            "reason": there.close_reason or "",
        }
        with suppress(OSError, RuntimeError):
            await send(closed)  # type: ignore[arg-type]
    finally:
        for task in (inward, outward):
            task.cancel()
        await asyncio.gather(inward, outward, return_exceptions=True)


async def _inward(there: ClientConnection, receive: Receive) -> int:
    """Carry what the client sends; return the code with which it ended."""
    while True:
        message: Any = await receive()
        if message["type"] != "websocket.receive":
            code = int(message.get("code") or 1000)
            return 1000 if code in _UNSENT else code
        data = message.get("bytes")
        with suppress(ConnectionClosed):  # the other direction tells how
            await there.send(message["text"] if data is None else data)


async def _outward(there: ClientConnection, send: Send) -> None:
    """Carry what the manager that leads sends."""
    with suppress(OSError, RuntimeError):
        async for data in there:
            key = "text" if isinstance(data, str) else "bytes"
            await send({"type": "websocket.send", key: data})  # type: ignore[arg-type]


async def _refuse(send: Send, why: str) -> None:
    told = why.encode()[:_REASON].decode(errors="ignore")
    await send({"type": "websocket.close", "code": _FORBIDDEN, "reason": told})


def _address(scope: Scope, leader: Peer) -> str:
    url = "ws" + leader.address.removeprefix("http") + scope["raw_path"].decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    return f"{url}?{query}" if query else url


def _is_ours(name: bytes) -> bool:
    return name in _OURS or name.startswith(_PREFIX)
