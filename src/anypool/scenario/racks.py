"""Servers and their profiles in scenarios: how they are written, and what is asked of them."""

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from anypool.model import (
    Adapter,
    AdapterKind,
    Adoption,
    Condition,
    EndpointId,
    HostId,
    Inventory,
    Port,
    Power,
    Profile,
    ProfileId,
    Server,
    ServerAbility,
    ServerId,
)
from anypool.model.profile import Needs, ProfilePort
from anypool.plan import ApplyProfile, Plan, apply, say
from anypool.planner.profiles.assign import plan_assign
from anypool.planner.profiles.cover import coverage
from anypool.planner.profiles.failover import plan_fail_over
from anypool.planner.profiles.hosting import plan_make_host, plan_retire_host
from anypool.scenario.deed import Asked
from anypool.scenario.page import Item, instead
from anypool.scenario.words import Words, words_of
from anypool.scenario.world import World

SERVER_OPTIONS = ("nics", "hbas", "host", "slot", "pool", "arch")
SERVER_WORDS = ("spare", "on", "off", "broken", "found")
PROFILE_OPTIONS = ("nics", "hbas", "server", "pool", "arch", "hypervisor")
_ABLE = frozenset(ServerAbility)


def with_server(world: World, name: str, item: Item, line: str) -> World:
    """Return a world with the server that a line describes; raise `Invalid`.

    One that is a `host` is on, others are off where nothing else is said.
    """
    said = words_of(item, line, SERVER_OPTIONS, SERVER_WORDS)
    inventory = world.inventory
    host = said.options.get("host", "")
    if host and HostId(host) not in inventory.hosts:
        hint = instead(host, (one.name for one in inventory.hosts.values()))
        raise item.wrong(f"there is no host {host!r}", hint=hint)
    chassis, _, slot = said.options.get("slot", "").partition("/")
    number = len(inventory.servers) + 1
    on = "on" in said.singles or (bool(host) and "off" not in said.singles)
    made = Server(
        id=ServerId(HostId(host or name)),
        name=name,
        endpoint=EndpointId("rack"),
        pool=said.options.get("pool", "default"),
        power=Power.ON if on else Power.OFF,
        health=Condition.CRITICAL if "broken" in said.singles else Condition.OK,
        chassis=chassis,
        slot=slot,
        arch=said.options.get("arch", "x86_64"),
        cpus=said.counts.get("c", 8),
        memory_mib=said.size_mib(65536),
        adapters=tuple(_adapters(said, number)),
        abilities=_ABLE,
        adoption=Adoption.FOUND if "found" in said.singles else Adoption.ADOPTED,
        spare="spare" in said.singles,
    )
    return replace(world, inventory=inventory.with_server(made))


def with_profile(world: World, name: str, item: Item, line: str) -> World:
    """Return a world with the profile that a line describes, on its `server`; raise `Invalid`."""
    said = words_of(item, line, PROFILE_OPTIONS, ())
    inventory = world.inventory
    number = len(inventory.profiles) + 1
    made = Profile(
        id=ProfileId(name),
        name=name,
        pool=said.options.get("pool", "default"),
        ip=said.options.get("hypervisor", ""),
        image="hypervisor" if "hypervisor" in said.options else "",
        hypervisor="hypervisor" in said.options,
        ports=tuple(_ports(said, number)),
        needs=Needs(
            arch=said.options.get("arch", ""),
            cpus=said.counts.get("c", 0),
            memory_mib=said.size_mib(0),
        ),
    )
    inventory = inventory.with_profile(made)
    if place := said.options.get("server", ""):
        inventory = _borne(inventory, made, server_of(inventory, item, place))
    return replace(world, inventory=inventory)


def server_of(inventory: Inventory, item: Item, name: str) -> Server:
    """Return a server by name or id; raise `Invalid` with the line if there is none."""
    for server in inventory.servers.values():
        if name in (server.name, server.id):
            return server
    names = [one.name for one in inventory.servers.values()]
    hint = instead(name, names) if names else "the pool file has no servers"
    raise item.wrong(f"there is no server {name!r}", hint=hint)


def _profile_of(inventory: Inventory, item: Item, name: str) -> Profile:
    for profile in inventory.profiles.values():
        if name in (profile.name, profile.id):
            return profile
    names = [one.name for one in inventory.profiles.values()]
    hint = instead(name, names) if names else "the pool file has no profiles"
    raise item.wrong(f"there is no profile {name!r}", hint=hint)


def failed_over(asked: Asked) -> Plan:
    """Return the plan for a server that failed."""
    server = server_of(asked.inventory, asked.item, asked.words[0])
    to = asked.after("to")
    spare = server_of(asked.inventory, asked.item, to).id if to else None
    return plan_fail_over(asked.inventory, server.id, spare, None, asked.world.rules())


def assigned(asked: Asked) -> Plan:
    """Return the plan that brings a profile to a server."""
    to = asked.after("to")
    profile = _profile_of(asked.inventory, asked.item, asked.words[0])
    spare = server_of(asked.inventory, asked.item, to).id if to else None
    return plan_assign(asked.inventory, profile.id, spare)


def hosted(asked: Asked) -> Plan:
    """Return the plan that makes a server a host by a profile."""
    to = asked.after("to")
    profile = _profile_of(asked.inventory, asked.item, asked.words[0])
    spare = server_of(asked.inventory, asked.item, to).id if to else None
    return plan_make_host(asked.inventory, profile.id, spare)


def retired(asked: Asked) -> Plan:
    """Return the plan that takes a host by a profile out of its pool."""
    server = server_of(asked.inventory, asked.item, asked.words[0])
    return plan_retire_host(asked.inventory, server.id, asked.world.rules())


def covered(asked: Asked) -> tuple[str, ...]:
    """Return for each server with a profile which spare covers it, or why none does."""
    told: list[str] = []
    names = {one.id: one.name for one in asked.inventory.servers.values()}
    for one in coverage(asked.inventory, asked.world.rules()):
        place = f"{one.profile.name} on {names[one.server]}"
        if not one.covered:
            told.append(f"{place} is not covered")
            told += [f"     {name}: {say(why)}" for name, why in one.refused]
            continue
        best = one.found.spares[0]
        moves = f", which {len(best.moves)} VMs leave first" if best.moves else ""
        alone = "" if one.together else "; if all failed at once, by none"
        told.append(f"{place} is covered by {best.server.name}{moves}{alone}")
    return tuple(told)


def with_power(power: Power) -> Callable[[Asked], World]:
    """Return what happens when the power of a server is read as that from then on."""

    def happens(asked: Asked) -> World:
        server = server_of(asked.inventory, asked.item, asked.words[0])
        inventory = asked.inventory.with_server(replace(server, power=power))
        return replace(asked.world, inventory=inventory)

    return happens


def told_of(server: Server, inventory: Inventory) -> str:
    """Return how a server is, in a line."""
    borne = [one.name for one in inventory.profiles.values() if one.server == server.id]
    words = ["silent" if server.power is Power.UNKNOWN else str(server.power)]
    words += ["spare"] if server.spare else []
    words += [f"bears {name}" for name in borne]
    return f"{server.name}: {', '.join(words)}"


def _borne(inventory: Inventory, profile: Profile, server: Server) -> Inventory:
    """Return an inventory in which a server bears a profile and is on."""
    inventory = inventory.with_server(replace(server, power=Power.OFF))
    written = ApplyProfile(profile=profile.id, server=server.id, epoch=1)
    inventory = apply(written, inventory)
    return inventory.with_server(replace(inventory.servers[server.id], power=Power.ON))


def _adapters(said: Words, number: int) -> Iterator[Adapter]:
    for kind, word in ((AdapterKind.ETHERNET, "nics"), (AdapterKind.FC, "hbas")):
        texts = [_address(kind, 0x5A, number, one) for one in range(_count(said, word, kind))]
        ports = tuple(
            Port(id=f"{word}{one}", address=text, permanent=text)
            for one, text in enumerate(texts, 1)
        )
        if ports:
            yield Adapter(id=word, kind=kind, ports=ports)


def _ports(said: Words, number: int) -> Iterator[ProfilePort]:
    for kind, word in ((AdapterKind.ETHERNET, "nics"), (AdapterKind.FC, "hbas")):
        for one in range(_count(said, word, kind)):
            yield ProfilePort(
                id=f"{word[:-1]}{one + 1}", kind=kind, address=_address(kind, 0, number, one)
            )


def _count(said: Words, word: str, kind: AdapterKind) -> int:
    text = said.options.get(word, "1" if kind is AdapterKind.ETHERNET else "0")
    if not text.isdecimal() or int(text) > 16:
        raise said.item.wrong(f"{word}={text} is no number of ports", hint=f"such as {word}=2")
    return int(text)


def _address(kind: AdapterKind, mark: int, number: int, port: int) -> str:
    tail = f"{mark:02x}:00:00:{number:02x}:{port:02x}"
    return f"02:{tail}" if kind is AdapterKind.ETHERNET else f"50:01:02:{tail}"
