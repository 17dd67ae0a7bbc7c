"""A pool as one file: everything that planners need, to plan with where no manager is."""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from anypool.errors import Invalid
from anypool.model import (
    Datastore,
    Host,
    Image,
    Inventory,
    Network,
    Percentiles,
    PMap,
    Policy,
    Pool,
    Profile,
    Server,
    Service,
    Vm,
)

FORMAT = "anypool-pool"
VERSION = 1

_encoder = msgspec.json.Encoder(order="deterministic")

Loads = dict[str, dict[str, Percentiles]]
"""How each metric of a host or VM, by its id, was spread over the time that was asked for."""


class PoolFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One export; `masked` says that its names are made up. `loads_s` is the time of `loads`."""

    format: str = FORMAT
    version: int = VERSION
    masked: bool = False
    pools: tuple[Pool, ...] = ()
    hosts: tuple[Host, ...] = ()
    vms: tuple[Vm, ...] = ()
    datastores: tuple[Datastore, ...] = ()
    networks: tuple[Network, ...] = ()
    images: tuple[Image, ...] = ()
    policies: tuple[Policy, ...] = ()
    services: tuple[Service, ...] = ()
    servers: tuple[Server, ...] = ()
    profiles: tuple[Profile, ...] = ()
    loads_s: int = 0
    loads: Loads = {}

    def inventory(self) -> Inventory:
        """Return the pool as planners take it."""
        whole = Inventory(
            hosts=PMap.of({one.id: one for one in self.hosts}),
            datastores=PMap.of({one.id: one for one in self.datastores}),
            networks=PMap.of({one.id: one for one in self.networks}),
            images=PMap.of({one.id: one for one in self.images}),
            servers=PMap.of({one.id: one for one in self.servers}),
            profiles=PMap.of({one.id: one for one in self.profiles}),
        )
        return whole.patched_vms({one.id: one for one in self.vms})


def pool_file(
    inventory: Inventory,
    *,
    pools: Iterable[Pool] = (),
    policies: Iterable[Policy] = (),
    services: Iterable[Service] = (),
    only: frozenset[str] = frozenset(),
) -> PoolFile:
    """Return a pool as a file, or only hosts and servers of some pools, with what is theirs."""
    hosts = [host for host in inventory.hosts.values() if not only or host.pool in only]
    ids = {host.id for host in hosts}
    vms = [vm for vm in inventory.vms.values() if not only or vm.host in ids]
    stores = {key for host in hosts for key in host.datastores}
    stores |= {disk.datastore for vm in vms for disk in vm.disks if disk.datastore is not None}
    networks = {key for host in hosts for key in host.networks}
    networks |= {nic.network for vm in vms for nic in vm.nics if nic.network is not None}
    servers, profiles = _racks(inventory, only)
    booted = {profile.image.partition(":")[0] for profile in profiles}
    names = {vm.name for vm in vms} | {str(vm.id) for vm in vms}
    return PoolFile(
        pools=_sorted(pool for pool in pools if not only or pool.id in only),
        hosts=_sorted(hosts),
        vms=_sorted(vms),
        datastores=_sorted(
            one for one in inventory.datastores.values() if not only or one.id in stores
        ),
        networks=_sorted(
            one for one in inventory.networks.values() if not only or one.id in networks
        ),
        images=_sorted(
            one
            for one in inventory.images.values()
            if not only or one.name in booted or any(place[0] in stores for place in one.places)
        ),
        policies=_sorted(policies),
        services=_sorted(
            one for one in services if not only or names & set(_members(one))
        ),
        servers=_sorted(servers),
        profiles=_sorted(profiles),
    )  # fmt: skip


def _racks(
    inventory: Inventory, only: frozenset[str]
) -> tuple[tuple[Server, ...], tuple[Profile, ...]]:
    """Return the servers and profiles of some pools; who bears one of these is always with it."""
    if not only:
        return tuple(inventory.servers.values()), tuple(inventory.profiles.values())
    ours = {one.id for one in inventory.servers.values() if one.pool in only}
    profiles = tuple(
        one for one in inventory.profiles.values() if one.pool in only or one.server in ours
    )
    ours |= {one.server for one in profiles if one.server is not None}
    return tuple(one for one in inventory.servers.values() if one.id in ours), profiles


def as_data(file: PoolFile) -> dict[str, Any]:
    """Return a file as JSON-like values: sets are sorted, what is as usual is left out."""
    data: dict[str, Any] = msgspec.json.decode(_encoder.encode(file))
    return data


def read_pool_file(name: str, data: object) -> PoolFile:
    """Return the file that JSON-like values are; raise `Invalid` for what this release cannot read.

    `name` is what the file is called in errors.
    """
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        hint = "`anypool inventory export FILE` writes one"
        raise Invalid(f"{name} is no exported pool", hint=hint)
    if data.get("version") != VERSION:
        message = f"{name} has version {data.get('version')!r}; this release reads {VERSION}"
        raise Invalid(message, hint="export it again with this release")
    try:
        return msgspec.convert(data, PoolFile)
    except msgspec.ValidationError as error:
        raise Invalid(f"{name} is not understood: {error}", hint="export it again") from error


def _members(service: Service) -> Iterable[str]:
    return (name for one in service.components for name in service.members(one))


def _sorted(records: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(sorted(records, key=lambda record: str(record.id)))
