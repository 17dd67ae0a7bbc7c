"""Which addresses are free, and giving them to the ports of a profile: pure."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from msgspec.structs import replace

from anypool.errors import Conflict
from anypool.model import AdapterKind, Inventory, Profile, ProfileId
from anypool.model.address import (
    Address,
    AddressKind,
    AddressRange,
    AddressState,
    number_of,
    text_of,
)
from anypool.model.profile import ProfilePort

KIND_OF = {AdapterKind.ETHERNET: AddressKind.MAC, AdapterKind.FC: AddressKind.WWN}


def live(kind: AddressKind, inventory: Inventory) -> set[int]:
    """Return the addresses that are in use: of VMs in all pools, of servers, their own included."""
    texts = {text for text, _ in _users(kind, inventory)}
    return {number for text in texts if (number := _number(kind, text)) is not None}


def held(one: AddressRange, book: Iterable[Address], inventory: Inventory) -> dict[str, str]:
    """Return which addresses of a range are not free, in order, each with why in words."""
    first, last = one.bounds
    names = {profile.id: profile.name for profile in inventory.profiles.values()}
    found: dict[int, str] = {}
    for given in book:
        if given.kind is one.kind and first <= number_of(one.kind, given.address) <= last:
            whose = names.get(given.profile, given.profile)
            until = f" until {_moment(given.until)}" if given.until else ""
            found[number_of(one.kind, given.address)] = f"{given.state}{until}, profile {whose}"
    for text, whose in _users(one.kind, inventory):
        number = _number(one.kind, text)
        if number is not None and first <= number <= last:
            found.setdefault(number, f"in use, {whose}")
    return {text_of(one.kind, number): found[number] for number in sorted(found)}


def _users(kind: AddressKind, inventory: Inventory) -> Iterator[tuple[str, str]]:
    """Yield each address that is in use as its platform writes it, and who uses it."""
    if kind is AddressKind.MAC:
        for vm in inventory.vms.values():
            yield from ((nic.mac, f"VM {vm.name}") for nic in vm.nics)
    wanted = AdapterKind.ETHERNET if kind is AddressKind.MAC else AdapterKind.FC
    for server in inventory.servers.values():
        for port in server.ports_of(wanted):
            for text in (port.address, port.permanent, port.node):
                yield text, f"server {server.name}"
    for profile in inventory.profiles.values():
        for one in profile.ports_of(wanted):
            yield from ((text, f"profile {profile.name}") for text in (one.address, one.node))


def _number(kind: AddressKind, text: str) -> int | None:
    """Return an address as a number, None for what some platform writes in its place."""
    try:
        return number_of(kind, text)
    except ValueError:
        return None


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


class Giver:
    """Gives addresses of some ranges, the lowest first, none that is `taken`.

    `rests_until` is when the first that rests is free again (seconds since 1970, 0 if none
    does), `name` the range that was asked for, "" for any.
    """

    def __init__(
        self,
        kind: AddressKind,
        ranges: tuple[AddressRange, ...],
        taken: set[int],
        rests_until: float = 0.0,
        name: str = "",
    ) -> None:
        self._kind = kind
        self._ranges = ranges
        self._taken = taken
        self._rests_until = rests_until
        self._name = name

    def next(self) -> str:
        """Return the next free address; raise `Conflict` if there is none."""
        for one in self._ranges:
            first, last = one.bounds
            for number in range(first, last + 1):
                if number not in self._taken:
                    self._taken.add(number)
                    return text_of(self._kind, number)
        raise self._exhausted()

    def _exhausted(self) -> Conflict:
        kind = self._kind.upper()
        add = f"`anypool address-range add NAME --kind {self._kind} --first ... --last ...`"
        if not self._ranges:
            what = f"called {self._name}" if self._name else "at all"
            return Conflict(f"there is no range of {kind}s {what}", hint=f"make one: {add}")
        names = ", ".join(one.id for one in self._ranges)
        hint = f"add another range: {add}"
        if self._rests_until:
            free = _moment(self._rests_until)
            hint += f", or wait until {free}, when the first that rests is free"
        return Conflict(f"no {kind} is left in {names}", hint=hint)


def filled(
    profile: Profile, givers: Mapping[AddressKind, Giver]
) -> tuple[Profile, tuple[Address, ...]]:
    """Return a profile whose ports all have addresses, and those that were given now.

    Raise `Conflict` where the ranges have none left.
    """
    given: list[Address] = []
    ports: list[ProfilePort] = []
    for port in profile.ports:
        kind = KIND_OF[port.kind]
        if not port.address:
            port = replace(port, address=givers[kind].next())
            given.append(_given(kind, port.address, port.id, profile.id))
        if port.kind is AdapterKind.FC and not port.node:
            port = replace(port, node=givers[kind].next())
            given.append(_given(kind, port.node, f"{port.id}.node", profile.id))
        ports.append(port)
    return replace(profile, ports=tuple(ports)), tuple(given)


def _given(kind: AddressKind, text: str, use: str, profile: ProfileId) -> Address:
    return Address(
        kind=kind,
        address=text,
        state=AddressState.RESERVED,
        profile=profile,
        use=use,
        since=0.0,
    )
