"""Somebody between a driver and its vCenter: writes down each call, and misbehaves when told.

A TLS server with a certificate of its own that passes SOAP calls on. `calls` is every method
that was asked for and of what, `spoken` all bytes that came in. A `Mood` says what becomes of
the calls of some methods: each is one way in which a vCenter, or what is in front of it, fails.
"""

import contextlib
import hashlib
import re
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from http.client import HTTPException, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from anypool.api import own_certificate as certificates

TRUSTING = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TRUSTING.check_hostname, TRUSTING.verify_mode = False, ssl.CERT_NONE
METHOD = re.compile(rb"<(?:[\w-]+:)?Body[^>]*>\s*<([A-Za-z_]\w*)")
THIS = re.compile(rb'<_this[^>]*type="(\w+)"[^>]*>([^<]*)<')
ONE = re.compile(r"/id:[^/?]*")
HUGE_BYTES = 10 << 20
ENVELOPE = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<soapenv:Envelope xmlns:soapenv='
    b'"http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
    b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>%s</soapenv:Body>'
    b"</soapenv:Envelope>"
)
EXPIRED = ENVELOPE % (
    b"<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>The session is not "
    b'authenticated.</faultstring><detail><NotAuthenticatedFault xmlns="urn:vim25" '
    b'xsi:type="NotAuthenticated"><object type="Folder">group-d1</object><privilegeId>System.View'
    b"</privilegeId></NotAuthenticatedFault></detail></soapenv:Fault>"
)


class Mood(StrEnum):
    """What becomes of a call; the calls that are DONE_THEN_CUT reach the vCenter, no answer does.

    NOT_OURS is well-formed XML of something else, WRONG_TYPE an answer whose numbers are words.
    """

    HANGS = "hangs"
    CUT = "cut"
    DONE_THEN_CUT = "done-then-cut"
    TRUNCATED = "truncated"
    GARBAGE = "garbage"
    HTML = "html"
    EMPTY = "empty"
    HUGE = "huge"
    HUGE_XML = "huge-xml"
    BOMB = "bomb"
    NOT_OURS = "not-ours"
    WRONG_TYPE = "wrong-type"
    REDIRECT = "redirect"
    EXPIRED = "expired"
    BUSY = "busy"


class Elsewhere:
    """A place that nobody should go to: keeps whatever is sent there."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.heard = b""
        self.visits = 0
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                visitor, _ = self._listener.accept()
                self.visits += 1
                visitor.settimeout(0.5)
                with visitor, contextlib.suppress(OSError):
                    self.heard += visitor.recv(1 << 16)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


class Between:
    """The proxy; `uri` and `fingerprint` are what an endpoint behind it is added with."""

    def __init__(self, address: str, port: int, folder: Path, now: float) -> None:
        self.target = (address, port)
        self.elsewhere = Elsewhere()
        self.calls: Counter[str] = Counter()
        self.spoken = bytearray()
        self.reached = threading.Event()
        self._free = threading.Event()
        self._free.set()
        self._lock = threading.Lock()
        self._mood: Mood | None = None
        self._only: frozenset[str] = frozenset()
        made = certificates.own(folder, frozenset({"127.0.0.1", "localhost"}), now)
        self.fingerprint = made.fingerprint.replace(":", "").lower()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made.certificate, made.key)
        self._server = _server(self, context)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def methods(self) -> frozenset[str]:
        """Return every method that was asked for."""
        return frozenset(self.calls)

    def mood(self, mood: Mood | None, *only: str) -> None:
        """Misbehave from now on, in answers to some methods or to all; None ends that."""
        with self._lock:
            self._mood, self._only = mood, frozenset(only)
            self.reached.clear()
            (self._free.clear if mood is Mood.HANGS else self._free.set)()

    @contextmanager
    def being(self, mood: Mood, *only: str) -> Iterator[None]:
        """Misbehave for a while."""
        self.mood(mood, *only)
        try:
            yield
        finally:
            self.mood(None)

    def hold(self) -> None:
        """Wait until nobody wants a call to hang any more."""
        self._free.wait(60)

    def take(self, body: bytes, asked: str = "") -> Mood | None:
        """Write a call down; return what is to become of it. `asked` is what a REST call asks."""
        method = found[1].decode() if (found := METHOD.search(body)) else "?"
        this = THIS.search(body)
        with self._lock:
            self.spoken += body
            self.calls[asked or f"{this[1].decode() if this else '?'}.{method}"] += 1
            chosen = self._mood if not self._only or method in self._only else None
        if chosen is not None:
            self.reached.set()
        return chosen

    def close(self) -> None:
        """End it; calls that hang are let go."""
        self._free.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
        self.elsewhere.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    context: ssl.SSLContext

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(70)
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            wrapped = self.context.wrap_socket(request, server_side=True)
        except OSError:
            return  # somebody only looked at the certificate
        with contextlib.suppress(OSError):
            super().finish_request(wrapped, client_address)
        with contextlib.suppress(OSError):
            wrapped.close()


def _server(between: Between, context: ssl.SSLContext) -> _Server:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one piece

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            _answer(between, self, body)

        def do_GET(self) -> None:
            _answer(between, self, b"")

        def do_DELETE(self) -> None:
            _answer(between, self, b"")

        def log_message(self, *_: object) -> None:
            pass

    made = _Server(("127.0.0.1", 0), Handler)
    made.context = context
    return made


def _answer(between: Between, visitor: BaseHTTPRequestHandler, body: bytes) -> None:
    rest = visitor.path.startswith("/rest/")
    asked = f"{visitor.command} {ONE.sub('/id', visitor.path)}" if rest else ""
    mood = between.take(body, asked)
    if mood is Mood.HANGS:
        between.hold()
    if mood in _FALSE:
        _FALSE[mood](between, visitor)
        return
    if mood is Mood.CUT:
        _hang_up(visitor)
        return
    try:
        status, headers, content = _passed_on(between.target, visitor, body)
    except (OSError, HTTPException):
        _hang_up(visitor)
        return
    if mood is Mood.DONE_THEN_CUT:
        _hang_up(visitor)
        return
    if mood is Mood.WRONG_TYPE:
        content = re.sub(rb">\d+<", b">many<", content)
    if mood is Mood.TRUNCATED:
        _send(visitor, status, headers, content[: len(content) // 2], len(content))
        _hang_up(visitor)
        return
    _send(visitor, status, headers, content)


def _passed_on(
    target: tuple[str, int], visitor: BaseHTTPRequestHandler, body: bytes
) -> tuple[int, list[tuple[str, str]], bytes]:
    kept = {k: v for k, v in visitor.headers.items() if k.lower() not in _HOP}
    with contextlib.closing(HTTPSConnection(*target, timeout=70, context=TRUSTING)) as there:
        there.request(visitor.command, visitor.path, body or None, kept)
        answer = there.getresponse()
        headers = [(k, v) for k, v in answer.getheaders() if k.lower() not in _HOP]
        return answer.status, headers, answer.read()


_HOP = frozenset({"connection", "content-length", "transfer-encoding", "accept-encoding", "host"})


def _send(
    visitor: BaseHTTPRequestHandler,
    status: int,
    headers: list[tuple[str, str]],
    content: bytes,
    length: int | None = None,
) -> None:
    visitor.send_response(status)
    for name, value in headers:
        visitor.send_header(name, value)
    visitor.send_header("Content-Length", str(len(content) if length is None else length))
    visitor.end_headers()
    with contextlib.suppress(OSError):
        visitor.wfile.write(content)
        visitor.wfile.flush()


def _hang_up(visitor: BaseHTTPRequestHandler) -> None:
    """Reset the connection, as a server does that dies."""
    visitor.close_connection = True
    with contextlib.suppress(OSError):
        linger = struct.pack("ii", 1, 0)
        visitor.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        visitor.connection.close()


def _lie(status: int, kind: str, content: Callable[[], bytes]) -> Callable[..., None]:
    def lie(_: Between, visitor: BaseHTTPRequestHandler) -> None:
        _send(visitor, status, [("Content-Type", kind)], content())

    return lie


def _redirect(between: Between, visitor: BaseHTTPRequestHandler) -> None:
    place = f"https://127.0.0.1:{between.elsewhere.port}/sdk"
    _send(visitor, 307, [("Location", place)], b"")


def _bomb() -> bytes:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    head = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e0 "ha">{entities}]>'
    return head.encode() + (ENVELOPE % b"<x>&e11;</x>").partition(b"?>")[2]


_FALSE: dict[Mood, Callable[..., None]] = {
    Mood.GARBAGE: _lie(200, "text/xml", lambda: hashlib.sha512(b"garbage").digest() * 64),
    Mood.HTML: _lie(200, "text/html", lambda: b"<html><body>Sign in to the proxy</body></html>"),
    Mood.EMPTY: _lie(200, "text/xml", lambda: b""),
    Mood.HUGE: _lie(200, "text/xml", lambda: b"A" * HUGE_BYTES),
    Mood.HUGE_XML: _lie(200, "text/xml", lambda: ENVELOPE % (b"<x>" + b"A" * HUGE_BYTES + b"</x>")),
    Mood.BOMB: _lie(200, "text/xml", _bomb),
    Mood.NOT_OURS: _lie(200, "text/xml", lambda: ENVELOPE % b"<PingResponse><ok/></PingResponse>"),
    Mood.REDIRECT: _redirect,
    Mood.EXPIRED: _lie(500, "text/xml", lambda: EXPIRED),
    Mood.BUSY: _lie(503, "text/plain", lambda: b"service unavailable: vpxd is starting"),
}
