"""Messages reach real receivers over real sockets: mail, webhooks, syslog; and only those."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from anypool.engine.notifying import dialling, sending
from anypool.engine.notifying.addresses import ranges
from anypool.errors import AnypoolError, Denied, Invalid, OutcomeUnknown, Rejected, Unreachable
from anypool.model import Mail, NotificationId, Receiver, Security, Syslog, Transport, Webhook
from anypool.store.notify import Letter
from anypool.store.records import EventRecord, Severity
from tests.service.receivers import Hook, certificate, context, mail_server, webhook

HERE = ranges("127.0.0.0/8")
KEY = "a key of the tests, long enough"
EVENT = EventRecord(
    kind="host.away", message="h1 is silent — ä", severity=Severity.ERROR, subject_kind="host",
    subject_id="h1", number=7, at=1e9,
)  # fmt: skip
LETTER = Letter(
    id="msg_1", notification=NotificationId("ops"), kind=EVENT.kind, event=EVENT,
    made_at=1e9, due_at=1e9, more=("h2 is silent",), count=3,
)  # fmt: skip


@pytest.fixture
def hook(tmp_path: Path) -> Iterator[Hook]:
    with webhook(tmp_path) as made:
        yield made


def post(hook: Hook, path: str = "/in?a=b", **more: str) -> None:
    receiver = Webhook(url=hook.url, fingerprint=more.get("fingerprint", hook.fingerprint))
    sending.deliver(LETTER, receiver, KEY, f"{hook.url}{path}", HERE)


def test_a_signed_post(hook: Hook) -> None:
    post(hook)
    headers, content, path = hook.got[0]
    assert path == "/in?a=b"
    assert headers["webhook-id"] == "msg_1"
    at = headers["webhook-timestamp"]
    assert abs(int(at) - time.time()) < 30
    assert headers["webhook-signature"] == sending.signature(KEY.encode(), "msg_1", at, content)
    told = json.loads(content)
    assert told["type"] == "host.away"
    assert told["data"]["message"] == EVENT.message
    assert (told["data"]["count"], told["data"]["more"]) == (3, ["h2 is silent"])


def test_nothing_is_sent_to_another_certificate(hook: Hook) -> None:
    with pytest.raises(Denied, match="another certificate"):
        post(hook, fingerprint="ab" * 32)
    with pytest.raises(Denied, match="not trusted"):
        post(hook, fingerprint="")
    assert not hook.got


def test_a_redirect_is_not_followed(hook: Hook, tmp_path: Path) -> None:
    with webhook(tmp_path) as other:
        hook.status, hook.location = 307, f"{other.url}/in"
        with pytest.raises(Unreachable, match="redirects are not followed"):
            post(hook)
        assert not other.got


@pytest.mark.parametrize(
    ("status", "error"), [(400, Rejected), (422, Rejected), (401, Unreachable), (500, Unreachable)]
)
def test_what_a_webhook_answers(hook: Hook, status: int, error: type[AnypoolError]) -> None:
    hook.status = status
    with pytest.raises(error):
        post(hook)


def test_our_own_addresses_are_refused_unless_allowed(hook: Hook) -> None:
    receiver = Webhook(url=hook.url, fingerprint=hook.fingerprint)
    with pytest.raises(Invalid, match="an address of this machine"):
        sending.deliver(LETTER, receiver, KEY, f"{hook.url}/", ())
    assert not hook.got


def test_one_that_answers_byte_by_byte_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte comes in time, and the whole never does."""
    monkeypatch.setattr(dialling.dialled.__wrapped__, "__kwdefaults__", {"whole_s": 0.5})
    shown = certificate(tmp_path)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def drip() -> None:
            sock, _ = listener.accept()
            with closing(context(shown).wrap_socket(sock, server_side=True)) as tls:
                try:
                    while True:
                        tls.send(b"H")
                        time.sleep(0.02)
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        pinned = shown.fingerprint.replace(":", "").lower()
        begun = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            sending.deliver(LETTER, Webhook(url=url, fingerprint=pinned), KEY, f"{url}/", HERE)
        assert time.monotonic() - begun < 5
        thread.join(10)


# Mail


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_mail(tmp_path: Path, security: Security) -> None:
    starttls = security is Security.STARTTLS
    with mail_server(tmp_path, starttls=starttls, password="tells tales") as server:
        receiver = Mail(
            server=server.server, to=("ops@example.org", "boss@example.org"),
            sender="anypool@example.org", security=security, user="any",
            fingerprint=server.fingerprint,
        )  # fmt: skip
        with pytest.raises(Denied, match="does not let any log in"):
            sending.deliver(LETTER, receiver, "wrong", "", HERE)
        assert not server.got
        sending.deliver(LETTER, receiver, "tells tales", "", HERE)
        mail, sender, people = server.got[0]
        assert server.logins[-1] == ("any", True), "the password went through TLS"
        assert (sender, people) == ("anypool@example.org", ["ops@example.org", "boss@example.org"])
        assert mail["X-Anypool-Delivery"] == "msg_1"
        assert "msg_1@anypool." in mail["Message-ID"]
        text = mail.get_payload(decode=True)
        assert isinstance(text, bytes)
        assert "h1 is silent — ä" in text.decode()
        assert "  h2 is silent\n  and 1 more" in text.decode().replace("\r", "")
        server.refuses = "554 no such thing here"
        with pytest.raises(Rejected):
            sending.deliver(LETTER, receiver, "tells tales", "", HERE)
        server.refuses = "451 later"
        with pytest.raises(OutcomeUnknown):
            sending.deliver(LETTER, receiver, "tells tales", "", HERE)


def test_no_password_to_another_certificate(tmp_path: Path) -> None:
    with mail_server(tmp_path, starttls=True, password="tells tales") as server:
        receiver = Mail(
            server=server.server, to=("ops@example.org",), sender="a@example.org", user="any",
            fingerprint="ab" * 32,
        )  # fmt: skip
        with pytest.raises(Denied, match="another certificate"):
            sending.deliver(LETTER, receiver, "tells tales", "", HERE)
        assert not server.logins


# Syslog


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.TLS])
def test_syslog_over_a_stream(tmp_path: Path, transport: Transport) -> None:
    shown, got = certificate(tmp_path), list[bytes]()
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def take() -> None:
            sock, _ = listener.accept()
            if transport is Transport.TLS:
                sock = context(shown).wrap_socket(sock, server_side=True)
            with closing(sock), sock.makefile("rb") as stream:
                got.append(stream.read())

        thread = threading.Thread(target=take)
        thread.start()
        pinned = shown.fingerprint.replace(":", "").lower() if transport is Transport.TLS else ""
        sending.deliver(LETTER, syslog(listener, transport, pinned), "", "", HERE)
        thread.join(10)
    length, _, frame = got[0].partition(b" ")
    assert int(length) == len(frame), "framed as RFC 6587 says"
    assert frame == sending.frame(LETTER, socket.gethostname())


def test_a_collector_that_ends_without_reading_did_not_take_it(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def hang_up() -> None:
            sock, _ = listener.accept()
            with closing(sock):
                sock.recv(1)

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(OutcomeUnknown):
            sending.deliver(LETTER, syslog(listener, Transport.TCP), "", "", HERE)
        thread.join(10)


def test_syslog_over_udp() -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(10)
        sending.deliver(LETTER, syslog(sock, Transport.UDP), "", "", HERE)
        assert sock.recv(4096) == sending.frame(LETTER, socket.gethostname())


def syslog(sock: socket.socket, transport: Transport, fingerprint: str = "") -> Receiver:
    server = f"127.0.0.1:{sock.getsockname()[1]}"
    return Syslog(server=server, transport=transport, fingerprint=fingerprint)
