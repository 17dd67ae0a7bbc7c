"""The routes of consoles: a ticket, and the websocket it opens."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, Literal

import anyio.to_thread
from litestar import WebSocket, get, post, websocket
from litestar.exceptions import WebSocketDisconnect
from litestar.params import JSONBody
from msgspec import Struct

from anypool.api.asking import By, Key, Use
from anypool.api.gate import SECRET, Caller
from anypool.errors import AnypoolError, NotLoggedIn, Unreachable
from anypool.model import Console, VmId
from anypool.service.consoles import Consoles, Ticket

PROTOCOL = "anypool.console"
TICKET = "anypool.ticket."
_CONNECT_S = 5.0
_CHECK_S = 5.0
_CHUNK = 65536
_REASON = 40
"""Letters of a reason: a frame that closes has room for 123 bytes."""
_ENDED = 1000
_FORBIDDEN = 1008
TAKEN = 4001
"""How a websocket is closed: the console ended, its user may not go on, or another one took the
serial console, whose name is the reason then."""


class ConsoleBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which console."""

    kind: Literal["vnc", "serial"] = "vnc"


class ConsoleView(Struct, frozen=True, kw_only=True):
    """How to open it: a websocket at `path` with `subprotocols`, once, within 30 seconds.

    `id` is what the console is called among those that are open.
    """

    id: str
    path: str
    subprotocols: tuple[str, ...]
    token: str
    good_for_s: float


class OpenConsoleView(Struct, frozen=True, kw_only=True):
    """A console that somebody has open; `since` is in seconds since 1970."""

    id: str
    user: str
    kind: str
    since: float


class OpenConsolesView(Struct, frozen=True, kw_only=True):
    """Who has a console of a VM open, the first who came first."""

    items: tuple[OpenConsoleView, ...]


@post("/vms/{key:str}/console", status_code=200, opt={SECRET: True}, sync_to_thread=True)
def open_console(services: Use, by: By, key: Key, data: JSONBody[ConsoleBody]) -> ConsoleView:
    """Ask for a ticket to a console."""
    token, number = services.consoles.ticket(by, key, data.kind)
    return ConsoleView(
        id=number,
        path="/api/v1/console",
        subprotocols=(PROTOCOL, TICKET + token),
        token=token,
        good_for_s=30.0,
    )


@get("/vms/{key:str}/consoles", sync_to_thread=True)
def list_consoles(services: Use, by: By, key: Key) -> OpenConsolesView:
    """Say who has a console of a VM open now; a serial one has one user, the last who came."""
    found = services.consoles.of_vm(by, key)
    return OpenConsolesView(
        items=tuple(
            OpenConsoleView(id=one.id, user=one.user, kind=one.kind, since=one.since)
            for one in found
        )
    )


@websocket("/console")
async def console(socket: WebSocket[Caller, Any, Any], services: Use) -> None:
    """Carry bytes between a browser and a console, as long as the caller is allowed to."""
    caller = socket.user
    offered = socket.headers.get("sec-websocket-protocol", "").split(",")
    tokens = [text.strip().removeprefix(TICKET) for text in offered if TICKET in text]
    if len(tokens) != 1:
        raise NotLoggedIn("no console ticket", hint="send it as a subprotocol")
    redeem = services.consoles.redeem
    ticket = await anyio.to_thread.run_sync(redeem, caller.principal, tokens[0])
    services.consoles.opened(ticket)
    try:
        await _carried(socket, services.consoles, ticket)
    finally:
        services.consoles.closed(ticket)


async def _carried(socket: WebSocket[Caller, Any, Any], consoles: Consoles, of: Ticket) -> None:
    reader, writer = await _connected(of.console)
    code, reason = _ENDED, ""
    try:
        await socket.accept(subprotocols=PROTOCOL)
        watch = asyncio.ensure_future(_watch(socket.user, consoles, of.vm))
        await _first(_inward(socket, writer), _outward(reader, socket), watch)
        reason = consoles.taken(of)
        code = TAKEN if reason else _ENDED
        code = _FORBIDDEN if watch.done() and not watch.cancelled() else code
    finally:
        writer.close()
        with suppress(OSError, RuntimeError, WebSocketDisconnect):
            await socket.close(code=code, reason=reason[:_REASON] or None)


async def _connected(to: Console) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        async with asyncio.timeout(_CONNECT_S):
            if to.path:
                return await asyncio.open_unix_connection(to.path)
            return await asyncio.open_connection(to.address, to.port)
    except (OSError, TimeoutError) as error:
        raise Unreachable("the console does not answer", hint="is the VM running?") from error


async def _inward(socket: WebSocket[Caller, Any, Any], writer: asyncio.StreamWriter) -> None:
    with suppress(WebSocketDisconnect, OSError):
        while True:
            writer.write(await socket.receive_data(mode="binary"))
            await writer.drain()


async def _outward(reader: asyncio.StreamReader, socket: WebSocket[Caller, Any, Any]) -> None:
    with suppress(WebSocketDisconnect, OSError):
        while data := await reader.read(_CHUNK):
            await socket.send_bytes(data)


async def _watch(caller: Caller, consoles: Consoles, vm: VmId) -> None:
    """End when the caller may not go on."""
    with suppress(AnypoolError):
        while True:
            await asyncio.sleep(_CHECK_S)
            consoles.check(await anyio.to_thread.run_sync(caller.check), vm)


async def _first(*parts: Awaitable[None]) -> None:
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


ROUTES = (open_console, list_consoles, console)
