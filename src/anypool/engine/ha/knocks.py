"""Knocking at a silent host: at its management address, and at the one its peers use.

Whatever comes back, also a refusal, was sent by a kernel that runs there. That nothing comes
back proves nothing.
"""

import errno
import ipaddress
import socket
from urllib.parse import urlsplit

from anypool.model import Endpoint, Host
from anypool.planner.ha.detect import Path, Word

PATIENCE_S = 2.0
PORTS = {"qemu+tls": 16514, "qemu+tcp": 16509, "xen+tls": 16514, "qemu+ssh": 22, "xen+ssh": 22}
"""Where the management of a host listens, by the scheme of its endpoint's address."""
_DATA_PORT = 22


def knock(host: Host, endpoint: Endpoint) -> tuple[tuple[Path, Word], ...]:
    """Return what the addresses of a silent host say; takes some seconds, never raises."""
    place = urlsplit(endpoint.uri)
    found = []
    if place.scheme in PORTS and place.hostname:
        port = place.port or PORTS[place.scheme]
        word = Word.REFUSES if _lives(place.hostname, port) else Word.SILENT
        found.append((Path.MANAGEMENT, word))
    if _is_address(host.peer_address) and host.peer_address != place.hostname:
        word = Word.ANSWERS if _lives(host.peer_address, _DATA_PORT) else Word.SILENT
        found.append((Path.DATA, word))
    return tuple(found)


def _lives(address: str, port: int) -> bool:
    """Return whether a connection is taken or refused by whoever has an address."""
    try:
        socket.create_connection((address, port), PATIENCE_S).close()
    except OSError as error:
        return error.errno == errno.ECONNREFUSED
    return True


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
