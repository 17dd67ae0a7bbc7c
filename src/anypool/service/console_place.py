"""Where a console may be: on the VM's own host, or behind a door that a worker of ours opened.

A hypervisor names the address, and the manager would connect to it: without this check
one that was taken over could send people to anything the manager reaches.
"""

import ipaddress
import socket
from urllib.parse import urlsplit

from msgspec.structs import replace

from anypool.drivers import doors
from anypool.errors import Rejected, Unreachable
from anypool.model import Console, Endpoint

_LOOPBACK = frozenset({"127.0.0.1", "::1"})
_HINT = "let it listen on the host's own address, or take the serial console"


def checked(console: Console, endpoint: Endpoint) -> Console:
    """Return the console at a numeric address; raise `Rejected` if it is anywhere else."""
    if console.path:
        if not doors.is_ours(console.path):
            message = f"the {console.kind} console is at a path that is no door of ours"
            raise Rejected(message, hint="do worker and manager have the same TMPDIR?")
        return console
    names = _names(endpoint)
    if console.address in names:
        return replace(console, address=min(_addresses(console.address)))
    allowed = {a for name in names for a in _addresses(name)} if names else _LOOPBACK
    if _plain(console.address) not in allowed:
        message = f"the {console.kind} console is at {console.address}, not at the VM's host"
        raise Rejected(message, hint=_HINT)
    return console


def _names(endpoint: Endpoint) -> frozenset[str]:
    """Return what the host is called in its address; none if it is this machine."""
    uris = (endpoint.uri, dict(endpoint.options).get("peer_uri", ""))
    return frozenset(filter(None, (urlsplit(uri).hostname for uri in uris)))


def _addresses(name: str) -> frozenset[str]:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError as error:
        hint = "give the endpoint an address instead of a name"
        raise Unreachable(f"the name {name} is not known", hint=hint) from error
    return frozenset(str(entry[4][0]) for entry in found)


def _plain(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return ""
