"""What can be asked about a host."""

from collections.abc import Iterator
from operator import attrgetter

from anypool.model import Claim, Datastore, Host, HostState, Inventory, Network, Vm
from anypool.model.units import MIB
from anypool.search.field import Field, Join, Kind, Table
from anypool.search.syntax import Noun


def _vms(host: Host, inventory: Inventory) -> Iterator[Vm]:
    for vm in inventory.claims.get(host.id, Claim()).vms:
        yield inventory.vms[vm]


def _claim(host: Host, inventory: Inventory) -> Claim:
    return inventory.claims.get(host.id, Claim())


def _free_bytes(host: Host, inventory: Inventory) -> int:
    claimed = _claim(host, inventory).memory_mib
    return (host.usable_mib - claimed) * MIB


def _datastores(host: Host, inventory: Inventory) -> Iterator[Datastore]:
    for key in host.datastores:
        if (found := inventory.datastores.get(key)) is not None:
            yield found


def _networks(host: Host, inventory: Inventory) -> Iterator[Network]:
    for key in host.networks:
        if (found := inventory.networks.get(key)) is not None:
            yield found


_datastore_ids = attrgetter("datastores")
_network_ids = attrgetter("networks")

HOST: Table[Host] = Table(
    fields=(
        Field("name", Kind.TEXT, lambda host, _: host.name, "its name", free=True),
        Field("id", Kind.TEXT, lambda host, _: host.id, "its id", free=True),
        Field("state", Kind.ENUM, lambda host, _: host.state, "last seen", tuple(HostState)),
        Field("maintenance", Kind.BOOL, lambda host, _: host.maintenance, "closed to new VMs"),
        Field("power-saved", Kind.BOOL, lambda host, _: host.power_saved, "switched off by us"),
        Field("pool", Kind.TEXT, lambda host, _: host.pool, "its pool", free=True),
        Field(
            "observe-only",
            Kind.BOOL,
            lambda host, _: host.observe_only,
            "whether it may only be looked at",
        ),
        Field("tag", Kind.SET, lambda host, _: host.tags, "its tags", free=True),
        Field("cluster", Kind.TEXT, lambda host, _: host.cluster, "its cluster", free=True),
        Field("place", Kind.TEXT, lambda host, _: host.place, "datacenter and folders", free=True),
        Field("label", Kind.SET, lambda host, _: host.labels, "the platform's tags", free=True),
        Field(
            "platform-decides",
            Kind.SET,
            lambda host, _: host.platform_decides,
            "balance, power, restart: what the platform decides by itself",
        ),
        Field("platform", Kind.TEXT, lambda host, _: host.platform, "qemu, esxi, ..."),
        Field("memory", Kind.SIZE, lambda host, _: host.memory_mib * MIB, "all its memory"),
        Field("memory-free", Kind.SIZE, _free_bytes, "memory neither held nor reserved"),
        Field("reserved", Kind.SIZE, lambda host, _: host.reserved_mib * MIB, "kept from VMs"),
        Field("cpus", Kind.NUMBER, lambda host, _: host.cpus, "number of CPUs"),
        Field("sockets", Kind.NUMBER, lambda host, _: host.sockets, "processor sockets"),
        Field(
            "vcpus",
            Kind.NUMBER,
            lambda host, pool: _claim(host, pool).vcpus,
            "virtual CPUs of the VMs that run or may run on it",
        ),
        Field("vms", Kind.NUMBER, lambda host, pool: len(_claim(host, pool).vms), "number of VMs"),
        Field("arch", Kind.TEXT, lambda host, _: host.arch, "CPU architecture"),
        Field("cpu-model", Kind.TEXT, lambda host, _: host.cpu_model, "its CPU model"),
        Field("hypervisor", Kind.TEXT, lambda host, _: host.hypervisor, "product", free=True),
        Field("accelerator", Kind.SET, lambda host, _: host.accelerators, "kvm, tcg, ..."),
        Field("capability", Kind.SET, lambda host, _: host.capabilities, "what it can do"),
        Field("endpoint", Kind.TEXT, lambda host, _: host.endpoint, "id of its endpoint"),
        Field(
            "datastore",
            Kind.SET,
            lambda host, pool: [found.name for found in _datastores(host, pool)],
            "names of the datastores it sees",
            key=_datastore_ids,
        ),
        Field(
            "network",
            Kind.SET,
            lambda host, pool: [found.name for found in _networks(host, pool)],
            "names of the networks it carries",
            key=_network_ids,
        ),
    ),
    joins=(
        Join("vm", Noun.VM, _vms, "the VMs on it"),
        Join(
            "datastore",
            Noun.DATASTORE,
            _datastores,
            "the datastores it sees",
            lambda host: host.datastores,
        ),
        Join(
            "network",
            Noun.NETWORK,
            _networks,
            "the networks it carries",
            lambda host: host.networks,
        ),
    ),
    maps=lambda inventory: (inventory.hosts, inventory.claims),
    totals=("cpus", "memory", "memory-free", "vcpus", "vms"),
)
