"""How the source of a migration comes to a target that has invited it.

libvirt on the source logs in there by itself, so the key and the host's own key must lie where
it reads. They are volumes in a folder of that host alone, readable for root only, for as long as
the connection takes to be made: the same over every way by which the source itself is reached.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlencode

import libvirt

from anypool.drivers.libvirt import trouble
from anypool.drivers.libvirt.address import Address
from anypool.drivers.libvirt.part import Part
from anypool.drivers.libvirt.pools import OWN_PREFIX, Pool
from anypool.drivers.libvirt.xml_write import child, document
from anypool.drivers.protocol import Migration
from anypool.errors import AnypoolError, Rejected
from anypool.model import Invitation

WAY = f"{OWN_PREFIX}way-"
"""What the names of such volumes begin with."""
_SECRET_MODE = "0600"


@contextmanager
def way_of(source: Part, order: Migration) -> Iterator[str]:
    """Lend the address by which a source opens its target; raise `Rejected` if it cannot."""
    if order.invitation is None:
        yield order.peer_uri
        return
    invited, pool = order.invitation, _place(source)
    place = Address(invited.url)
    known = f"{place.host} {invited.thumbprint}\n"
    with (
        _kept(source, pool, (f"{WAY}{order.vm}-key", invited.secret)) as keyfile,
        _kept(source, pool, (f"{WAY}{order.vm}-host", known)) as hosts,
    ):
        yield opened(invited, keyfile, hosts)


def opened(invited: Invitation, keyfile: str, hosts: str) -> str:
    """Return the address for libvirt: it asks nobody, and believes nobody else."""
    words = {
        "keyfile": keyfile,
        "known_hosts": hosts,
        "known_hosts_verify": "normal",
        "sshauth": "privkey",
        "no_tty": "1",
    }
    return f"{invited.url}?{urlencode(words, safe='/')}"


def _place(source: Part) -> Pool:
    """Return a folder that no other host sees."""
    for pool in source.pools.known():
        if pool.kind == "dir" and not pool.shared:
            return pool
    raise Rejected(
        f"{source.platform.name} has no folder of its own to read a key from",
        hint="define a storage pool of type dir there that is not marked as shared",
    )


@contextmanager
def _kept(source: Part, pool: Pool, what: tuple[str, str]) -> Iterator[str]:
    """Keep a text in a volume, and delete that at the end."""
    name, text = what
    _forget(source, pool, name)
    content = text.encode()
    wish = ET.Element("volume")
    child(wish, "name", name)
    child(wish, "capacity", len(content), unit="bytes")
    target = child(wish, "target")
    child(target, "format", type="raw")
    child(child(target, "permissions"), "mode", _SECRET_MODE)
    try:
        with source.session.doing(f"write {name} on {pool.name}") as connection:
            made = connection.storagePoolLookupByName(pool.name).createXML(document(wish), 0)
            stream = connection.newStream(0)
            made.upload(stream, 0, len(content), 0)
            stream.send(content)
            stream.finish()
            path = str(made.path())
        yield path
    finally:
        with suppress(AnypoolError):
            _forget(source, pool, name)


def _forget(source: Part, pool: Pool, name: str) -> None:
    with source.session.doing(f"delete volume {name}") as connection:
        try:
            connection.storagePoolLookupByName(pool.name).storageVolLookupByName(name).delete(0)
        except libvirt.libvirtError as problem:
            if not trouble.is_gone(problem):
                raise
