"""The websocket by which the manager that leads has another one look at its pools."""

import asyncio
from contextlib import suppress
from typing import Any

import anyio
import anyio.to_thread
import msgspec
from litestar import WebSocket, websocket
from litestar.exceptions import WebSocketDisconnect

from anypool.api.asking import Use
from anypool.api.gate import ANONYMOUS
from anypool.drivers.link import ASKS, KEY_HEADER
from anypool.drivers.wire import ENCODER
from anypool.errors import AnypoolError
from anypool.service.lending import Lending

AT_ONCE = 10_000
"""How many looks are under way at once: one that waits for changes takes a thread."""
CHECK_S = 1.5
_WRONG = 1003
_FORBIDDEN = 1008
"""How a websocket is closed: it said what is no message of ours, or its key is not the leader's."""


@websocket("/managers/looks", opt={ANONYMOUS: True})
async def looks(socket: WebSocket[Any, Any, Any], services: Use) -> None:
    """Do looks for the manager that leads, as long as its key is the one in the records."""
    lending, key = services.lending, socket.headers.get(KEY_HEADER, "")
    await anyio.to_thread.run_sync(lending.check, key)
    await socket.accept()
    limiter = anyio.CapacityLimiter(AT_ONCE)
    code = 1000
    with suppress(WebSocketDisconnect, RuntimeError):
        async with anyio.create_task_group() as group:
            code = await _serve(socket, lending, key, (limiter, group))
            group.cancel_scope.cancel()
    with suppress(WebSocketDisconnect, RuntimeError):
        await socket.close(code=code)


async def _serve(
    socket: WebSocket[Any, Any, Any],
    lending: Lending,
    key: str,
    crew: tuple[anyio.CapacityLimiter, Any],
) -> int:
    """Take looks until the other side goes, or is not the one that leads; return how to close."""
    limiter, group = crew
    checking = asyncio.ensure_future(_checked(lending, key))
    try:
        while True:
            coming = asyncio.ensure_future(socket.receive_data(mode="binary"))
            await asyncio.wait({coming, checking}, return_when=asyncio.FIRST_COMPLETED)
            if checking.done():
                coming.cancel()
                return _FORBIDDEN
            try:
                ask = ASKS.decode(await coming)
            except msgspec.MsgspecError:
                return _WRONG
            group.start_soon(_answer, socket, lending, ask, limiter)
    finally:
        checking.cancel()


async def _answer(
    socket: WebSocket[Any, Any, Any], lending: Lending, ask: Any, limiter: anyio.CapacityLimiter
) -> None:
    reply = await anyio.to_thread.run_sync(
        lending.answer, ask, limiter=limiter, abandon_on_cancel=True
    )
    with suppress(WebSocketDisconnect, RuntimeError):
        await socket.send_bytes(ENCODER.encode(reply))


async def _checked(lending: Lending, key: str) -> None:
    """End when the key is no longer that of the manager that leads."""
    with suppress(AnypoolError):
        while True:
            await asyncio.sleep(CHECK_S)
            await anyio.to_thread.run_sync(lending.check, key)


ROUTES = (looks,)
