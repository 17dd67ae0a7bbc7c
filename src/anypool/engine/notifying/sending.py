"""One letter to one receiver: by mail, as a signed POST, to syslog."""

import base64
import binascii
import hashlib
import hmac
import http.client
import json
import os
import smtplib
import socket
import ssl
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import urlsplit

from anypool import __version__
from anypool.engine.notifying import texts
from anypool.engine.notifying.addresses import Range, Target, resolve, split
from anypool.engine.notifying.dialling import (
    SILENCE_S,
    compare,
    context,
    dialled,
    said,
    secured,
    unverified,
)
from anypool.errors import Denied, Invalid, OutcomeUnknown, Rejected, Unreachable
from anypool.model import Mail, Receiver, Security, Syslog, Transport, Webhook
from anypool.store.notify import Letter
from anypool.store.records import Severity

SMTP_PORT, SMTPS_PORT, SYSLOG_PORT, SYSLOG_TLS_PORT = 587, 465, 514, 6514
_REFUSED = (400, 410, 413, 422)
"""Answers that are about this message; every other failure may pass."""
_LONGEST_UDP = 2048
_FACILITY = 3  # daemons
_SYSLOG = {Severity.ERROR: 3, Severity.WARNING: 4, Severity.INFO: 6}


def target_of(receiver: Receiver, allowed: Sequence[Range]) -> Target:
    """Return where a receiver is; raise `Invalid` for a refused address, `Unreachable`."""
    return resolve(*_place(receiver), allowed)


def _place(receiver: Receiver) -> tuple[str, int]:
    if isinstance(receiver, Webhook):
        return split(urlsplit(receiver.url).netloc, 443)
    if isinstance(receiver, Mail):
        in_tls = receiver.security is Security.TLS
        return split(receiver.server, SMTPS_PORT if in_tls else SMTP_PORT)
    in_tls = receiver.transport is Transport.TLS
    return split(receiver.server, SYSLOG_TLS_PORT if in_tls else SYSLOG_PORT)


def deliver(
    letter: Letter, receiver: Receiver, secret: str, address: str, allowed: Sequence[Range]
) -> None:
    """Tell a receiver; `address` is the whole one of a webhook.

    Raises `Rejected` where this letter is refused for ever, `Unreachable`, `Denied`, `Invalid`
    or `OutcomeUnknown` where it may be tried again, perhaps a second time.
    """
    target = target_of(receiver, allowed)
    try:
        match receiver:
            case Mail():
                _mail(letter, receiver, secret, target)
            case Webhook():
                _post(letter, receiver, (secret, address), target)
            case Syslog():
                _log(letter, receiver, target)
    except (OSError, ValueError, http.client.HTTPException, smtplib.SMTPException) as error:
        why = f"{target.name} gave no answer that can be read: {said(error)}"
        raise OutcomeUnknown(why, hint="it is tried again, with the same delivery id") from error


def key_of(secret: str) -> bytes:
    """Return the key that deliveries are signed with: base64 after `whsec_`, else the text."""
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise Invalid("what follows whsec_ is no base64", hint="give the key as it is") from error


def signature(key: bytes, delivery: str, at: str, content: bytes) -> str:
    """Return what proves a delivery, as the Standard Webhooks write it."""
    signed = f"{delivery}.{at}.".encode() + content
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def _post(letter: Letter, to: Webhook, hidden: tuple[str, str], target: Target) -> None:
    secret, address = hidden
    place = urlsplit(address)
    content = json.dumps(texts.value(letter), ensure_ascii=False).encode()
    at = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"anypool/{__version__}",
        "webhook-id": letter.id,
        "webhook-timestamp": at,
        "webhook-signature": signature(key_of(secret), letter.id, at, content),
        "Connection": "close",
    }
    with dialled(target) as sock, closing(secured(sock, target, to.fingerprint)) as tls:
        connection = http.client.HTTPSConnection(target.name, target.port, timeout=SILENCE_S)
        connection.sock = tls
        path = (place.path or "/") + (f"?{place.query}" if place.query else "")
        connection.request("POST", path, body=content, headers=headers)
        status = connection.getresponse().status
    if status in _REFUSED:
        raise Rejected(f"{target.name} refuses it with status {status}")
    if not 200 <= status < 300:
        more = " (redirects are not followed)" if 300 <= status < 400 else ""
        raise Unreachable(f"{target.name} answers with status {status}{more}")


class _Smtp(smtplib.SMTP):
    """A conversation with a mail server over a connection that is open already."""

    def __init__(self, sock: socket.socket, target: Target) -> None:
        self._given = sock
        super().__init__(target.name, target.port, local_hostname=_here(), timeout=SILENCE_S)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self._given


def _mail(letter: Letter, to: Mail, password: str, target: Target) -> None:
    message = EmailMessage()
    message["Subject"] = texts.subject(letter)
    message["From"] = to.sender
    message["To"] = ", ".join(to.to)
    message["Date"] = formatdate(letter.event.at)
    message["Message-ID"] = f"<{letter.id}@anypool.{_here()}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Anypool-Delivery"] = letter.id
    message.set_content(texts.body(letter, _here()))
    with dialled(target) as plain:
        sock = secured(plain, target, to.fingerprint) if to.security is Security.TLS else plain
        with closing(sock):
            smtp = _Smtp(sock, target)
            try:
                if to.security is Security.STARTTLS:
                    _start_tls(smtp, to, target)
                _send(smtp, message, to, password, target)
            finally:
                smtp.close()


def _start_tls(smtp: _Smtp, to: Mail, target: Target) -> None:
    try:
        smtp.starttls(context=context(to.fingerprint))
    except ssl.SSLCertVerificationError as error:
        raise unverified(target, error) from error
    except smtplib.SMTPNotSupportedError as error:
        hint = "use --security tls, or none where nobody can listen"
        raise Denied(f"{target.name} offers no STARTTLS", hint=hint) from error
    assert isinstance(smtp.sock, ssl.SSLSocket)
    compare(smtp.sock, target, to.fingerprint)


def _send(smtp: _Smtp, message: EmailMessage, to: Mail, password: str, target: Target) -> None:
    try:
        if to.user:
            smtp.login(to.user, password)
        refused = smtp.send_message(message, to.sender, list(to.to))
    except smtplib.SMTPAuthenticationError as error:
        why = f"{target.name} does not let {to.user} log in (code {error.smtp_code})"
        raise Denied(why, hint="remove the notification and add it with the right password") from (
            error
        )
    except smtplib.SMTPRecipientsRefused as error:
        refused = error.recipients
        if not any(400 <= code < 500 for code, _ in refused.values()):
            raise Rejected(f"{target.name} takes mail for none of {', '.join(to.to)}") from error
        raise Unreachable(f"{target.name} takes no mail now") from error
    except smtplib.SMTPDataError as error:
        if error.smtp_code >= 500:
            raise Rejected(f"{target.name} refuses it with code {error.smtp_code}") from error
        raise
    with suppress(smtplib.SMTPException, OSError):
        smtp.quit()
    if refused:
        raise Rejected(f"{target.name} takes no mail for {', '.join(sorted(refused))}")


def frame(letter: Letter, host: str) -> bytes:
    """Return a letter as RFC 5424 writes it; the delivery is in it, for who gets it twice."""
    event = letter.event
    priority = _FACILITY * 8 + _SYSLOG[event.severity]
    kind = "".join(mark for mark in event.kind if 33 <= ord(mark) < 127)[:32] or "-"
    head = f"<{priority}>1 {texts.moment(event.at)} {host} anypool {os.getpid()} {kind}"
    data = f'[origin software="anypool" swVersion="{__version__}"]'
    data += f'[meta sequenceId="{event.number % 2147483647 or 1}"]'
    more = f" (delivery {letter.id}, event {event.number}, {event.subject_kind}"
    return f"{head} {data} \ufeff{texts.line(letter)}{more} {event.subject_id})".encode()


def _log(letter: Letter, to: Syslog, target: Target) -> None:
    content = frame(letter, _here())
    if to.transport is Transport.UDP:
        with closing(socket.socket(target.family, socket.SOCK_DGRAM)) as sock:
            sock.sendto(content[:_LONGEST_UDP], (target.address, target.port))
        return
    framed = f"{len(content)} ".encode() + content
    with dialled(target) as plain:
        if to.transport is Transport.TCP:
            _push(plain, framed)
            return
        with closing(secured(plain, target, to.fingerprint)) as tls:
            tls.sendall(framed)
            with suppress(TimeoutError):
                rest = tls.unwrap()
                _finish(rest)


def _push(sock: socket.socket, framed: bytes) -> None:
    sock.sendall(framed)
    _finish(sock)


def _finish(sock: socket.socket) -> None:
    """Say that this was all, and wait for the other side's end: it closes when it has read it.

    Syslog has no answers. One that closes without reading resets the connection, which is a
    failure; one that neither reads nor closes is believed.
    """
    with suppress(TimeoutError):
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(2.0)
        while sock.recv(4096):
            pass


def _here() -> str:
    name = socket.gethostname()
    return "".join(mark for mark in name if mark.isascii() and (mark.isalnum() or mark in ".-"))
