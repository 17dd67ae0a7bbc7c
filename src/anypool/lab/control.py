"""The lab's control socket: one JSON line asked, one JSON line answered, per connection."""

import socket
import struct
from typing import Literal

import msgspec

from anypool import errors
from anypool.errors import AnypoolError, NotFound
from anypool.lab import local_socket
from anypool.lab.places import LabPlaces
from anypool.lab.records import ServerState

Operation = Literal["status", "on", "off", "shutdown", "freeze", "thaw", "partition", "heal"]

_TIMEOUT_S = 60.0
_LONGEST_LINE = 1 << 20


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One order; `server` is empty for status.

    `mode` is what of a server is cut, or for `on` that it starts from the `network`.
    """

    operation: Operation
    server: str = ""
    mode: str = ""


class Reply(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The state of every server after the order, or the error (by class name) it met."""

    servers: tuple[ServerState, ...] = ()
    error: str = ""
    message: str = ""
    hint: str = ""


def supervisor_pid(places: LabPlaces) -> int | None:
    """Process id, as seen from here, of the lab's first process; None when the lab is down.

    The kernel itself answers, so this is right even when the lab hangs or was killed.
    """
    try:
        with local_socket.connected(places.control) as connection:
            raw = connection.getsockopt(
                socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")
            )
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    pid: int = struct.unpack("3i", raw)[0]
    return pid or None


def not_up(places: LabPlaces) -> NotFound:
    """Return that a lab is down; the hint names others in the same folder that are up."""
    beside = sorted(one.parent for one in places.directory.parent.glob(f"*/{places.control.name}"))
    names = [one.name for one in beside if supervisor_pid(LabPlaces(one)) is not None]
    hint = "bring it up with `anypool lab up`"
    if names:
        hint = f"`--name {names[0]}`, which is up, or bring it up with `anypool lab up`"
    return NotFound(f"the lab in {places.directory} is not up", hint=hint)


def ask(places: LabPlaces, request: Request) -> tuple[ServerState, ...]:
    """Have an order carried out and wait for it.

    Raises `NotFound` when the lab is down, or the error the supervisor met.
    """
    try:
        with local_socket.connected(places.control) as connection:
            connection.settimeout(_TIMEOUT_S)
            connection.sendall(msgspec.json.encode(request) + b"\n")
            reply = msgspec.json.decode(read_line(connection), type=Reply)
    except (FileNotFoundError, ConnectionRefusedError) as problem:
        raise not_up(places) from problem
    except (OSError, msgspec.DecodeError) as problem:
        raise errors.OutcomeUnknown(
            f"the lab gave no answer to {request.operation}: {problem}",
            hint="look with `anypool lab status`",
        ) from problem
    if reply.error:
        kind: type[AnypoolError] = getattr(errors, reply.error, AnypoolError)
        raise kind(reply.message, hint=reply.hint)
    return reply.servers


def read_line(connection: socket.socket) -> bytes:
    """Read up to a line's end or the connection's."""
    line = b""
    while not line.endswith(b"\n") and len(line) < _LONGEST_LINE:
        piece = connection.recv(65536)
        if not piece:
            break
        line += piece
    return line


def listen(places: LabPlaces) -> socket.socket:
    """Make the control socket; whoever calls this is the process `supervisor_pid` names."""
    places.control.unlink(missing_ok=True)
    return local_socket.listening(places.control, 64)
