"""Which policies bind an object: itself, or through the hosts and VMs that belong to it."""

from collections.abc import Iterable, Iterator
from enum import StrEnum

from msgspec import Struct

from anypool.engine import Engine
from anypool.model import HOST_SCOPED, Bound, HostId, Inventory, VmId
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.applications import Applications


class Of(StrEnum):
    """Kinds of objects that policies bind, themselves or through others."""

    VM = "vm"
    HOST = "host"
    SERVER = "server"
    PROFILE = "profile"
    DATASTORE = "datastore"
    NETWORK = "network"
    IMAGE = "image"
    POOL = "pool"
    SERVICE = "service"


class Binding(Struct, frozen=True, kw_only=True):
    """A policy with how many of an object's VMs and hosts it binds."""

    bound: Bound
    vms: int
    hosts: int


class Members(Struct, frozen=True, kw_only=True):
    """The VMs and hosts that belong to an object; itself, if it is one of them."""

    vms: frozenset[VmId] = frozenset()
    hosts: frozenset[HostId] = frozenset()


class Bindings:
    """The use case of asking which rules an object is under."""

    def __init__(self, engine: Engine, applications: Applications) -> None:
        self._engine = engine
        self._applications = applications

    def of(self, by: Principal, kind: Of, key: str) -> tuple[Binding, ...]:
        """Return the enabled policies that bind an object, by name; raise `NotFound`."""
        require(by, Deed.READ)
        inventory = self._engine.inventory
        mine = self._members(by, inventory, kind, key)
        rules = self._engine.policies.rulebook(inventory)
        return tuple(_binding(rules.bounds, mine))

    def _members(self, by: Principal, inventory: Inventory, kind: Of, key: str) -> Members:
        match kind:
            case Of.VM:
                return Members(vms=frozenset({find.vm(inventory, key).id}))
            case Of.HOST:
                return _of_hosts(inventory, (find.host(inventory, key).id,))
            case Of.SERVER:
                return _of_hosts(inventory, (find.server(inventory, key).host,))
            case Of.PROFILE:
                server = find.profile(inventory, key).server
                known = None if server is None else inventory.servers.get(server)
                return _of_hosts(inventory, () if known is None else (known.host,))
            case Of.POOL:
                find.pool(self._engine.pools.all(), key)
                hosts = (host.id for host in inventory.hosts.values() if host.pool == key)
                return _of_hosts(inventory, hosts)
            case Of.SERVICE:
                known_vms = (one.vm for one in self._applications.get(by, key).members)
                return Members(vms=frozenset(vm for vm in known_vms if vm is not None))
            case Of.DATASTORE | Of.NETWORK | Of.IMAGE:
                return Members(vms=frozenset(_using(inventory, kind, key)))


def _of_hosts(inventory: Inventory, hosts: Iterable[str]) -> Members:
    known = frozenset(HostId(host) for host in hosts if host in inventory.hosts)
    vms = (vm.id for host in known for vm in inventory.vms_on(host))
    return Members(vms=frozenset(vms), hosts=known)


def _using(inventory: Inventory, kind: Of, key: str) -> Iterator[VmId]:
    """Yield the VMs with a disk on a datastore, a port in a network, or made from an image."""
    if kind is Of.DATASTORE:
        store = find.datastore(inventory, key).id
        for vm in inventory.vms.values():
            if any(disk.datastore == store for disk in vm.disks):
                yield vm.id
    elif kind is Of.NETWORK:
        net = find.network(inventory, key).id
        for vm in inventory.vms.values():
            if any(nic.network == net for nic in vm.nics):
                yield vm.id
    else:
        image = find.image(inventory, key).id
        for vm in inventory.vms.values():
            if vm.origin is not None and vm.origin.image == image:
                yield vm.id


def _binding(bounds: Iterable[Bound], mine: Members) -> Iterator[Binding]:
    for bound in bounds:
        hosts = bound.hosts & mine.hosts if isinstance(bound.rule, HOST_SCOPED) else frozenset()
        vms = bound.vms & mine.vms
        if vms or hosts:
            yield Binding(bound=bound, vms=len(vms), hosts=len(hosts))
