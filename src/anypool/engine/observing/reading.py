"""What endpoints said last, each on its own, before it is merged."""

from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar, cast

from msgspec.structs import replace

from anypool.engine.observing.merge import as_main
from anypool.model import (
    Datastore,
    DatastoreId,
    EndpointId,
    Host,
    HostId,
    Network,
    Vm,
    VmId,
    Volume,
)

K = TypeVar("K", bound=str)
V = TypeVar("V", bound=Datastore | Network)


class Reading:
    """What one endpoint said last, and about each VM when; `current` while it answers."""

    def __init__(self, endpoint: EndpointId) -> None:
        self.alone = (endpoint,)
        self.current = False
        self.read_at = 0
        self.lost_at = 0
        self.hosts: dict[HostId, Host] = {}
        self.named: frozenset[HostId] = frozenset()
        self.vms: dict[VmId, Vm] = {}
        self.read_vm_at: dict[VmId, int] = {}
        self.volumes: tuple[Volume, ...] = ()


class Namers(Generic[K, V]):
    """What each endpoint says of things that several may name: datastores, networks."""

    def __init__(self) -> None:
        self._by_key: dict[K, dict[EndpointId, V]] = {}
        self._by_endpoint: dict[EndpointId, set[K]] = {}

    def keys(self) -> tuple[K, ...]:
        """Return all that is named by anybody."""
        return tuple(self._by_key)

    def of(self, endpoint: EndpointId) -> set[K]:
        """Return what an endpoint names."""
        return set(self._by_endpoint.get(endpoint, ()))

    def said(self, key: K) -> tuple[tuple[EndpointId, V], ...]:
        """Return each endpoint's word about one thing."""
        return tuple(self._by_key.get(key, {}).items())

    def name(self, endpoint: EndpointId, record: V) -> None:
        """Take an endpoint's word about one thing."""
        key = cast(K, record.id)
        self._by_key.setdefault(key, {})[endpoint] = record
        self._by_endpoint.setdefault(endpoint, set()).add(key)

    def replace(self, endpoint: EndpointId, records: Iterable[V]) -> set[K]:
        """Take all that an endpoint names now; return what that changes."""
        fresh = {cast(K, record.id): record for record in records}
        gone = self.of(endpoint) - fresh.keys()
        changed = {
            key
            for key, record in fresh.items()
            if self._by_key.get(key, {}).get(endpoint) != record
        }
        for key in gone:
            del self._by_key[key][endpoint]
            self._by_endpoint[endpoint].discard(key)
        for key in changed:
            self.name(endpoint, fresh[key])
        return gone | changed


def all_volumes(
    readings: Mapping[EndpointId, Reading], stores: Namers[DatastoreId, Datastore]
) -> tuple[Volume, ...]:
    """Return every volume by name, as the newest reading of its datastore says."""
    newest: dict[DatastoreId, Reading] = {}
    for endpoint, reading in sorted(readings.items(), key=lambda one: one[1].read_at):
        newest |= dict.fromkeys(stores.of(endpoint), reading)
    found = {
        (volume.datastore, volume.name): volume
        for reading in readings.values()
        for volume in reading.volumes
        if newest.get(volume.datastore) is reading
    }
    return tuple(found[key] for key in sorted(found))


def volumes_on(
    places: Iterable[DatastoreId],
    readings: Mapping[EndpointId, Reading],
    stores: Namers[DatastoreId, Datastore],
) -> dict[DatastoreId, tuple[Volume, ...]]:
    """Return what an endpoint that answers sees, for each of these datastores it sees."""
    found: dict[DatastoreId, Reading] = {}
    for place in places:
        for endpoint, _ in stores.said(place):
            one, best = readings.get(endpoint), found.get(place)
            if one is None or not one.current:
                continue
            if best is None or one.read_at > best.read_at:
                found[place] = one
    return {place: one.volumes for place, one in found.items()}


def known_to(vm: Vm, hosts: frozenset[HostId]) -> Vm:
    """Return a VM as somebody knows it who sees only these hosts, at least one of its own."""
    copies = tuple(copy for copy in vm.copies if copy.host in hosts)
    if vm.host in hosts:
        return replace(vm, copies=copies)
    first, *rest = copies
    return replace(as_main(vm, first), copies=tuple(rest))
