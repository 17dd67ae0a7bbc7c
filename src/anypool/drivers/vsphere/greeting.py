"""What a vCenter tells everybody: its certificate and what it is; nobody logs in.

Without the vendor's library, since it is asked before anybody wants to manage one.
"""

import re
import socket
import ssl
from http.client import HTTPException, HTTPResponse

from msgspec import Struct

from anypool.model import fingerprint_of

SILENCE_S = 3.0
_LONGEST = 1 << 16
_ASK = (
    '<?xml version="1.0"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/'
    'envelope/"><soapenv:Body><RetrieveServiceContent xmlns="urn:vim25"><_this type='
    '"ServiceInstance">ServiceInstance</_this></RetrieveServiceContent></soapenv:Body>'
    "</soapenv:Envelope>"
)
_NAME = re.compile(r"<fullName>([^<]{1,120})</fullName>")
_TYPE = re.compile(r"<apiType>([A-Za-z]{1,40})</apiType>")


class Vim(Struct, frozen=True, kw_only=True):
    """A service of vSphere; `vouched` says that an authority stands for its certificate.

    `centre` is false for a single ESXi host, which is managed through its vCenter.
    """

    fingerprint: str
    product: str
    centre: bool
    vouched: bool


def greet(host: str, port: int) -> Vim | None:
    """Return what a service says of itself, None where it is none of vSphere."""
    blind = ssl.create_default_context()
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE
    try:
        with _talk(host, port, blind) as wrapped:
            seen = fingerprint_of(wrapped.getpeercert(binary_form=True) or b"")
            said = _asked(wrapped, host)
    except (OSError, HTTPException, ValueError):
        return None
    name, kind = _NAME.search(said), _TYPE.search(said)
    if name is None or kind is None:
        return None
    return Vim(
        fingerprint=seen,
        product=name[1],
        centre=kind[1] == "VirtualCenter",
        vouched=_vouched(host, port),
    )


def _talk(host: str, port: int, context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection((host, port), SILENCE_S)
    try:
        return context.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def _asked(wrapped: ssl.SSLSocket, host: str) -> str:
    body = _ASK.encode()
    place = f"[{host}]" if ":" in host else host
    head = (
        f"POST /sdk HTTP/1.1\r\nHost: {place}\r\nContent-Type: text/xml\r\n"
        f'SOAPAction: "urn:vim25/6.5"\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n'
    )
    wrapped.sendall(head.encode("ascii") + body)
    answer = HTTPResponse(wrapped, method="POST")
    answer.begin()
    return answer.read(_LONGEST).decode("utf-8", "replace")


def _vouched(host: str, port: int) -> bool:
    try:
        _talk(host, port, ssl.create_default_context()).close()
    except OSError:
        return False
    return True
