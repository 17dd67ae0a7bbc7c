"""Knocking at a silent host: at its management address, and at the one its peers use.

Whatever comes back, also a refusal, was sent by a kernel that runs there. That nothing comes
back proves nothing.
"""

import errno
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from msgspec import Struct

from anypool.model import Endpoint, Host
from anypool.planner.ha.detect import Path, Word

PATIENCE_S = 1.2
"""Long enough for the kernel to ask a second time, after a second."""
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
    """Return what the addresses of a silent host say, all asked at once; never raises."""
    asked = [
        (door.path, door.address, port)
        for door in doors(host, endpoint)
        if door.path is Path.MANAGEMENT or _is_address(door.address)
        for port in door.ports
    ]
    if not asked:
        return ()
    with ThreadPoolExecutor(len(asked)) as threads:
        lives = list(threads.map(lambda one: _lives(one[1], one[2]), asked))
    said: dict[Path, Word] = {}
    for (path, _, _), life in zip(asked, lives, strict=True):
        word = Word.REFUSES if path is Path.MANAGEMENT else Word.ANSWERS
        said[path] = word if life else said.get(path, Word.SILENT)
    return tuple(said.items())


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
