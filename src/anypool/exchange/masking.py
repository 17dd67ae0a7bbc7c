"""A pool file with its names masked: nothing in it says whose pool it is."""

from collections.abc import Iterable
from typing import TypeVar

from msgspec.structs import replace

from anypool.exchange.masking_servers import masked_probe, masked_profile, masked_server
from anypool.exchange.masks import Masks
from anypool.exchange.poolfile import PoolFile
from anypool.exchange.scopes import Scopes
from anypool.model import (
    HOST_SCOPED,
    Apart,
    Component,
    Datastore,
    DatastoreId,
    Disk,
    EndpointId,
    Exclusive,
    Host,
    HostId,
    Image,
    ImageCopy,
    ImageId,
    ImageVersion,
    Licence,
    Network,
    NetworkId,
    Nic,
    NoMigration,
    OnHosts,
    Origin,
    Policy,
    PolicyId,
    Pool,
    PoolId,
    Profile,
    Rule,
    Server,
    Service,
    ServiceId,
    Spread,
    Together,
    Vm,
    VmId,
)
from anypool.search import Noun

T = TypeVar("T", Host, Vm, Datastore, Network, Image, Policy, Service, Server, Profile)


def mask(file: PoolFile) -> PoolFile:
    """Return a file in which every name, id, address and tag is made up, each always the same.

    Sizes, states, loads and CPU models stay, and so do words of the product. A query that
    cannot be put into masked names, as one with `*`, becomes the list of those it matches.
    """
    return _Masking(file).done()


class _Masking:
    def __init__(self, file: PoolFile) -> None:
        self._file = file
        self._masks = Masks(file)

    def done(self) -> PoolFile:
        file, of = self._file, self._masks.of
        masked = replace(
            file,
            masked=True,
            pools=tuple(map(self._pool, file.pools)),
            hosts=_by_id(map(self._host, file.hosts)),
            vms=_by_id(map(self._vm, file.vms)),
            datastores=_by_id(map(self._datastore, file.datastores)),
            networks=_by_id(map(self._network, file.networks)),
            images=_by_id(map(self._image, file.images)),
            policies=(),
            services=_by_id(map(self._service, file.services)),
            servers=_by_id(masked_server(one, self._masks) for one in file.servers),
            profiles=_by_id(masked_profile(one, self._masks) for one in file.profiles),
            loads={self._object(key): load for key, load in file.loads.items()},
        )
        scopes = Scopes(self._masks, file.inventory(), masked.inventory())
        policies = (
            Policy(
                id=PolicyId(of("policy", policy.id)),
                scope=scopes.masked(policy.scope, _noun(policy.rule)),
                rule=self._rule(policy.rule, scopes),
                strength=policy.strength,
                enabled=policy.enabled,
            )
            for policy in file.policies
        )
        return replace(masked, policies=_by_id(policies))

    def _pool(self, pool: Pool) -> Pool:
        return replace(pool, id=PoolId(self._masks.of("pool", pool.id)), description="")

    def _host(self, host: Host) -> Host:
        of = self._masks.of
        key = of("host", host.id)
        return replace(
            host,
            id=HostId(key),
            name=of("host-name", host.name),
            endpoint=EndpointId(of("endpoint", host.endpoint)),
            pool=of("pool", host.pool),
            datastores=frozenset(DatastoreId(of("datastore", one)) for one in host.datastores),
            networks=frozenset(NetworkId(of("network", one)) for one in host.networks),
            peer_uri=f"masked://{key}" if host.peer_uri else "",
            peer_address=key if host.peer_address else "",
            tags=self._tags(host.tags),
            cluster=of("cluster", host.cluster) if host.cluster else "",
            place="",
            labels=frozenset(),
        )

    def _vm(self, vm: Vm) -> Vm:
        of = self._masks.of
        return replace(
            vm,
            id=VmId(of("vm", vm.id)),
            name=of("vm-name", vm.name),
            host=None if vm.host is None else HostId(of("host", vm.host)),
            disks=tuple(self._disk(disk, vm) for disk in vm.disks),
            nics=tuple(
                Nic(mac=of("mac", nic.mac), network=self._network_id(nic.network), model=nic.model)
                for nic in vm.nics
            ),
            boot=None,
            snapshots=tuple(
                replace(one, name=of("snapshot", one.name), tag="") for one in vm.snapshots
            ),
            made_by="",
            origin=None if vm.origin is None else self._origin(vm.origin),
            copies=tuple(replace(one, host=HostId(of("host", one.host))) for one in vm.copies),
            tags=self._tags(vm.tags),
            resource_pool="",
            place="",
            labels=frozenset(),
        )

    def _origin(self, origin: Origin) -> Origin:
        image = ImageId(self._masks.of("image", origin.image))
        return Origin(image=image, version=origin.version)

    def _disk(self, disk: Disk, vm: Vm) -> Disk:
        store = disk.datastore
        return replace(
            disk,
            volume=f"{self._masks.of('vm', vm.id)}-{disk.target}",
            datastore=None if store is None else DatastoreId(self._masks.of("datastore", store)),
            path="",
        )

    def _datastore(self, store: Datastore) -> Datastore:
        of = self._masks.of
        return replace(
            store,
            id=DatastoreId(of("datastore", store.id)),
            name=of("datastore-name", store.name),
            path="",
            endpoints=frozenset(EndpointId(of("endpoint", one)) for one in store.endpoints),
            tags=self._tags(store.tags),
            place="",
            labels=frozenset(),
        )

    def _network(self, network: Network) -> Network:
        of = self._masks.of
        return replace(
            network,
            id=NetworkId(of("network", network.id)),
            name=of("network-name", network.name),
            bridge="",
            endpoints=frozenset(EndpointId(of("endpoint", one)) for one in network.endpoints),
            tags=self._tags(network.tags),
            place="",
            labels=frozenset(),
        )

    def _image(self, image: Image) -> Image:
        key = self._masks.of("image", image.id)
        return replace(
            image,
            id=ImageId(key),
            name=self._masks.of("image-name", image.name),
            versions=tuple(self._version(one, key) for one in image.versions),
            description="",
        )

    def _version(self, version: ImageVersion, key: str) -> ImageVersion:
        """Return a version without what is known of its content, by which it could be found."""
        copies = tuple(
            ImageCopy(
                datastore=DatastoreId(self._masks.of("datastore", copy.datastore)),
                volume=f"{key}-{version.number}-{place}",
                state=copy.state,
            )
            for place, copy in enumerate(version.copies, 1)
        )
        return replace(version, copies=copies, digest="", boot=None, source="", notes="")

    def _service(self, service: Service) -> Service:
        """Return a service that names its VMs: masked ones do not follow from its name."""
        names = [one.name for one in service.components]
        parts = {name: f"part{number}" for number, name in enumerate(names, 1)}
        return Service(
            id=ServiceId(self._masks.of("service", service.id)),
            components=tuple(self._component(service, one, parts) for one in service.components),
        )

    def _component(self, service: Service, part: Component, parts: dict[str, str]) -> Component:
        ids = {str(vm.id) for vm in self._file.vms}
        members = tuple(
            self._masks.of("vm" if name in ids else "vm-name", name)
            for name in (() if part.profile else service.members(part))
        )
        profiles = {str(one.id) for one in self._file.profiles}
        kind = "profile" if part.profile in profiles else "profile-name"
        networks = part.networks
        return replace(
            part,
            name=parts[part.name],
            image="",
            vms=members,
            profile=self._masks.of(kind, part.profile) if part.profile else "",
            networks=None if networks is None else tuple(map(self._network_key, networks)),
            tags=tuple(map(self._masks.tag, part.tags)),
            after=tuple(parts.get(name, "gone") for name in part.after),
            probe=masked_probe(part.probe),
        )

    def _rule(self, rule: Rule, scopes: Scopes) -> Rule:
        match rule:
            case OnHosts(hosts=hosts) | Licence(hosts=hosts):
                return replace(rule, hosts=scopes.masked(hosts, Noun.HOST))
            case NoMigration(source=source, target=target):
                return NoMigration(
                    source=scopes.masked(source, Noun.HOST),
                    target=scopes.masked(target, Noun.HOST),
                )
            case Exclusive(prefix=prefix):
                return Exclusive(prefix=self._masks.prefix(prefix))
            case Together(domain=kind) | Apart(domain=kind) | Spread(domain=kind):
                return replace(rule, domain=self._masks.domain(kind))
            case _:
                return rule

    def _network_id(self, key: NetworkId | None) -> NetworkId | None:
        return None if key is None else NetworkId(self._masks.of("network", key))

    def _network_key(self, name: str) -> str:
        names = {one.name for one in self._file.networks}
        return self._masks.of("network-name" if name in names else "network", name)

    def _object(self, key: str) -> str:
        hosts = {str(one.id) for one in self._file.hosts}
        return self._masks.of("host" if key in hosts else "vm", key)

    def _tags(self, tags: Iterable[str]) -> frozenset[str]:
        return frozenset(map(self._masks.tag, tags))


def _noun(rule: Rule) -> Noun:
    return Noun.HOST if isinstance(rule, HOST_SCOPED) else Noun.VM


def _by_id(records: Iterable[T]) -> tuple[T, ...]:
    return tuple(sorted(records, key=lambda record: str(record.id)))
