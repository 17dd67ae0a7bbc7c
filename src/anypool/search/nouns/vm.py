"""What can be asked about a VM."""

from collections.abc import Iterator

from anypool.model import (
    Datastore,
    DatastoreId,
    Host,
    Image,
    Inventory,
    Network,
    NetworkId,
    Vm,
    VmState,
)
from anypool.model.units import MIB
from anypool.search.field import Field, Join, Kind, Table
from anypool.search.syntax import Noun


def _host(vm: Vm, inventory: Inventory) -> tuple[Host, ...]:
    found = None if vm.host is None else inventory.hosts.get(vm.host)
    return () if found is None else (found,)


def _host_name(vm: Vm, inventory: Inventory) -> str:
    found = _host(vm, inventory)
    return found[0].name if found else vm.host or ""


def _cluster(vm: Vm, inventory: Inventory) -> str:
    found = _host(vm, inventory)
    return found[0].cluster if found else ""


def _platform(vm: Vm, inventory: Inventory) -> str:
    found = _host(vm, inventory)
    return found[0].platform if found else ""


def _network_ids(vm: Vm) -> frozenset[NetworkId | None]:
    return frozenset(nic.network for nic in vm.nics)


def _datastore_ids(vm: Vm) -> frozenset[DatastoreId | None]:
    return frozenset(disk.datastore for disk in vm.disks)


def _networks(vm: Vm, inventory: Inventory) -> Iterator[Network]:
    for nic in vm.nics:
        if nic.network is not None and (found := inventory.networks.get(nic.network)) is not None:
            yield found


def _datastores(vm: Vm, inventory: Inventory) -> Iterator[Datastore]:
    for key in {disk.datastore for disk in vm.disks}:
        if key is not None and (found := inventory.datastores.get(key)) is not None:
            yield found


def _images(vm: Vm, inventory: Inventory) -> tuple[Image, ...]:
    found = None if vm.origin is None else inventory.images.get(vm.origin.image)
    return () if found is None else (found,)


def _image_names(vm: Vm, inventory: Inventory) -> list[str]:
    """Return `web` and `web:3`, also when that version turned out to be another."""
    if vm.origin is None:
        return []
    name = next((image.name for image in _images(vm, inventory)), vm.origin.image)
    now = [image.called(vm.origin.version) for image in _images(vm, inventory)]
    return [name, f"{name}:{vm.origin.version}", *now]


def _image_digest(vm: Vm, inventory: Inventory) -> str:
    if vm.origin is None:
        return ""
    for image in _images(vm, inventory):
        if (version := image.version(vm.origin.version)) is not None and version.digest:
            return version.digest
    return vm.origin.digest


VM: Table[Vm] = Table(
    fields=(
        Field("name", Kind.TEXT, lambda vm, _: vm.name, "its name", free=True),
        Field("id", Kind.TEXT, lambda vm, _: vm.id, "its UUID", free=True),
        Field("state", Kind.ENUM, lambda vm, _: vm.state, "whether it runs", tuple(VmState)),
        Field(
            "host",
            Kind.TEXT,
            _host_name,
            "name of the host it is on",
            free=True,
            key=lambda vm: vm.host,
        ),
        Field("tag", Kind.SET, lambda vm, _: vm.tags, "its tags", free=True),
        Field("cluster", Kind.TEXT, _cluster, "its host's cluster", key=lambda vm: vm.host),
        Field("platform", Kind.TEXT, _platform, "its host's platform", key=lambda vm: vm.host),
        Field("place", Kind.TEXT, lambda vm, _: vm.place, "datacenter and folders", free=True),
        Field("label", Kind.SET, lambda vm, _: vm.labels, "the platform's tags", free=True),
        Field("resource-pool", Kind.TEXT, lambda vm, _: vm.resource_pool, "its resource pool"),
        Field("template", Kind.BOOL, lambda vm, _: vm.template, "whether it never runs"),
        Field("memory", Kind.SIZE, lambda vm, _: vm.memory_mib * MIB, "its memory"),
        Field("vcpus", Kind.NUMBER, lambda vm, _: vm.vcpus, "number of virtual CPUs"),
        Field("cpu-model", Kind.TEXT, lambda vm, _: vm.cpu_model, "CPU model it sees"),
        Field(
            "disk-size",
            Kind.SIZE,
            lambda vm, _: sum(disk.size_bytes for disk in vm.disks),
            "size of all its disks together",
        ),
        Field("disks", Kind.NUMBER, lambda vm, _: len(vm.disks), "number of disks"),
        Field(
            "datastore",
            Kind.SET,
            lambda vm, pool: [found.name for found in _datastores(vm, pool)],
            "names of the datastores its disks are on",
            key=_datastore_ids,
        ),
        Field(
            "network",
            Kind.SET,
            lambda vm, pool: [found.name for found in _networks(vm, pool)],
            "names of the networks it is attached to",
            key=_network_ids,
        ),
        Field(
            "image",
            Kind.SET,
            _image_names,
            "image it was made from: web, and the version: web:3",
            key=lambda vm: vm.origin,
        ),
        Field(
            "digest",
            Kind.TEXT,
            _image_digest,
            "digest of the image it was made from, sha256:...",
            key=lambda vm: vm.origin,
        ),
        Field("mac", Kind.SET, lambda vm, _: [nic.mac for nic in vm.nics], "MACs", free=True),
        Field("snapshots", Kind.NUMBER, lambda vm, _: len(vm.snapshots), "number of snapshots"),
        Field(
            "shareable",
            Kind.BOOL,
            lambda vm, _: any(disk.shareable for disk in vm.disks),
            "whether a disk of it carries no write lock",
        ),
        Field(
            "copies",
            Kind.NUMBER,
            lambda vm, _: len(vm.copies),
            "number of further hosts that know it",
        ),
        Field(
            "twins",
            Kind.NUMBER,
            lambda vm, _: len(vm.twins),
            "number of other VMs that bear its id on their platform",
        ),
    ),
    joins=(
        Join("host", Noun.HOST, _host, "the host it is on", lambda vm: vm.host),
        Join("image", Noun.IMAGE, _images, "the image it was made from", lambda vm: vm.origin),
        Join("network", Noun.NETWORK, _networks, "the networks it is attached to", _network_ids),
        Join(
            "datastore",
            Noun.DATASTORE,
            _datastores,
            "the datastores its disks are on",
            _datastore_ids,
        ),
    ),
    maps=lambda inventory: (inventory.vms,),
    totals=("vcpus", "memory", "disk-size"),
)
