"""Volumes: the disks of the pool's VMs and the masters of its images."""

from msgspec import Struct

from anypool.engine import Engine
from anypool.model import Inventory
from anypool.service.access import Deed, Principal, require
from anypool.service.pages import Ask, Page, page


class UsedVolume(Struct, frozen=True, kw_only=True):
    """One volume and who uses it; `datastore` is an id, "" where none is known."""

    datastore: str
    name: str
    format: str
    size_bytes: int
    vm: str = ""
    image: str = ""

    @property
    def key(self) -> str:
        """What tells it from all others, user included."""
        return "\n".join((self.datastore, self.name, self.vm, self.image))


class Volumes:
    """The use cases of a volume."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list(self, by: Principal, ask: Ask) -> Page[UsedVolume]:
        """Return a page of the volumes in use, those whose text contains the query."""
        require(by, Deed.READ)
        text = ask.query.lower()
        rows = sorted(_volumes(self._engine.inventory), key=lambda volume: volume.key)
        found = [volume for volume in rows if text in volume.key.lower()]
        return page(found, lambda volume: volume.key, ask)


def _volumes(inventory: Inventory) -> list[UsedVolume]:
    disks = [
        UsedVolume(
            datastore=disk.datastore or "",
            name=disk.volume,
            format=disk.format,
            size_bytes=disk.size_bytes,
            vm=vm.id,
        )
        for vm in inventory.vms.values()
        for disk in vm.disks
    ]
    masters = [
        UsedVolume(
            datastore=image.datastore,
            name=image.volume,
            format=image.format,
            size_bytes=image.size_bytes,
            image=image.id,
        )
        for image in inventory.images.values()
    ]
    return disks + masters
