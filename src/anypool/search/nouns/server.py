"""What can be asked about a physical server."""

from collections.abc import Iterator

from anypool.model import (
    Adoption,
    Condition,
    Host,
    Inventory,
    Power,
    Server,
    ServerAbility,
)
from anypool.model.units import MIB
from anypool.search.field import Field, Join, Kind, Table
from anypool.search.syntax import Noun


def _host(server: Server, inventory: Inventory) -> Iterator[Host]:
    if (found := inventory.hosts.get(server.host)) is not None:
        yield found


def _addresses(server: Server) -> list[str]:
    """Return all addresses of its ports, those in use and the permanent ones."""
    found = {text for port in server.ports for text in (port.address, port.permanent, port.node)}
    return sorted(found - {""})


def _reaches(server: Server) -> list[str]:
    return sorted({name for port in server.ports for name in port.networks})


SERVER: Table[Server] = Table(
    fields=(
        Field("name", Kind.TEXT, lambda one, _: one.name, "its name", free=True),
        Field("id", Kind.TEXT, lambda one, _: one.id, "its id", free=True),
        Field("power", Kind.ENUM, lambda one, _: one.power, "last seen", tuple(Power)),
        Field("health", Kind.ENUM, lambda one, _: one.health, "last seen", tuple(Condition)),
        Field("adoption", Kind.ENUM, lambda one, _: one.adoption, "ours or not", tuple(Adoption)),
        Field("spare", Kind.BOOL, lambda one, _: one.spare, "may take over a profile"),
        Field("pool", Kind.TEXT, lambda one, _: one.pool, "its pool", free=True),
        Field("chassis", Kind.TEXT, lambda one, _: one.chassis, "its chassis", free=True),
        Field("slot", Kind.TEXT, lambda one, _: one.slot, "its slot there"),
        Field("vendor", Kind.TEXT, lambda one, _: one.vendor, "who made it", free=True),
        Field("model", Kind.TEXT, lambda one, _: one.model, "its model", free=True),
        Field("serial", Kind.TEXT, lambda one, _: one.serial, "its serial number", free=True),
        Field("arch", Kind.TEXT, lambda one, _: one.arch, "such as x86_64"),
        Field("cpus", Kind.NUMBER, lambda one, _: one.cpus, "threads of its processors"),
        Field("sockets", Kind.NUMBER, lambda one, _: one.sockets, "processors"),
        Field("memory", Kind.SIZE, lambda one, _: one.memory_mib * MIB, "all it has"),
        Field("ports", Kind.NUMBER, lambda one, _: len(one.ports), "how many its adapters have"),
        Field("address", Kind.SET, lambda one, _: _addresses(one), "MACs and WWNs", free=True),
        Field("network", Kind.SET, lambda one, _: _reaches(one), "names of what its ports reach"),
        Field("ability", Kind.SET, lambda one, _: one.abilities, ", ".join(ServerAbility)),
        Field("bears", Kind.TEXT, lambda one, _: one.bears, "the identity written into it"),
        Field("tag", Kind.SET, lambda one, _: one.tags, "its tags", free=True),
        Field("endpoint", Kind.TEXT, lambda one, _: one.endpoint, "who answers for it"),
    ),
    joins=(Join("host", Noun.HOST, _host, "the host that it is"),),
    maps=lambda inventory: (inventory.servers,),
    totals=("memory", "cpus"),
)
