"""What can be asked about a server profile."""

from collections.abc import Iterator

from anypool.model import Inventory, Level, Means, Profile, Server
from anypool.search.field import Field, Join, Kind, Table
from anypool.search.syntax import Noun

LEVELS = (Level.DISABLED, Level.MANUAL, Level.AUTOMATIC)


def _server(profile: Profile, inventory: Inventory) -> Iterator[Server]:
    if profile.server is not None and profile.server in inventory.servers:
        yield inventory.servers[profile.server]


def _addresses(profile: Profile) -> list[str]:
    return [*profile.addresses, *([profile.initiator] if profile.initiator else [])]


def _reaches(profile: Profile) -> list[str]:
    return sorted({name for port in profile.ports for name in port.networks})


PROFILE: Table[Profile] = Table(
    fields=(
        Field("name", Kind.TEXT, lambda one, _: one.name, "its name", free=True),
        Field("id", Kind.TEXT, lambda one, _: one.id, "its id", free=True),
        Field("description", Kind.TEXT, lambda one, _: one.description, "in words", free=True),
        Field("pool", Kind.TEXT, lambda one, _: one.pool, "its pool", free=True),
        Field("assigned", Kind.BOOL, lambda one, _: one.server is not None, "a server bears it"),
        Field("slot", Kind.TEXT, lambda one, _: one.slot, "where it is to be", free=True),
        Field("epoch", Kind.NUMBER, lambda one, _: one.epoch, "how many servers have borne it"),
        Field("means", Kind.ENUM, lambda one, _: one.means or "", "how", ("", *Means)),
        Field("failover", Kind.ENUM, lambda one, _: one.failover, "when it fails", LEVELS),
        Field("address", Kind.SET, lambda one, _: _addresses(one), "MACs, WWNs, IQN", free=True),
        Field("network", Kind.SET, lambda one, _: _reaches(one), "what its ports must reach"),
        Field("boot", Kind.SET, lambda one, _: one.boot, "what it boots from"),
        Field("tag", Kind.SET, lambda one, _: one.tags, "its tags", free=True),
    ),
    joins=(Join("server", Noun.SERVER, _server, "the server that bears it"),),
    maps=lambda inventory: (inventory.profiles,),
)
