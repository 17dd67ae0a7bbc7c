"""Receivers of notifications that tests start: a mail server, a webhook, collectors of syslog."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from anypool.api.own_certificate import Certificate, own
from anypool.model import plain_fingerprint


@dataclass
class Hook:
    """A webhook: what came, and what it answers; `hold` keeps it from answering."""

    status: int = 204
    location: str = ""
    hold: threading.Event | None = None
    got: list[tuple[dict[str, str], bytes, str]] = field(default_factory=list)
    came: threading.Condition = field(default_factory=threading.Condition)
    url: str = ""
    fingerprint: str = ""

    def wait(self, ready: Callable[[], Any], timeout_s: float = 20.0) -> None:
        with self.came:
            assert self.came.wait_for(ready, timeout_s), [one[1][:100] for one in self.got]


class _Hooked(BaseHTTPRequestHandler):
    def __init__(self, hook: Hook, *given: Any) -> None:
        self._hook = hook
        super().__init__(*given)

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        hook = self._hook
        with hook.came:
            hook.got.append(({k.lower(): v for k, v in self.headers.items()}, content, self.path))
            hook.came.notify_all()
        if hook.hold is not None:
            hook.hold.wait(30)
        self.send_response(hook.status)
        if hook.location:
            self.send_header("Location", hook.location)
        self.end_headers()


def certificate(folder: Path) -> Certificate:
    return own(folder, frozenset({"localhost", "127.0.0.1"}), 1_700_000_000.0)


def context(shown: Certificate) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(shown.certificate, shown.key)
    return made


@contextmanager
def webhook(folder: Path) -> Iterator[Hook]:
    hook = Hook()
    shown = certificate(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Hooked, hook))
    server.socket = context(shown).wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    hook.url = f"https://127.0.0.1:{server.server_address[1]}"
    hook.fingerprint = plain_fingerprint(shown.fingerprint)
    try:
        yield hook
    finally:
        if hook.hold is not None:
            hook.hold.set()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Post:
    """A mail server: what came, from and to whom; it refuses with `refuses`."""

    refuses: str = ""
    got: list[tuple[Message, str, list[str]]] = field(default_factory=list)
    logins: list[tuple[str, bool]] = field(default_factory=list)
    server: str = ""
    fingerprint: str = ""

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        if self.refuses:
            return self.refuses
        mail = BytesParser().parsebytes(envelope.content)
        self.got.append((mail, envelope.mail_from, envelope.rcpt_tos))
        return "250 OK"


@contextmanager
def mail_server(folder: Path, *, starttls: bool, password: str = "") -> Iterator[Post]:
    post = Post()
    shown = certificate(folder)

    def proven(server: SMTP, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
        assert isinstance(given, LoginPassword)
        in_tls = server.transport.get_extra_info("ssl_object") is not None
        post.logins.append((given.login.decode(), in_tls))
        return AuthResult(success=given.password == password.encode(), handled=False)

    tls = context(shown)
    more: dict[str, Any] = {"auth_required": starttls, "authenticator": proven} if password else {}
    more |= {"tls_context": tls, "require_starttls": True} if starttls else {}
    controller = Controller(post, hostname="127.0.0.1", port=_free_port(), **more)
    if not starttls:
        controller.SMTP_kwargs["auth_require_tls"] = False  # it does not know that it is in TLS
        controller.ssl_context = tls
    controller.start()
    post.server = f"127.0.0.1:{controller.port}"
    post.fingerprint = plain_fingerprint(shown.fingerprint)
    try:
        yield post
    finally:
        controller.stop()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
