"""Whether a server can bear a profile, and how much of what it is short of: pure."""

from collections.abc import Iterator

from anypool.model import (
    AdapterKind,
    Adoption,
    Condition,
    HostState,
    Inventory,
    Means,
    Power,
    Profile,
    Server,
    ServerAbility,
)
from anypool.model.profile import BootWay
from anypool.plan import Reason, reason
from anypool.plan.servereffect import bearing, in_use

_WAYS = {BootWay.ISCSI: ServerAbility.ISCSI_BOOT, BootWay.FC: ServerAbility.FC_BOOT}


def means_of(profile: Profile, server: Server) -> Means | None:
    """Return how a server gets an identity, None if it cannot get one.

    Where its BMC cannot write addresses it boots as somebody from the network; an FC port
    cannot be given an identity so.
    """
    written = ServerAbility.IDENTITY in server.abilities
    if written and ServerAbility.ADDRESSES in server.abilities:
        return Means.ADDRESSES
    fc = bool(profile.ports_of(AdapterKind.FC))
    boots = ServerAbility.NETBOOT in server.abilities and _told(server)
    return Means.NETBOOT if boots and not fc else None


def _told(server: Server) -> bool:
    """Return whether somebody of ours can give a server an identity at all."""
    return bool({ServerAbility.IDENTITY, ServerAbility.BOOT_HOST} & server.abilities)


def unfit(profile: Profile, server: Server) -> tuple[Reason, ...]:
    """Return all that a server lacks to be the one that a profile needs, () if it fits."""
    return tuple(_lacks(profile, server))


def _lacks(profile: Profile, server: Server) -> Iterator[Reason]:
    needs = profile.needs
    if needs.arch and needs.arch != server.arch:
        yield reason("bear.arch", has=server.arch, needs=needs.arch)
    if server.cpus < needs.cpus:
        yield reason("bear.short-cpus", short=needs.cpus - server.cpus)
    if server.memory_mib < needs.memory_mib:
        yield reason("bear.short-memory", short=needs.memory_mib - server.memory_mib)
    means = means_of(profile, server)
    if not _told(server):
        yield reason("bear.no-driver")
    if means is None:
        yield reason("bear.no-addresses")
    elif missing := _unable(profile, server, means):
        yield reason("bear.unable", abilities=missing)
    for kind in AdapterKind:
        yield from _ports(profile, server, kind)


def _unable(profile: Profile, server: Server, means: Means) -> tuple[str, ...]:
    """Return what its BMC must do for a profile and cannot; the boot service does it by itself."""
    wanted: set[ServerAbility] = {ServerAbility.POWER}
    if means is Means.ADDRESSES:
        wanted |= {_WAYS[way] for way in profile.boot if way in _WAYS}
        wanted |= {ServerAbility.BOOT_ORDER} if len(profile.boot) > 1 else set()
    wanted |= {ServerAbility.BIOS} if profile.bios else set()
    return tuple(sorted(wanted - server.abilities))


def _ports(profile: Profile, server: Server, kind: AdapterKind) -> Iterator[Reason]:
    wanted, there = profile.ports_of(kind), server.ports_of(kind)
    if len(there) < len(wanted):
        yield reason("bear.short-ports", kind=kind, short=len(wanted) - len(there))
    for mine, port in zip(wanted, there, strict=False):
        away = tuple(sorted(set(mine.networks) - port.networks))
        if away:
            yield reason("bear.unreached", port=mine.id, networks=away)


def taken(profile: Profile, server: Server, inventory: Inventory) -> Reason | None:
    """Return why a server that fits is not to be had now, None if it is."""
    if server.adoption is not Adoption.ADOPTED:
        return reason("bear.not-ours", server=server.name, adoption=server.adoption)
    other = bearing(inventory, server)
    if other is not None and other.id == profile.id:
        return reason("bear.itself", server=server.name)
    if other is not None:
        return reason("bear.has-another", server=server.name, profile=other.name)
    if server.bears or server.entered:
        mark = server.bears or server.entered
        return reason("bear.unwritten", server=server.name, mark=mark)
    if (left := leftover(server)) and not set(profile.addresses) >= set(left):
        return reason("bear.leftover", server=server.name, addresses=left)
    if server.power is Power.UNKNOWN:
        return reason("bear.power-unknown", server=server.name)
    return in_use(inventory, server)


def leftover(server: Server) -> tuple[str, ...]:
    """Return the addresses that a server uses and was not built with, as far as it says that."""
    used = (one.address for one in server.ports if one.permanent not in ("", one.address))
    return tuple(sorted(filter(None, used)))


def idle(profile: Profile, server: Server, inventory: Inventory) -> Reason | None:
    """Return why a server is no spare to be chosen without being named, None if it is one."""
    if server.pool != profile.pool:
        return reason("bear.other-pool", server=server.name, pool=server.pool)
    if not server.spare:
        return reason("bear.no-spare")
    if server.health is Condition.CRITICAL:
        return reason("bear.unhealthy", server=server.name)
    if (why := taken(profile, server, inventory)) is not None:
        return why
    host = inventory.hosts.get(server.host)
    if server.power is Power.ON and (host is None or host.state is HostState.UNKNOWN):
        return reason("bear.is-on", server=server.name)
    return None
