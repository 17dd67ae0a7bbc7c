"""Consoles over a websocket: one-time tickets, and the bytes of one console."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from anypool.cli import tls
from anypool.cli.client import Client, key
from anypool.cli.contexts import Context
from anypool.errors import Denied, Unreachable

_OPEN_S = 10.0
_LONGEST = 1 << 20
_FORBIDDEN = 1008


class Wire:
    """An open console; both directions may be used from different threads."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    def send(self, typed: bytes) -> None:
        """Send bytes; quiet when the console has ended."""
        try:
            self._socket.send(typed)
        except ConnectionClosed:
            return

    def hand_on(self, take: Callable[[bytes], object]) -> None:
        """Give what the console says to `take` until it ends.

        Raises `Denied` when it was ended because its user may go on no longer.
        """
        try:
            while True:
                said = self._socket.recv()
                take(said.encode() if isinstance(said, str) else said)
        except ConnectionClosed as end:
            if end.rcvd is not None and end.rcvd.code == _FORBIDDEN:
                raise Denied("the console was closed: you may use it no longer") from end

    def close(self) -> None:
        """End the console; harmless when repeated."""
        self._socket.close()


@contextmanager
def open_wire(client: Client, context: Context, vm: str, kind: str) -> Iterator[Wire]:
    """Ask for a ticket, open a console with it, and close it in the end.

    Raises what the manager answers, and `Unreachable` when the console does not open.
    """
    ticket = client.ask(f"/vms/{key(vm)}/console", {"kind": kind})
    bearer = {"Authorization": f"Bearer {context.token}"} if context.token else {}
    trusted = tls.trust(context.url, context.fingerprint, context.key)
    with ExitStack() as stack:
        try:
            opening = connect(
                f"ws{context.url.removeprefix('http')}{ticket['path']}",
                subprotocols=[Subprotocol(name) for name in ticket["subprotocols"]],
                additional_headers=bearer,
                ssl=trusted if isinstance(trusted, ssl.SSLContext) else None,
                proxy=None,
                compression=None,
                open_timeout=_OPEN_S,
                max_size=_LONGEST,
            )
            socket = stack.enter_context(opening)
        except (OSError, InvalidHandshake) as error:
            raise Unreachable(
                f"the {kind} console of {vm} does not open: {error}",
                hint="can the manager reach the consoles of that host?",
            ) from error
        yield Wire(socket)
