"""Volumes: what lies on the datastores, and which VMs and images use it."""

from collections import defaultdict

from msgspec import Struct

from anypool.engine import Engine
from anypool.model import Inventory, Volume
from anypool.service.access import Deed, Principal, require
from anypool.service.pages import Ask, Page, page

Place = tuple[str, str]
Named = tuple[str, str]
"""A name, and the id that it belongs to."""


class UsedVolume(Struct, frozen=True, kw_only=True):
    """One volume; `vms` and `images` are the ids of those that use it.

    The names are those of its datastore and of its users, in the same order; an image's
    name has the version: `web:3`.
    """

    volume: Volume
    datastore_name: str = ""
    vms: tuple[str, ...] = ()
    vm_names: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    image_names: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """What tells it from all others."""
        return f"{self.volume.datastore}/{self.volume.name}"


class Volumes:
    """The use cases of a volume."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list(self, by: Principal, ask: Ask) -> Page[UsedVolume]:
        """Return a page of the volumes whose datastore (id or name) or name contains the query."""
        require(by, Deed.READ)
        text, inventory = ask.query.lower(), self._engine.inventory
        vms, images = _vms(inventory), _images(inventory)
        rows = []
        for volume in self._engine.volumes():
            place = (volume.datastore, volume.name)
            known = inventory.datastores.get(volume.datastore)
            name = volume.datastore if known is None else known.name
            if text not in f"{place[0]}/{place[1]}".lower() and text not in name.lower():
                continue
            users, masters = sorted(vms.get(place, ())), sorted(images.get(place, ()))
            rows.append(
                UsedVolume(
                    volume=volume,
                    datastore_name=name,
                    vms=tuple(key for _, key in users),
                    vm_names=tuple(name for name, _ in users),
                    images=tuple(key for _, key in masters),
                    image_names=tuple(name for name, _ in masters),
                )
            )
        return page(sorted(rows, key=lambda row: row.id), lambda row: row.id, ask)


def _vms(inventory: Inventory) -> dict[Place, list[Named]]:
    found: dict[Place, list[Named]] = defaultdict(list)
    for vm in inventory.vms.values():
        for disk in vm.disks:
            found[disk.datastore or "", disk.volume].append((vm.name, vm.id))
    return found


def _images(inventory: Inventory) -> dict[Place, list[Named]]:
    found: dict[Place, list[Named]] = defaultdict(list)
    for image in inventory.images.values():
        for place in image.places:
            if (version := image.holder(place)) is not None:
                found[place].append((image.called(version.number), image.id))
    return found
