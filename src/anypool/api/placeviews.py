"""What the API shows of datastores, networks and volumes; see `api/views.py`."""

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

from anypool.model import Datastore, Inventory, Network
from anypool.service.volumes import UsedVolume


class DatastoreView(Struct, frozen=True, kw_only=True):
    """A datastore; `hosts` are the names of those that see it."""

    id: str
    name: str
    kind: str
    path: str
    shared: bool
    locking: str
    capacity_bytes: int
    free_bytes: int
    hosts: tuple[str, ...]
    tags: tuple[str, ...]
    place: str
    labels: tuple[str, ...]


def hosts_by(
    inventory: Inventory, reach: Literal["datastores", "networks"], ids: Iterable[str]
) -> dict[str, list[str]]:
    """Return the names of the hosts that reach each of these, in one look at every host."""
    names: dict[str, list[str]] = {key: [] for key in ids}
    for host in inventory.hosts.values():
        for key in names.keys() & getattr(host, reach):
            names[key].append(host.name)
    return names


def datastore_view(datastore: Datastore, hosts: Mapping[str, list[str]]) -> DatastoreView:
    """Return a datastore as it is shown; `hosts` are the names of those that see it."""
    return DatastoreView(
        id=datastore.id,
        name=datastore.name,
        kind=datastore.kind,
        path=datastore.path,
        shared=datastore.shared,
        locking=datastore.locking,
        capacity_bytes=datastore.capacity_bytes,
        free_bytes=datastore.free_bytes,
        hosts=tuple(sorted(hosts[datastore.id])),
        tags=tuple(sorted(datastore.tags)),
        place=datastore.place,
        labels=tuple(sorted(datastore.labels)),
    )


class NetworkView(Struct, frozen=True, kw_only=True):
    """A network; `hosts` are the names of those that carry it."""

    id: str
    name: str
    kind: str
    bridge: str
    vlan: int
    hosts: tuple[str, ...]
    tags: tuple[str, ...]
    place: str
    labels: tuple[str, ...]


def network_view(network: Network, hosts: Mapping[str, list[str]]) -> NetworkView:
    """Return a network as it is shown; `hosts` are the names of those that carry it."""
    return NetworkView(
        id=network.id,
        name=network.name,
        kind=network.kind,
        bridge=network.bridge,
        vlan=network.vlan,
        hosts=tuple(sorted(hosts[network.id])),
        tags=tuple(sorted(network.tags)),
        place=network.place,
        labels=tuple(sorted(network.labels)),
    )


class VolumeView(Struct, frozen=True, kw_only=True):
    """A volume; `vms` and `images` are the ids of those that use it, beside their names."""

    datastore: str
    datastore_name: str
    name: str
    path: str
    format: str
    size_bytes: int
    used_bytes: int
    base: str
    vms: tuple[str, ...]
    vm_names: tuple[str, ...]
    images: tuple[str, ...]
    image_names: tuple[str, ...]


def volume_view(used: UsedVolume) -> VolumeView:
    """Return a volume as it is shown."""
    volume = used.volume
    return VolumeView(
        datastore=volume.datastore,
        datastore_name=used.datastore_name,
        name=volume.name,
        path=volume.path,
        format=volume.format,
        size_bytes=volume.size_bytes,
        used_bytes=volume.used_bytes,
        base=volume.base,
        vms=used.vms,
        vm_names=used.vm_names,
        images=used.images,
        image_names=used.image_names,
    )
