"""What is on the volumes of a simulated world, and how somebody else writes to one."""

import hashlib
from collections.abc import Iterator

from msgspec.structs import replace

from anypool.drivers.sim.records import SimVolume
from anypool.drivers.sim.state import volume_key
from anypool.drivers.sim.world import World
from anypool.errors import NotFound
from anypool.model import DatastoreId


class SimContent:
    """A volume that can be read: a few bytes that stand for all of it."""

    def __init__(self, world: World, datastore: DatastoreId, name: str) -> None:
        """Look for it; raise `NotFound`."""
        self._world = world
        self._key = volume_key(datastore, name)
        self._row()

    def stamp(self) -> str:
        """Return what the world says of it."""
        return stamp_of(self._row())

    def size_bytes(self) -> int:
        """Return how many bytes there are to read."""
        return len(self._bytes())

    def chunks(self) -> Iterator[bytes | int]:
        """Yield them."""
        yield self._bytes()

    def close(self) -> None:
        """Nothing was opened."""

    def _bytes(self) -> bytes:
        row = self._row()
        return (row.content or row.volume.name).encode()

    def _row(self) -> SimVolume:
        with self._world.turn() as state:
            row = state.volumes.get(self._key)
        if row is None:
            raise NotFound(f"there is no volume {self._key}")
        return row


def stamp_of(row: SimVolume) -> str:
    """Return what stays the same while nobody writes to a volume; "" for a linked clone."""
    if row.volume.base:
        return ""
    return hashlib.sha256(row.content.encode()).hexdigest()[:16] if row.content else "as-made"


def write(world: World, datastore: DatastoreId, name: str, content: str) -> None:
    """Write to a volume, as somebody would who does not ask us; raise `NotFound`."""
    with world.turn() as state:
        key = volume_key(datastore, name)
        row = state.volumes.get(key)
        if row is None:
            raise NotFound(f"there is no volume {key}")
        state.volumes.put(key, replace(row, content=content))


def remove(world: World, datastore: DatastoreId, name: str) -> None:
    """Remove a volume, as somebody would who does not ask us."""
    with world.turn() as state:
        state.volumes.put(volume_key(datastore, name), None)
