"""Knocking at a silent host: at its management address, and at the one its peers use.

Whatever comes back, also a refusal, was sent by a kernel that runs there. That nothing comes
back proves nothing.
"""

import errno
import ipaddress
import socket
from urllib.parse import urlsplit

from msgspec import Struct

from anypool.model import Endpoint, Host
from anypool.planner.ha.detect import Path, Word

PATIENCE_S = 2.0
PORTS = {"qemu+tls": 16514, "qemu+tcp": 16509, "xen+tls": 16514, "qemu+ssh": 22, "xen+ssh": 22}
"""Where the management of a host listens, by the scheme of its endpoint's address."""
_DATA_PORTS = (22, 49152)
"""Where a host may be heard on its data network: ssh, and where memory comes in (libvirt)."""


class Door(Struct, frozen=True, gc=False):
    """An address of a host, and what a knock there is heard on."""

    path: Path
    address: str
    ports: tuple[int, ...]


def doors(host: Host, endpoint: Endpoint) -> tuple[Door, ...]:
    """Return where a host can be knocked at; the data network only if it is another one."""
    place = urlsplit(endpoint.uri)
    found = []
    if place.scheme in PORTS and place.hostname:
        ports = (place.port or PORTS[place.scheme],)
        found.append(Door(Path.MANAGEMENT, place.hostname, ports))
    if host.peer_address and host.peer_address != place.hostname:
        found.append(Door(Path.DATA, host.peer_address, _DATA_PORTS))
    return tuple(found)


def knock(host: Host, endpoint: Endpoint) -> tuple[tuple[Path, Word], ...]:
    """Return what the addresses of a silent host say; takes some seconds, never raises."""
    found = []
    for door in doors(host, endpoint):
        if door.path is Path.DATA and not _is_address(door.address):
            continue
        lives = any(_lives(door.address, port) for port in door.ports)
        life = Word.REFUSES if door.path is Path.MANAGEMENT else Word.ANSWERS
        found.append((door.path, life if lives else Word.SILENT))
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
