"""What can be asked about a pool."""

from collections.abc import Iterator

from anypool.model import Host, Inventory, KnownPool, Vm
from anypool.search.field import Field, Join, Kind, Table
from anypool.search.syntax import Noun


def _hosts(known: KnownPool, inventory: Inventory) -> Iterator[Host]:
    return (host for host in inventory.hosts.values() if host.pool == known.id)


def _vms(known: KnownPool, inventory: Inventory) -> Iterator[Vm]:
    for host in _hosts(known, inventory):
        yield from inventory.vms_on(host.id)


def _count(known: KnownPool, inventory: Inventory) -> int:
    claims = inventory.claims
    return sum(len(claims[host.id].vms) for host in _hosts(known, inventory) if host.id in claims)


POOL: Table[KnownPool] = Table(
    fields=(
        Field("name", Kind.TEXT, lambda known, _: known.id, "its name", free=True),
        Field(
            "description", Kind.TEXT, lambda known, _: known.pool.description, "words", free=True
        ),
        Field(
            "observe-only",
            Kind.BOOL,
            lambda known, _: known.pool.observe_only,
            "whether it may only be looked at",
        ),
        Field("endpoint", Kind.SET, lambda known, _: known.endpoints, "ids of its endpoints"),
        Field(
            "hosts",
            Kind.NUMBER,
            lambda known, pool: sum(1 for _ in _hosts(known, pool)),
            "number of hosts",
        ),
        Field("vms", Kind.NUMBER, _count, "number of VMs"),
    ),
    joins=(
        Join("host", Noun.HOST, _hosts, "the hosts in it"),
        Join("vm", Noun.VM, _vms, "the VMs on its hosts"),
    ),
)
