"""Volumes of a datastore: found, made (empty, as linked clones or as copies), deleted."""

import contextlib
import threading
import xml.etree.ElementTree as ET

import libvirt

from anypool.drivers.libvirt import trouble, xml_read
from anypool.drivers.libvirt.connect import Session
from anypool.drivers.libvirt.pools import OWN_PREFIX, Pool, Pools
from anypool.drivers.libvirt.xml_write import child, document
from anypool.drivers.names import check_name
from anypool.errors import Busy, Conflict, Invalid, Rejected
from anypool.model import DatastoreId, DiskWish, Volume

_FORMATS = frozenset({"qcow2", "raw"})


class Volumes:
    """The volumes of one host's datastores.

    What a volume is a clone of is read once and remembered: it never changes.
    """

    def __init__(self, session: Session, pools: Pools) -> None:
        """Nothing is asked yet."""
        self._session = session
        self._pools = pools
        self._lock = threading.Lock()
        self._bases: dict[tuple[DatastoreId, str], str] = {}
        self._sizes: dict[str, int] = {}

    def make(self, wish: DiskWish) -> str:
        """Make a volume and return its path; raise `Rejected` if its base is not there.

        The caller knows that no volume of that name is there.
        """
        pool = self._pools.of(wish.datastore)
        with self._session.doing(f"make volume {wish.volume} on {pool.name}") as connection:
            store = connection.storagePoolLookupByName(pool.name)
            base = self._base(store, wish) if wish.base else None
            if base is not None and wish.format == "raw":
                made = store.createXMLFrom(document(_describe(wish, "")), base, 0)
            else:
                path = "" if base is None else _path_of(base)
                made = store.createXML(document(_describe(wish, path)), 0)
            path = _path_of(made)
        with self._lock:
            self._sizes[path] = wish.size_bytes
        return path

    def find(
        self, datastore: DatastoreId, name: str, *, refresh: bool = True
    ) -> libvirt.virStorageVol | None:
        """Find a volume; with `refresh` also one that another host made, which takes longer."""
        pool = self._pools.of(datastore)
        refresh = refresh and not self._session.read_only
        with self._session.reading(f"look for volume {name} on {pool.name}") as connection:
            return _lookup(connection.storagePoolLookupByName(pool.name), name, refresh=refresh)

    def finished(self, volume: libvirt.virStorageVol) -> str:
        """The path of a volume that is there; `Busy` while it is still being copied."""
        try:
            volume.info()
        except libvirt.libvirtError as problem:
            if problem.get_error_code() == libvirt.VIR_ERR_OPERATION_INVALID:
                raise Busy(f"volume {volume.name()} is being made", hint="wait") from problem
        return _path_of(volume)

    def delete(self, datastore: DatastoreId, name: str) -> None:
        """Delete a volume; quiet if it is not there."""
        found = self.find(datastore, name)
        if found is None:
            return
        with self._session.doing(f"delete volume {name}"):
            try:
                found.delete(0)
            except libvirt.libvirtError as problem:
                if not trouble.is_gone(problem):
                    raise
        with self._lock:
            self._bases.pop((datastore, name), None)

    def size_bytes(self, path: str) -> int:
        """The size of a VM's disk, asked for once; 0 if its pool does not know it.

        The VM is never asked: libvirt would keep us waiting while it is being received.
        """
        if path in self._sizes:
            return self._sizes[path]
        pool = self._pools.at(path)
        size_bytes = 0
        if pool is not None:
            found = self.find(pool.id, path.rpartition("/")[2])
            with contextlib.suppress(libvirt.libvirtError):  # gone meanwhile
                size_bytes = int(found.info()[1]) if found is not None else 0
        self._sizes[path] = size_bytes
        return size_bytes

    def touch(self, datastore: DatastoreId, name: str) -> None:
        """Make a tiny raw volume that says something by its name; quiet if it is there."""
        pool = self._pools.of(datastore)
        wish = ET.Element("volume")
        child(wish, "name", name)
        child(wish, "capacity", 512, unit="bytes")
        child(child(wish, "target"), "format", type="raw")
        with self._session.doing(f"write {name} on {pool.name}") as connection:
            try:
                connection.storagePoolLookupByName(pool.name).createXML(document(wish), 0)
            except libvirt.libvirtError as problem:
                if problem.get_error_code() != libvirt.VIR_ERR_STORAGE_VOL_EXIST:
                    raise

    def read(self, pool: Pool) -> tuple[Volume, ...]:
        """Describe every volume of a pool but our own marks; one call for each."""
        with self._session.reading(f"read the volumes of {pool.name}") as connection:
            store = connection.storagePoolLookupByName(pool.name)
            found = [self._one(pool, volume) for volume in store.listAllVolumes(0)]
            return tuple(volume for volume in found if volume is not None)

    def clones_of(self, pool: Pool, name: str) -> list[str]:
        """The volumes of a pool that are linked clones of one of them, whoever made them."""
        with self._session.reading(f"read the volumes of {pool.name}") as connection:
            store = connection.storagePoolLookupByName(pool.name)
            _refresh(store)
            for volume in store.listAllVolumes(0):
                if (pool.id, volume.name()) not in self._bases:
                    self._one(pool, volume)
            there = store.listVolumes()
        return [one for one in there if self._bases.get((pool.id, one)) == name]

    def _one(self, pool: Pool, volume: libvirt.virStorageVol) -> Volume | None:
        name = volume.name()
        if name.startswith(OWN_PREFIX):
            return None
        try:
            described = xml_read.parse(volume.XMLDesc(0))
        except libvirt.libvirtError as problem:
            if trouble.is_gone(problem):
                return None
            raise
        base = xml_read.text(described, "backingStore/path").rpartition("/")[2]
        path = xml_read.text(described, "target/path")
        size_bytes = xml_read.size_bytes(described, "capacity")
        with self._lock:
            self._bases[(pool.id, name)] = base
            self._sizes[path] = size_bytes
        return Volume(
            datastore=pool.id,
            name=name,
            path=path,
            format=xml_read.attribute(described, "target/format", "type", "raw"),
            size_bytes=size_bytes,
            used_bytes=xml_read.size_bytes(described, "allocation"),
            base=base,
            stamp="" if base else xml_read.stamp(described),
        )

    def _base(self, store: libvirt.virStoragePool, wish: DiskWish) -> libvirt.virStorageVol:
        found = _lookup(store, wish.base, refresh=True)
        if found is None:
            raise Rejected(
                f"volume {wish.volume} cannot be made: its image {wish.base} is not on the "
                f"datastore {store.name()}",
                hint="a linked clone needs the image's volume on the same datastore",
            )
        return found


def check(wish: DiskWish) -> None:
    """Raise `Invalid` for a disk that can never be made."""
    check_name("volume", wish.volume)
    if wish.base:
        check_name("volume", wish.base)
    if wish.volume.startswith(OWN_PREFIX):
        raise Invalid(f"names that begin with {OWN_PREFIX} are kept", hint="choose another name")
    for written in (wish.format, wish.base_format):
        if written not in _FORMATS:
            raise Invalid(f"volumes of format {written!r} are not made", hint="qcow2 or raw")
    if wish.shareable and wish.format != "raw":
        raise Invalid(f"{wish.volume}: only a raw volume can be shared by several writers")
    if wish.size_bytes <= 0 and not wish.base:
        raise Invalid(f"volume {wish.volume} has no size")


def already_there(wish: DiskWish) -> Conflict:
    """The error for a volume that somebody else made."""
    return Conflict(
        f"there is a volume {wish.volume} on {wish.datastore} already",
        hint="choose another name, or delete that volume if nobody needs it",
    )


def _describe(wish: DiskWish, base: str) -> ET.Element:
    volume = ET.Element("volume")
    child(volume, "name", wish.volume)
    if wish.size_bytes > 0:
        child(volume, "capacity", wish.size_bytes, unit="bytes")
    child(volume, "allocation", 0, unit="bytes")
    child(child(volume, "target"), "format", type=wish.format)
    if base:
        store = child(volume, "backingStore")
        child(store, "path", base)
        child(store, "format", type=wish.base_format)
    return volume


def _lookup(
    store: libvirt.virStoragePool, name: str, *, refresh: bool
) -> libvirt.virStorageVol | None:
    for again in (False, True) if refresh else (False,):
        if again:
            _refresh(store)
        try:
            return store.storageVolLookupByName(name)
        except libvirt.libvirtError as problem:
            if not trouble.is_gone(problem):
                raise
    return None


def _refresh(store: libvirt.virStoragePool) -> None:
    """Let libvirt see what other hosts made and deleted there."""
    with contextlib.suppress(libvirt.libvirtError):  # busy: somebody else refreshes it
        store.refresh(0)


def _path_of(volume: libvirt.virStorageVol) -> str:
    return str(volume.path())
