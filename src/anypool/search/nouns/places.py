"""What can be asked about datastores, networks, images and endpoints."""

from collections.abc import Iterator

from anypool.model import (
    Datastore,
    DatastoreId,
    EndpointState,
    Host,
    Image,
    Inventory,
    KnownEndpoint,
    Locking,
    Network,
)
from anypool.model.catalogue import CatalogueImage, exports_of, uses_of
from anypool.model.units import MIB
from anypool.search.field import Field, Join, Kind, Table
from anypool.search.syntax import Noun


def _sees(datastore: Datastore, inventory: Inventory) -> Iterator[Host]:
    return (host for host in inventory.hosts.values() if datastore.id in host.datastores)


def _carries(network: Network, inventory: Inventory) -> Iterator[Host]:
    return (host for host in inventory.hosts.values() if network.id in host.networks)


def _image_place_ids(image: Image) -> frozenset[DatastoreId]:
    return frozenset(place[0] for place in image.places)


def _image_places(image: Image, inventory: Inventory) -> tuple[Datastore, ...]:
    found = (inventory.datastores.get(key) for key in sorted(_image_place_ids(image)))
    return tuple(one for one in found if one is not None)


def _image_place_names(image: Image, inventory: Inventory) -> list[str]:
    known = inventory.datastores
    return [known[key].name if key in known else key for key in _image_place_ids(image)]


def _versions(image: Image) -> int:
    return len(image.numbers if isinstance(image, CatalogueImage) else image.versions)


def _copy_states(image: Image) -> list[str]:
    return [copy.state for version in image.versions for copy in version.copies]


DATASTORE: Table[Datastore] = Table(
    fields=(
        Field("name", Kind.TEXT, lambda place, _: place.name, "its name", free=True),
        Field("id", Kind.TEXT, lambda place, _: place.id, "its id", free=True),
        Field("kind", Kind.TEXT, lambda place, _: place.kind, "dir, nfs, ..."),
        Field("path", Kind.TEXT, lambda place, _: place.path, "path on its hosts", free=True),
        Field("shared", Kind.BOOL, lambda place, _: place.shared, "seen by several hosts"),
        Field(
            "locking",
            Kind.ENUM,
            lambda place, _: place.locking,
            "whether a second writer is stopped",
            tuple(Locking),
        ),
        Field("capacity", Kind.SIZE, lambda place, _: place.capacity_bytes, "its size"),
        Field("free", Kind.SIZE, lambda place, _: place.free_bytes, "what is left of it"),
        Field("tag", Kind.SET, lambda place, _: place.tags, "its tags", free=True),
        Field("place", Kind.TEXT, lambda place, _: place.place, "datacenter, folders", free=True),
        Field("label", Kind.SET, lambda place, _: place.labels, "the platform's tags", free=True),
    ),
    joins=(Join("host", Noun.HOST, _sees, "the hosts that see it"),),
    maps=lambda inventory: (inventory.datastores,),
    totals=("capacity", "free"),
)

NETWORK: Table[Network] = Table(
    fields=(
        Field("name", Kind.TEXT, lambda net, _: net.name, "its name", free=True),
        Field("id", Kind.TEXT, lambda net, _: net.id, "its id", free=True),
        Field("kind", Kind.TEXT, lambda net, _: net.kind, "bridge, nat, ..."),
        Field("bridge", Kind.TEXT, lambda net, _: net.bridge, "bridge on the hosts", free=True),
        Field("tag", Kind.SET, lambda net, _: net.tags, "its tags", free=True),
        Field("vlan", Kind.NUMBER, lambda net, _: net.vlan, "its VLAN, 0 for none"),
        Field("place", Kind.TEXT, lambda net, _: net.place, "datacenter, folders", free=True),
        Field("label", Kind.SET, lambda net, _: net.labels, "the platform's tags", free=True),
    ),
    joins=(Join("host", Noun.HOST, _carries, "the hosts that carry it"),),
    maps=lambda inventory: (inventory.networks,),
)

IMAGE: Table[Image] = Table(
    fields=(
        Field("name", Kind.TEXT, lambda image, _: image.name, "its name", free=True),
        Field("id", Kind.TEXT, lambda image, _: image.id, "its id", free=True),
        Field("description", Kind.TEXT, lambda image, _: image.description, "in words", free=True),
        Field(
            "datastore",
            Kind.SET,
            _image_place_names,
            "names of the datastores it is on",
            free=True,
            key=_image_place_ids,
        ),
        Field(
            "volume",
            Kind.SET,
            lambda image, _: [place[1] for place in image.places],
            "its volumes there",
        ),
        Field("versions", Kind.NUMBER, lambda image, _: _versions(image), "how many it has"),
        Field(
            "use",
            Kind.SET,
            lambda image, _: [str(use) for use in uses_of(image)],
            "what it can be used for: vm, boot",
        ),
        Field(
            "boot-host",
            Kind.SET,
            lambda image, _: [str(one.boot_host) for one in exports_of(image)],
            "boot hosts that export it",
            free=True,
        ),
        Field(
            "digest",
            Kind.SET,
            lambda image, _: [one.digest for one in image.versions if one.digest],
            "digests of its versions, sha256:...",
            free=True,
        ),
        Field(
            "copy",
            Kind.SET,
            lambda image, _: _copy_states(image),
            "states of its copies: unread, same, changed, missing",
        ),
        Field(
            "deprecated",
            Kind.BOOL,
            lambda image, _: image.newest is None,
            "whether all its versions are",
        ),
        Field("format", Kind.TEXT, lambda image, _: image.shown.format, "qcow2, raw, ..."),
        Field("size", Kind.SIZE, lambda image, _: image.shown.size_bytes, "size of the disk"),
        Field("memory", Kind.SIZE, lambda image, _: image.memory_mib * MIB, "memory of its VMs"),
    ),
    joins=(Join("datastore", Noun.DATASTORE, _image_places, "the datastores it is on"),),
    maps=lambda inventory: (inventory.images,),
)

ENDPOINT: Table[KnownEndpoint] = Table(
    fields=(
        Field("id", Kind.TEXT, lambda known, _: known.id, "its id", free=True),
        Field("driver", Kind.TEXT, lambda known, _: known.endpoint.driver, "its driver", free=True),
        Field("uri", Kind.TEXT, lambda known, _: known.endpoint.uri, "its address", free=True),
        Field("pool", Kind.TEXT, lambda known, _: known.endpoint.pool, "its pool", free=True),
        Field(
            "observe-only",
            Kind.BOOL,
            lambda known, _: known.endpoint.observe_only,
            "whether it may only be looked at",
        ),
        Field(
            "state",
            Kind.ENUM,
            lambda known, _: known.health.state,
            "how the conversation goes",
            values=tuple(EndpointState),
        ),
        Field("message", Kind.TEXT, lambda known, _: known.health.message, "the last trouble"),
    ),
    joins=(
        Join(
            "host",
            Noun.HOST,
            lambda known, pool: (host for host in pool.hosts.values() if host.endpoint == known.id),
            "the hosts behind it",
        ),
    ),
)
