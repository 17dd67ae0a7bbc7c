"""Reading VMs: one call for all their states and one for each VM's description."""

from collections.abc import Iterable, Iterator

import libvirt
from msgspec.structs import replace

from anypool.drivers.libvirt import states, trouble, xml_read, xml_snapshot, xml_vm
from anypool.drivers.libvirt.connect import Session
from anypool.drivers.libvirt.pools import Pools
from anypool.drivers.libvirt.volumes import Volumes
from anypool.model import DatastoreId, Disk, HostId, StateReason, Vm, VmId

Seen = tuple[libvirt.virDomain, int, int]
"""A VM with libvirt's state and reason."""


class VmReader:
    """Turns libvirt's VMs into records."""

    def __init__(self, session: Session, host: HostId, pools: Pools, volumes: Volumes) -> None:
        """Nothing is asked yet."""
        self._session = session
        self._host = host
        self._pools = pools
        self._volumes = volumes

    def all(self) -> tuple[Vm, ...]:
        """Every VM the host knows; one that vanishes meanwhile is left out."""
        with self._session.reading("read the VMs") as connection:
            return tuple(self._read(connection, _all_states(connection)))

    def some(self, domains: Iterable[libvirt.virDomain]) -> tuple[Vm, ...]:
        """Those of `domains` that are still there."""
        with self._session.reading("read VMs") as connection:
            return tuple(self._read(connection, _some_states(connection, list(domains))))

    def _read(self, connection: libvirt.virConnect, seen: Iterable[Seen]) -> Iterator[Vm]:
        has_snapshots = _those_with_snapshots(connection)
        for domain, state, reason in seen:
            try:
                vm = self._one(domain, state, reason)
                if has_snapshots is None or vm.id in has_snapshots:
                    vm = replace(vm, snapshots=xml_snapshot.read(domain))
                yield vm
            except libvirt.libvirtError as problem:
                if not connection.isAlive():
                    raise
                if problem.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                    yield _unreadable(domain, self._host, state, reason)

    def _one(self, domain: libvirt.virDomain, state: int, reason: int) -> Vm:
        described = xml_read.parse(domain.XMLDesc(0))
        vm = xml_vm.read(described, self._host, self._datastore_at)
        why = states.reason_of(state, reason)
        if why is StateReason.MIGRATING and states.is_incoming(domain):
            why = StateReason.INCOMING
        return replace(
            vm,
            state=states.state_of(state, reason),
            reason=why,
            disks=tuple(self._sized(disk) for disk in vm.disks),
        )

    def _sized(self, disk: Disk) -> Disk:
        return replace(disk, size_bytes=self._volumes.size_bytes(disk.path))

    def _datastore_at(self, path: str) -> DatastoreId | None:
        pool = self._pools.at(path)
        return pool.id if pool else None


def _unreadable(domain: libvirt.virDomain, host: HostId, state: int, reason: int) -> Vm:
    """What can be said of a VM whose description could not be had this time."""
    return Vm(
        id=VmId(domain.UUIDString()),
        name=domain.name(),
        host=host,
        state=states.state_of(state, reason),
        reason=states.reason_of(state, reason),
    )


def _those_with_snapshots(connection: libvirt.virConnect) -> frozenset[str] | None:
    """The ids of the VMs that have snapshots, in one call; None where each must be asked."""
    try:
        found = connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT)
    except libvirt.libvirtError as problem:
        if not trouble.is_missing_function(problem):
            raise
        return None
    return frozenset(domain.UUIDString() for domain in found)


def _all_states(connection: libvirt.virConnect) -> Iterator[Seen]:
    try:
        found = connection.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_STATE, 0)
    except libvirt.libvirtError as problem:
        if not trouble.is_missing_function(problem):
            raise
        yield from _one_by_one(connection.listAllDomains(0))
    else:
        for domain, values in found:
            yield domain, values["state.state"], values["state.reason"]


def _some_states(
    connection: libvirt.virConnect, domains: list[libvirt.virDomain]
) -> Iterator[Seen]:
    if not domains:
        return
    try:
        found = connection.domainListGetStats(domains, libvirt.VIR_DOMAIN_STATS_STATE, 0)
    except libvirt.libvirtError as problem:
        if not trouble.is_missing_function(problem):
            raise
        yield from _one_by_one(domains)
    else:
        for domain, values in found:
            yield domain, values["state.state"], values["state.reason"]


def _one_by_one(domains: Iterable[libvirt.virDomain]) -> Iterator[Seen]:
    for domain in domains:
        try:
            state, reason = domain.state(0)
        except libvirt.libvirtError as problem:
            if not trouble.is_gone(problem):
                raise
        else:
            yield domain, state, reason
