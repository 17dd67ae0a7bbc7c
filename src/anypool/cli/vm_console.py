"""`anypool vm console`: the serial console in this terminal, VNC at a local port."""

import os
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Annotated

from cyclopts import Parameter

from anypool.cli.client import Client, key
from anypool.cli.connection import HERE, Where, chosen, open_http
from anypool.cli.contexts import Context
from anypool.cli.endings import ended_by_signals
from anypool.cli.failures import show
from anypool.cli.keyboard import raw, read_keys
from anypool.cli.terminal import note, out
from anypool.cli.wires import Wire, open_wire
from anypool.errors import AnypoolError, Invalid

_LOOPBACK = "127.0.0.1"
_CHUNK = 1 << 16


def console(
    name: str,
    /,
    *,
    vnc: Annotated[bool, Parameter(help="the screen, at a local port for any VNC viewer")] = False,
    port: Annotated[int, Parameter(help="that port; a free one if left out")] = 0,
    where: Where = HERE,
) -> None:
    """Open the serial console of a VM in this terminal; Ctrl-] ends it.

    Whoever had it open before loses it. With --vnc, viewers can connect to a port of this
    machine, one at a time, until Ctrl-C.
    """
    context = chosen(where)
    with open_http(context) as http:
        client = Client(http)
        if vnc:
            _screen(client, context, name, port)
        else:
            _serial(client, context, name)


def _serial(client: Client, context: Context, name: str) -> None:
    vm = client.get(f"/vms/{key(name)}")
    with open_wire(client, context, name, "serial") as wire:
        note(f"serial console of {vm['name']} on {vm['host_name']}; Ctrl-] ends it")
        left = _talk(wire)
    why = "Ctrl-]" if left else "it stopped, moved, or somebody else opened its console"
    note(f"\nserial console of {vm['name']} ended: {why}")


def _talk(wire: Wire) -> bool:
    """Connect this terminal until one side ends; return whether it was this one."""
    keyboard = sys.stdin.fileno()
    over, ended = os.pipe()
    with os.fdopen(over, "rb"), os.fdopen(ended, "wb"), ThreadPoolExecutor(1) as pool:
        with raw(keyboard):
            heard = pool.submit(_listen, wire, ended)
            try:
                left = read_keys(keyboard, over, wire.send)
            finally:
                wire.close()
        heard.result()
    return left


def _listen(wire: Wire, ended: int) -> None:
    try:
        wire.hand_on(lambda said: _write(sys.stdout.fileno(), said))
    finally:
        os.write(ended, b".")


def _write(descriptor: int, said: bytes) -> None:
    while said:
        said = said[os.write(descriptor, said) :]


def _screen(client: Client, context: Context, name: str, port: int) -> None:
    client.ask(f"/vms/{key(name)}/console", {"kind": "vnc"})
    try:
        listener = socket.create_server((_LOOPBACK, port))
    except (OSError, OverflowError) as error:
        hint = "choose another --port, or leave it out"
        raise Invalid(f"port {port} cannot be used: {error}", hint=hint) from error
    with listener, suppress(KeyboardInterrupt), ended_by_signals():
        out().print(f"{_LOOPBACK}:{listener.getsockname()[1]}", markup=False)
        note(f"VNC viewers see {name} there, one at a time; Ctrl-C ends it")
        while True:
            viewer, _ = listener.accept()
            with viewer:
                try:
                    with open_wire(client, context, name, "vnc") as wire:
                        _view(viewer, wire)
                except AnypoolError as error:
                    show(error)


def _view(viewer: socket.socket, wire: Wire) -> None:
    viewer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with ThreadPoolExecutor(1) as pool:
        heard = pool.submit(_show, wire, viewer)
        try:
            with suppress(OSError):
                while done := viewer.recv(_CHUNK):
                    wire.send(done)
        finally:
            _hang_up(viewer)
            wire.close()
    heard.result()


def _show(wire: Wire, viewer: socket.socket) -> None:
    try:
        with suppress(OSError):
            wire.hand_on(viewer.sendall)
    finally:
        _hang_up(viewer)


def _hang_up(viewer: socket.socket) -> None:
    with suppress(OSError):
        viewer.shutdown(socket.SHUT_RDWR)
