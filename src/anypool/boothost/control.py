"""What the boot host is asked on its socket: one line of JSON, and one in answer."""

from __future__ import annotations

import json
import os
import socket
import socketserver
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from anypool.boothost.keeping import BootHost
from anypool.boothost.values import Refused, entry_of, image_name

LONGEST = 1 << 20
SILENCE_S = 30.0
NAME = "control"


def _operations(host: BootHost) -> Mapping[str, Callable[[dict[str, Any]], Any]]:
    return {
        "state": lambda _: host.state(),
        "enter": lambda said: host.enter(entry_of(said.get("entry"))),
        "leave": lambda said: host.leave(_word(said, "profile"), _word(said, "server")),
        "make": lambda _: host.make(),
        "add-image": lambda said: host.images.add(
            image_name(said.get("name")), _parts(said), _word(said, "cmdline", ""), _number(said)
        ),
        "choose-image": lambda said: host.images.choose(*_version(said)),
        "forget-image": lambda said: host.images.forget(*_version(said)),
        "capture": lambda said: host.capture(
            _word(said, "profile"), image_name(said.get("name")), _number(said)
        ),
    }


def _word(said: dict[str, Any], name: str, default: str | None = None) -> str:
    value = said.get(name, default)
    if not isinstance(value, str):
        raise Refused(f"{name} is no text", kind="invalid")
    return value


def _version(said: dict[str, Any]) -> tuple[str, int]:
    number = said.get("version")
    if isinstance(number, bool) or not isinstance(number, int):
        raise Refused("a version is a number", kind="invalid")
    return image_name(said.get("name")), number


def _number(said: dict[str, Any]) -> int:
    """Return the number that a version is to get, 0 for the next one."""
    return _version({"version": 0, **said})[1]


def _parts(said: dict[str, Any]) -> dict[str, str]:
    parts = said.get("parts")
    if not isinstance(parts, dict) or not all(isinstance(one, str) for one in parts.values()):
        raise Refused("parts are files by name", kind="invalid")
    return parts


def answered(host: BootHost, line: bytes) -> dict[str, Any]:
    """Return what one request gets; never raises for what it says."""
    try:
        said = json.loads(line)
        deed = _operations(host).get(said.get("ask", "")) if isinstance(said, dict) else None
        if deed is None:
            raise Refused("that cannot be asked here", "is the program older?", "invalid")
        return {"result": deed(said)}
    except Refused as problem:
        told = {"kind": problem.kind, "message": str(problem), "hint": problem.hint}
        return {"error": told}
    except ValueError as problem:
        return {"error": {"kind": "invalid", "message": f"no JSON: {problem}", "hint": ""}}
    except OSError as problem:
        return {"error": {"kind": "rejected", "message": str(problem), "hint": "is there room?"}}


class Control(socketserver.ThreadingUnixStreamServer):
    """The socket; only its owner may write to it."""

    daemon_threads = True

    def __init__(self, host: BootHost, path: str) -> None:
        self.host = host
        with suppress(FileNotFoundError):
            os.unlink(path)
        before = os.umask(0o177)
        try:
            super().__init__(path, _Asked)
        finally:
            os.umask(before)


class _Asked(socketserver.StreamRequestHandler):
    server: Control
    timeout = SILENCE_S

    def handle(self) -> None:
        """Answer one request."""
        with suppress(OSError):
            line = self.rfile.readline(LONGEST)
            answer = answered(self.server.host, line)
            self.wfile.write(json.dumps(answer).encode() + b"\n")


def asked(path: str, line: bytes, timeout_s: float) -> bytes:
    """Return what a boot host answers on its socket; raise `OSError`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(timeout_s)
        channel.connect(path)
        channel.sendall(line.rstrip(b"\n") + b"\n")
        with channel.makefile("rb") as answer:
            return answer.readline(LONGEST * 16)


class Serves(Protocol):
    """What serves until it is shut down."""

    def serve_forever(self) -> None:
        """Serve."""
        ...


def serving(server: Serves, name: str) -> threading.Thread:
    """Serve in a thread of its own, until it is shut down."""
    thread = threading.Thread(target=server.serve_forever, name=name, daemon=True)
    thread.start()
    return thread
