"""Reading a volume's bytes, on a connection of its own so that nothing else waits behind them.

libvirt has no call for a checksum, so the bytes come here. They come in pieces: libvirt's
client keeps whatever the server sends, and a reader that goes slowly would fill the memory.
Holes of a sparse file are told, not sent.
"""

import contextlib
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import libvirt

from anypool.drivers.digests import Digests
from anypool.drivers.libvirt import trouble, xml_read
from anypool.drivers.libvirt.connect import Session
from anypool.drivers.libvirt.part import Part
from anypool.drivers.libvirt.platform import Platform
from anypool.drivers.libvirt.pools import Pools
from anypool.errors import NotFound
from anypool.model import DatastoreId, Digest, DigestOrder

PIECE_BYTES = 16 << 20
_READ_BYTES = 256 << 10
_HOLE = -3


class DigestPart(Part):
    """The operation that tells the digest of a volume."""

    def __init__(self, session: Session, host: Platform) -> None:
        super().__init__(session, host)
        self._digests = Digests(self._content)

    def close(self) -> None:
        """Read no volume any more, and give the connection back."""
        self._digests.close()
        super().close()

    def digest(self, order: DigestOrder, wait_s: float) -> Digest:
        """Tell how far the reading of a volume is; the first question begins it."""
        return self._digests.ask(order, wait_s)

    def _content(self, datastore: DatastoreId, name: str) -> "VolumeContent":
        return VolumeContent(self.session.sibling(), self.pools, datastore, name)


class VolumeContent:
    """A volume that can be read, through a session that is its own."""

    def __init__(self, session: Session, pools: Pools, datastore: DatastoreId, name: str) -> None:
        """Find it; raise `NotFound`."""
        self._session = session
        self._what = f"read volume {name}"
        pool = pools.of(datastore)
        with session.reading(self._what) as connection:
            store = connection.storagePoolLookupByName(pool.name)
            try:
                self._volume = store.storageVolLookupByName(name)
            except libvirt.libvirtError as problem:
                session.close()
                if trouble.is_gone(problem):
                    raise NotFound(f"there is no volume {name} on {pool.name}") from problem
                raise

    def stamp(self) -> str:
        """Return when the volume was last written to, and how long it is."""
        return xml_read.stamp(self._described())

    def size_bytes(self) -> int:
        """Return how long its file is."""
        return xml_read.size_bytes(self._described(), "physical")

    def chunks(self) -> Iterator[bytes | int]:
        """Yield its bytes piece by piece, and the lengths of its holes."""
        size = self.size_bytes()
        for start in range(0, size, PIECE_BYTES):
            yield from self._piece(start, min(PIECE_BYTES, size - start))

    def close(self) -> None:
        """Close the session."""
        self._session.close()

    def _described(self) -> ET.Element:
        with self._session.reading(self._what):
            return xml_read.parse(self._volume.XMLDesc(0))

    def _piece(self, start: int, length: int) -> Iterator[bytes | int]:
        with self._session.reading(self._what) as connection:
            stream = connection.newStream(0)
            sparse = libvirt.VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM
            self._volume.download(stream, start, length, sparse)
            ended = False
            try:
                while True:
                    got = stream.recvFlags(_READ_BYTES, libvirt.VIR_STREAM_RECV_STOP_AT_HOLE)
                    if got == _HOLE:
                        got = stream.recvHole()
                    if not got:
                        break
                    yield got
                stream.finish()
                ended = True
            finally:
                if not ended:
                    with contextlib.suppress(libvirt.libvirtError):
                        stream.abort()
