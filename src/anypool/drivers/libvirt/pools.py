"""Storage pools as datastores: which one a path lies in, and by what id we know it.

A pool that holds a volume named `anypool-datastore-<uuid>` is a shared datastore with
that uuid; any other is the host's own, `<host id>:<pool>`.
"""

import contextlib
import threading
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import PurePosixPath

import libvirt
from msgspec import Struct

from anypool.drivers.libvirt import trouble, xml_read
from anypool.drivers.libvirt.connect import Session
from anypool.errors import NotFound
from anypool.model import DatastoreId, HostId

MARKER = "anypool-datastore-"
OWN_PREFIX = "anypool-"
"""Volumes with this prefix are ours and are never shown."""


class Pool(Struct, frozen=True, kw_only=True):
    """One active storage pool; `path` is where its volumes are.

    `own_id` is what it is called while it bears no marker; it stays a name of it.
    """

    id: DatastoreId
    own_id: DatastoreId
    name: str
    kind: str
    path: str
    shared: bool
    capacity_bytes: int
    free_bytes: int
    volumes: tuple[str, ...]


class Pools:
    """The pools of one host, remembered between calls; `read` looks again."""

    def __init__(self, session: Session, host: HostId) -> None:
        """Nothing is asked before the first use."""
        self._session = session
        self._host = host
        self._lock = threading.Lock()
        self._known: tuple[Pool, ...] | None = None

    def read(self, *, refresh: bool) -> tuple[Pool, ...]:
        """Read all active pools; with `refresh` libvirt looks at the folders itself first.

        A read-only connection may not ask for that: what others put there by hand is seen
        when somebody refreshes the pool on the host.
        """
        refresh = refresh and not self._session.read_only
        with self._session.reading("read the storage pools") as connection:
            found = tuple(self._all(connection, refresh))
        with self._lock:
            self._known = found
        return found

    def known(self) -> tuple[Pool, ...]:
        """The pools as last read."""
        with self._lock:
            known = self._known
        return self.read(refresh=False) if known is None else known

    def of(self, datastore: DatastoreId) -> Pool:
        """The pool that is a datastore here; raise `NotFound`."""
        for look in (self.known, lambda: self.read(refresh=True)):
            for pool in look():
                if datastore in (pool.id, pool.own_id):
                    return pool
        raise NotFound(
            f"this host has no datastore {datastore}",
            hint="is its storage pool started, and is it marked where several hosts share it?",
        )

    def at(self, path: str) -> Pool | None:
        """The pool whose folder a volume's path lies in."""
        folder = str(PurePosixPath(path).parent)
        return next((pool for pool in self.known() if pool.path == folder), None)

    def _all(self, connection: libvirt.virConnect, refresh: bool) -> Iterable[Pool]:
        active = libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE
        try:
            pools = connection.listAllStoragePools(active)
        except libvirt.libvirtError as problem:
            if trouble.is_missing_function(problem):
                return
            raise
        for pool in pools:
            if refresh:
                with contextlib.suppress(libvirt.libvirtError):
                    pool.refresh(0)  # refused while a volume is made in it
            try:
                yield self._one(pool)
            except libvirt.libvirtError as problem:
                if not connection.isAlive():
                    raise
                del problem  # stopped in between: it is in the next reading

    def _one(self, pool: libvirt.virStoragePool) -> Pool:
        described = xml_read.parse(pool.XMLDesc(0))
        volumes = tuple(pool.listVolumes())
        name = pool.name()
        marker = min((v for v in volumes if v.startswith(MARKER)), default="")
        own = DatastoreId(f"{self._host}:{name}")
        return Pool(
            id=DatastoreId(marker.removeprefix(MARKER)) if marker else own,
            own_id=own,
            name=name,
            kind=described.get("type", "dir"),
            path=_path(described),
            shared=bool(marker),
            capacity_bytes=xml_read.size_bytes(described, "capacity"),
            free_bytes=xml_read.size_bytes(described, "available"),
            volumes=volumes,
        )


def new_marker() -> str:
    """The name of a marker that no other datastore bears."""
    return f"{MARKER}{uuid.uuid4()}"


def _path(described: ET.Element) -> str:
    return xml_read.text(described, "target/path").rstrip("/") or "/"
