"""A notification: which events somebody is told of, and how they are reached.

`Notification.filter` is a query of the search grammar for events. What is secret of a receiver
is not in these records: the password of a mail server, the key that deliveries are signed with,
and the path of a webhook's address, which at many services is a secret too.
"""

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from anypool.model.ids import NotificationId


class Security(StrEnum):
    """How a mail server is spoken to: in TLS at once, after STARTTLS, or readable by all."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


class Transport(StrEnum):
    """How syslog is carried; over UDP nobody says that it arrived."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


class To(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True, tag_field="kind"):
    """What all receivers are: frozen, told apart by `kind`, and without a word nobody knows.

    With `fingerprint`, the SHA-256 of a certificate, that one is trusted and no other; else
    the system's authorities are.
    """

    fingerprint: str = ""


class Mail(To, frozen=True, tag="mail"):
    """People, through a mail server `HOST:PORT`; with `user`, it is logged in to."""

    server: str
    to: tuple[str, ...]
    sender: str
    security: Security = Security.STARTTLS
    user: str = ""


class Webhook(To, frozen=True, tag="webhook"):
    """A program that takes a POST; `url` is `https://HOST[:PORT]`, the rest is a secret."""

    url: str


class Syslog(To, frozen=True, tag="syslog"):
    """A collector of syslog at `HOST:PORT`."""

    server: str
    transport: Transport = Transport.TLS


Receiver: TypeAlias = Mail | Webhook | Syslog


class Notification(Struct, frozen=True, kw_only=True, gc=False):
    """A rule: events that match `filter` and are at least as bad as `severity` go to `receiver`.

    Of events of one kind within `window_s`, the first `at_once` are told one by one and the
    others together, when the window ends.
    """

    id: NotificationId
    receiver: Receiver
    filter: str = ""
    severity: str = "warning"
    window_s: float = 60.0
    at_once: int = 5
