"""The certificate of a vCenter: one that an authority vouches for, or one that was confirmed.

Most vCenters show a certificate that they made themselves. Who adds one is told its
fingerprint once and confirms it by naming it; from then on that certificate and no other is
let pass, whoever vouches for it.
"""

import socket
import ssl
from http.client import HTTPSConnection
from typing import Any

from anypool.drivers.vsphere.answers import AskingConnection, CheckedConnection
from anypool.errors import Denied, Unreachable
from anypool.model import fingerprint_of


class PlainPinned(HTTPSConnection):
    """A connection that ends before anything is sent unless the certificate is the pinned one."""

    def __init__(self, *args: Any, fingerprint: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._fingerprint = fingerprint

    def connect(self) -> None:
        """Connect, or raise `Denied` for another certificate."""
        super().connect()
        certificate = self.sock.getpeercert(binary_form=True)
        seen = fingerprint_of(certificate or b"")
        if seen != self._fingerprint:
            self.close()
            raise Denied(
                f"{self.host}:{self.port} shows another certificate than the one that was "
                f"confirmed: {seen}",
                hint="if it was renewed, confirm it with `anypool tls confirm`; "
                "if not, somebody is in between",
            )


class PinnedConnection(PlainPinned, CheckedConnection):
    """The same, for questions and answers that are checked."""


class PinnedAsking(PlainPinned, AskingConnection):
    """The same, to the REST service."""


def context(fingerprint: str) -> ssl.SSLContext:
    """Return what TLS is to check: the authorities, or nothing where a pin checks more."""
    made = ssl.create_default_context()
    if fingerprint:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made


def unconfirmed(host: str, port: int, timeout_s: float, why: str) -> Denied | Unreachable:
    """Return the error for a certificate that nobody vouches for, with its fingerprint."""
    try:
        with (
            socket.create_connection((host, port), timeout_s) as plain,
            context("any").wrap_socket(plain, server_hostname=host) as wrapped,
        ):
            seen = fingerprint_of(wrapped.getpeercert(binary_form=True) or b"")
    except OSError as problem:
        return Unreachable(f"{host}:{port}: {problem}", hint="does a vCenter answer there?")
    return Denied(
        f"{host}:{port} shows a certificate that no authority vouches for ({why}); its SHA-256 "
        f"fingerprint is {seen}",
        hint="compare it with what the vCenter itself shows, then confirm it: "
        f"--option fingerprint={seen}",
    )
