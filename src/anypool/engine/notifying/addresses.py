"""Which addresses a notification may go to: none of this machine, none of its link.

Whoever may add a receiver names an address that the manager connects to, from where it stands.
So what is reached only from there is refused, unless a setting allows it. A name is resolved
once, every answer is judged, and the connection goes to what was judged.
"""

import ipaddress
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TypeAlias

from msgspec import Struct

from anypool.errors import Invalid, Unreachable

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Range: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_ALLOW = "the setting notify_allow lists addresses that are allowed all the same"


class Target(Struct, frozen=True):
    """Where to connect: the name that was given, and the address that was judged."""

    name: str
    address: str
    port: int
    family: int


def ranges(written: str) -> tuple[Range, ...]:
    """Return the networks in a setting, separated by commas or spaces; raise `Invalid`."""
    try:
        words = written.replace(",", " ").split()
        return tuple(ipaddress.ip_network(word, strict=False) for word in words)
    except ValueError as error:
        hint = "addresses or networks, such as 10.0.0.25, 192.168.7.0/24"
        raise Invalid(f"the setting notify_allow: {error}", hint=hint) from error


def split(written: str, usual: int) -> tuple[str, int]:
    """Return host and port of `HOST[:PORT]`, an IPv6 address in brackets; raise `Invalid`."""
    host, colon, port = written.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = written, str(usual)
    host = host.removeprefix("[").removesuffix("]")
    good = port.isascii() and port.isdecimal() and len(port) < 6 and 0 < int(port) < 65536
    plain = host and all(mark.isalnum() or mark in ".-:_" for mark in host)
    if not good or not plain or host.startswith("-"):
        raise Invalid(f"{written[:80]!r} is no server", hint="write it as HOST or HOST:PORT")
    return host, int(port)


def resolve(host: str, port: int, allowed: Sequence[Range]) -> Target:
    """Return where to connect; raise `Unreachable` for an unknown name, `Invalid` if refused."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        hint = "is it written right, and does this machine's name service know it?"
        raise Unreachable(f"{host} is not known: {error}", hint=hint) from error
    targets = [
        Target(host, str(where[0]), port, int(family))
        for family, _, _, _, where in found
        if family in (socket.AF_INET, socket.AF_INET6)
    ]
    if not targets:
        raise Unreachable(f"{host} has no address", hint="name another server")
    for target in targets:
        if why := refusal(target.address, allowed):
            shown = host if host == target.address else f"{host} ({target.address})"
            raise Invalid(f"{shown} is {why}, where nothing is sent", hint=_ALLOW)
    return targets[0]


def refusal(written: str, allowed: Sequence[Range] = ()) -> str:
    """Return what kind of address this is that nothing is sent to, "" if it is a good one."""
    for address in _meant(ipaddress.ip_address(written.partition("%")[0])):
        if any(address in one for one in allowed if one.version == address.version):
            continue
        if why := _kind(address):
            return why
    return ""


def _kind(address: Address) -> str:
    kinds = (
        ("an address of this machine", address.is_loopback),
        ("no address of anybody", address.is_unspecified),
        ("an address of the link", address.is_link_local),
        ("a multicast address", address.is_multicast),
        ("a reserved address", address.is_reserved and address not in _NAT64),
        ("the broadcast address", str(address) == "255.255.255.255"),
        ("an address of this machine", _is_own(address)),
    )
    return next((words for words, so in kinds if so), "")


def _meant(address: Address) -> Iterator[Address]:
    """Yield an address and those that it stands for: an IPv6 one may carry an IPv4 one."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour]
        if address.teredo is not None:
            inner.extend(address.teredo)
        if address in _NAT64:
            inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        carried = [one for one in inner if one is not None]
        yield from carried
        if address.ipv4_mapped is not None:
            return
    yield address


def _is_own(address: Address) -> bool:
    """Say whether this machine has an address: only its own ones can be bound."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with closing(socket.socket(family, socket.SOCK_DGRAM)) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True
