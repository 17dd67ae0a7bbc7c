"""Volumes: what lies on the datastores, and which VMs and images use it."""

from collections import defaultdict

from msgspec import Struct

from anypool.engine import Engine
from anypool.model import Inventory, Volume
from anypool.service.access import Deed, Principal, require
from anypool.service.pages import Ask, Page, page

Place = tuple[str, str]


class UsedVolume(Struct, frozen=True, kw_only=True):
    """One volume; `vms` and `images` are the ids of those that use it."""

    volume: Volume
    vms: tuple[str, ...] = ()
    images: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """What tells it from all others."""
        return f"{self.volume.datastore}/{self.volume.name}"


class Volumes:
    """The use cases of a volume."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list(self, by: Principal, ask: Ask) -> Page[UsedVolume]:
        """Return a page of the volumes whose datastore or name contains the query."""
        require(by, Deed.READ)
        text = ask.query.lower()
        users = _users(self._engine.inventory)
        rows = [
            UsedVolume(volume=volume, vms=vms, images=images)
            for volume in self._engine.volumes()
            for vms, images in [users.get((volume.datastore, volume.name), ((), ()))]
        ]
        found = [row for row in rows if text in row.id.lower()]
        return page(sorted(found, key=lambda row: row.id), lambda row: row.id, ask)


def _users(inventory: Inventory) -> dict[Place, tuple[tuple[str, ...], tuple[str, ...]]]:
    vms: dict[Place, list[str]] = defaultdict(list)
    images: dict[Place, list[str]] = defaultdict(list)
    for vm in inventory.vms.values():
        for disk in vm.disks:
            vms[disk.datastore or "", disk.volume].append(vm.id)
    for image in inventory.images.values():
        images[image.datastore, image.volume].append(image.id)
    places = vms.keys() | images.keys()
    return {place: (tuple(vms[place]), tuple(images[place])) for place in places}
