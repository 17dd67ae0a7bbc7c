"""Which server of a group bears which profile: as many as possible, the most important first.

A profile that is wanted and borne stays where it is. For the others an augmenting path is sought,
one profile after the other: one that found a server keeps having one, though perhaps another.
"""

from collections.abc import Callable, Iterator, Set
from functools import partial

from msgspec import Struct

from anypool.model import (
    Adoption,
    Condition,
    HostState,
    Inventory,
    Power,
    Profile,
    ProfileId,
    Server,
    ServerId,
)
from anypool.plan import Reason, reason
from anypool.plan.servereffect import bearing, in_use
from anypool.planner.profiles.fitness import leftover, unfit
from anypool.planner.profiles.steps import rank
from anypool.planner.repurpose.aim import Aim

Barred = dict[ServerId, Reason]
"""Servers that turned out not to be had, and why."""


class Matched(Struct, frozen=True, kw_only=True):
    """Who stays, who comes to which server, who leaves his, and why a profile finds none.

    `against` says for each profile without a server what is against each server of the group.
    """

    stays: dict[ProfileId, ServerId]
    comes: dict[ProfileId, ServerId]
    leaves: dict[ProfileId, ServerId]
    against: dict[ProfileId, tuple[tuple[ServerId, Reason], ...]]
    others: dict[ProfileId, int]


def matched(inventory: Inventory, aim: Aim, barred: Barred) -> Matched:
    """Return which profile of an aim is to be on which server."""
    profiles = inventory.profiles
    borne = {key: one.server for key in _all(aim) if (one := profiles.get(key)) is not None
             and one.server is not None}  # fmt: skip
    goes = {key: server for key, server in borne.items()
            if key not in (*aim.wanted, *aim.yielding) and server not in barred}  # fmt: skip
    stays = {key: borne[key] for key in aim.wanted if key in borne}
    gives = {borne[key]: number for number, key in enumerate(aim.yielding) if key in borne}
    free = _Free(inventory, aim, barred, {*goes.values(), *gives})
    comes: dict[ServerId, ProfileId] = {}
    for key in (one for one in aim.wanted if one not in borne):
        _seat(key, partial(free.order, gives=gives), comes)
    for key in reversed(aim.yielding):
        if key in borne and borne[key] not in comes:
            stays[key] = borne[key]
            continue
        kept = {server for one, server in stays.items() if one in aim.yielding}
        left = {server: n for server, n in gives.items() if server not in kept}
        if key in borne:
            goes[key] = borne[key]
        _seat(key, partial(free.order, gives=left, kept=kept), comes)
    found = {profile: server for server, profile in comes.items()}
    lost = [key for key in (*aim.wanted, *aim.yielding) if key not in found and key not in stays]
    return Matched(
        stays=stays,
        comes=found,
        leaves=goes,
        against={key: free.against(key, comes) for key in lost},
        others={key: len(free.order(key, gives=gives)) for key in found},
    )


def _all(aim: Aim) -> tuple[ProfileId, ...]:
    return (*aim.wanted, *aim.yielding, *sorted(aim.managed - {*aim.wanted, *aim.yielding}))


Order = Callable[[ProfileId], list[ServerId]]


def _seat(key: ProfileId, order: Order, comes: dict[ServerId, ProfileId]) -> bool:
    """Find a server for a profile, moving those on that found one before; return whether."""
    tried: set[ServerId] = set()

    def seek(one: ProfileId) -> bool:
        for server in order(one):
            if server in tried:
                continue
            tried.add(server)
            if server not in comes or seek(comes[server]):
                comes[server] = one
                return True
        return False

    return seek(key)


class _Free:
    """The servers of a group that profiles may come to; `freed` are those that become free."""

    def __init__(
        self, inventory: Inventory, aim: Aim, barred: Barred, freed: set[ServerId]
    ) -> None:
        self._inventory = inventory
        self._aim = aim
        self._barred = barred
        self._freed = freed
        servers = inventory.servers
        self._servers = [servers[key] for key in sorted(aim.servers) if key in servers]

    def order(
        self, key: ProfileId, *, gives: dict[ServerId, int], kept: Set[ServerId] = frozenset()
    ) -> list[ServerId]:
        """Return the servers that can take a profile, the best first."""
        profile = self._inventory.profiles[key]
        able = [one for one in self._servers
                if one.id not in kept and self._no(profile, one) is None]  # fmt: skip
        able.sort(key=lambda one: tuple(self._rank(profile, one, gives)))
        return [one.id for one in able]

    def against(
        self, key: ProfileId, comes: dict[ServerId, ProfileId]
    ) -> tuple[tuple[ServerId, Reason], ...]:
        """Return what is against each server of the group for a profile that finds none."""
        inventory, found = self._inventory, []
        for one in self._servers:
            why = self._no(inventory.profiles[key], one)
            if why is None and one.id in comes:
                other = inventory.profiles[comes[one.id]].name
                why = reason("repurpose.taken", server=one.name, profile=other)
            if why is None and (has := bearing(inventory, one)) is not None:
                why = reason("bear.has-another", server=one.name, profile=has.name)
            if why is not None:
                found.append((one.id, why))
        return tuple(found)

    def _rank(
        self, profile: Profile, server: Server, gives: dict[ServerId, int]
    ) -> Iterator[int | str]:
        """Yield what orders servers: nobody gives it up, nothing to move, it was here before."""
        inventory = self._inventory
        yield gives.get(server.id, -1)
        yield is_open(inventory, server)
        yield sum(vm.memory_mib for vm in inventory.holding(server.host))
        yield self._aim.memory.homes.get(profile.id) != server.id
        yield from rank(inventory, profile, server)

    def _no(self, profile: Profile, server: Server) -> Reason | None:
        """Return why a server cannot take a profile, None if it can, perhaps once drained."""
        if server.pool != profile.pool:
            return reason("bear.other-pool", server=server.name, pool=server.pool)
        if (why := self._barred.get(server.id)) is not None:
            return why
        if lacks := unfit(profile, server):
            return reason("bear.unfit", why=lacks)
        return self._not_had(profile, server)

    def _not_had(self, profile: Profile, server: Server) -> Reason | None:
        if server.adoption is not Adoption.ADOPTED:
            return reason("bear.not-ours", server=server.name, adoption=server.adoption)
        if server.health is Condition.CRITICAL:
            return reason("bear.unhealthy", server=server.name)
        if server.power is Power.UNKNOWN:
            return reason("bear.power-unknown", server=server.name)
        other = bearing(self._inventory, server)
        if other is not None:
            taken = reason("bear.has-another", server=server.name, profile=other.name)
            return None if server.id in self._freed else taken
        if mark := server.bears or server.entered:
            return reason("bear.unwritten", server=server.name, mark=mark)
        if (left := leftover(server)) and not set(profile.addresses) >= set(left):
            return reason("bear.leftover", server=server.name, addresses=left)
        return self._strange(server)

    def _strange(self, server: Server) -> Reason | None:
        """Return why nobody knows what runs on a server, or that people work at it."""
        host = self._inventory.hosts.get(server.host)
        if server.power is Power.OFF:
            return None
        if host is None or host.state is HostState.UNKNOWN:
            return reason("bear.is-on", server=server.name)
        if host.maintenance and host.id not in self._aim.memory.closed:
            return reason("repurpose.serviced", host=host.name)
        return held(self._inventory, server)


def is_open(inventory: Inventory, server: Server) -> bool:
    """Return whether a server is a hypervisor that VMs run on, or may come to."""
    host = inventory.hosts.get(server.host)
    return host is not None and host.state is HostState.UP and not host.maintenance


def held(inventory: Inventory, server: Server) -> Reason | None:
    """Return that VMs run on a server that is closed: nobody empties it once more."""
    host = inventory.hosts.get(server.host)
    if host is None or not host.maintenance:
        return None
    return in_use(inventory, server)
