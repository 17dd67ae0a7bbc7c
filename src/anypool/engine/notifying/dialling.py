"""A connection to a receiver: to the address that was judged, in TLS, with one deadline."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from anypool.engine.notifying.addresses import Target
from anypool.errors import Denied, Unreachable
from anypool.model import fingerprint_of

WHOLE_S = 20.0
"""So long one delivery may take, however slowly its receiver reads and answers."""
SILENCE_S = 10.0

_RENEWED = (
    "if its certificate was renewed, remove the notification and add it with the new "
    "--fingerprint; if not, somebody is in between"
)


@contextmanager
def dialled(target: Target, *, whole_s: float = WHOLE_S) -> Iterator[socket.socket]:
    """Give a connected socket, cut off after `whole_s`; raise `Unreachable`."""
    sock = socket.socket(target.family, socket.SOCK_STREAM)
    with closing(sock):
        sock.settimeout(min(whole_s, SILENCE_S))
        try:
            sock.connect((target.address, target.port))
        except OSError as error:
            why = f"{target.name} port {target.port} cannot be reached: {said(error)}"
            raise Unreachable(why, hint="is it running, and no firewall in between?") from error
        with closing(sock.dup()) as spare:
            timer = threading.Timer(whole_s, _cut, (spare,))
            timer.daemon = True
            timer.start()
            try:
                yield sock
            finally:
                timer.cancel()
                timer.join()


def context(fingerprint: str) -> ssl.SSLContext:
    """Return how TLS is spoken: one certificate that is compared, or the system's authorities."""
    if not fingerprint:
        return ssl.create_default_context()
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE  # its certificate is compared with the pinned one
    return made


def secured(sock: socket.socket, target: Target, fingerprint: str) -> ssl.SSLSocket:
    """Return the socket in TLS, before anything is sent; raise `Denied` for a wrong certificate."""
    try:
        tls = context(fingerprint).wrap_socket(sock, server_hostname=target.name)
    except ssl.SSLCertVerificationError as error:
        raise unverified(target, error) from error
    except OSError as error:
        raise Unreachable(f"{target.name} speaks no TLS we know: {said(error)}") from error
    try:
        compare(tls, target, fingerprint)
    except Denied:
        tls.close()
        raise
    return tls


def compare(tls: ssl.SSLSocket, target: Target, fingerprint: str) -> None:
    """Return quietly if the certificate that is shown is the pinned one; raise `Denied`."""
    shown = fingerprint_of(tls.getpeercert(binary_form=True) or b"")
    if fingerprint and shown != fingerprint:
        raise Denied(f"{target.name} shows another certificate, {shown}", hint=_RENEWED)


def unverified(target: Target, error: ssl.SSLCertVerificationError) -> Denied:
    """Return the error for a certificate that no authority of the system vouches for."""
    return Denied(
        f"the certificate of {target.name} is not trusted: {error.verify_message}",
        hint="let this machine trust its authority, or give the certificate's --fingerprint",
    )


def said(error: Exception) -> str:
    """Return an error of the network in a few words."""
    if isinstance(error, TimeoutError):
        return "it takes too long"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)[:200] or type(error).__name__


def _cut(spare: socket.socket) -> None:
    """End the connection for whoever waits on it; the socket itself stays theirs."""
    with suppress(OSError):
        spare.shutdown(socket.SHUT_RDWR)
