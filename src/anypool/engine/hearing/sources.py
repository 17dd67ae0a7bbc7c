"""Whose BMC has an address: of endpoints whose servers are adopted, and of hosts with a BMC."""

import ipaddress
import logging
import socket
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from msgspec import Struct

from anypool.engine.engine import Engine
from anypool.engine.hearing.bounds import Bucket
from anypool.model import Adoption, Endpoint, EndpointId, HostId, Server

log = logging.getLogger(__name__)

SPEAKERS = frozenset({"redfish", "ipmi"})
"""Drivers whose endpoints are BMCs, or managers of chassis."""


class Source(Struct, frozen=True, kw_only=True):
    """What is behind an address: one BMC, of an endpoint or of a host.

    `kind`, `id` and `name` are of whom events tell: a server, a host, or the endpoint itself
    where it answers for several. `why` is why nothing it says is taken, "" if it is.
    """

    key: str
    kind: str
    id: str
    name: str
    endpoint: EndpointId | None = None
    host: HostId | None = None
    why: str = ""


class Sources:
    """Addresses and who they are; `refresh` looks names up and may take a while."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._places: dict[str, tuple[str, ...]] = {}
        self._known: dict[str, tuple[str, ...]] = {}
        self._seen: tuple[tuple[str, str], ...] = ()
        self._looks = Bucket(1.0, 1.0)
        self.resolve: Callable[[str], Iterable[str]] = resolved

    def refresh(self) -> None:
        """Find out at which addresses the BMCs are that are known now."""
        for _, place in _places(self._engine):
            if plain(place) is None:
                try:
                    self._places[place] = tuple(self.resolve(place))
                except OSError as error:
                    log.info("the BMC %s is not found by its name: %s", place, error)
        self._arrange(tuple(_places(self._engine)))

    def at(self, address: str, now: float) -> tuple[Source, ...]:
        """Return what has an address, () if nothing that is known; `now` of a steady clock.

        A BMC that was added since the last `refresh` is known by its address within a second.
        """
        if address not in self._known and self._looks.take(now):
            pairs = tuple(_places(self._engine))
            if pairs != self._seen:
                self._arrange(pairs)
        found = [self._source(key) for key in self._known.get(address, ())]
        return tuple(one for one in found if one is not None)

    def _arrange(self, pairs: tuple[tuple[str, str], ...]) -> None:
        known: dict[str, list[str]] = {}
        for key, place in pairs:
            for address in self._addresses(place):
                known.setdefault(address, []).append(key)
        self._known = {address: tuple(keys) for address, keys in known.items()}
        self._seen = pairs

    def _addresses(self, place: str) -> tuple[str, ...]:
        literal = plain(place)
        return self._places.get(place, ()) if literal is None else (literal,)

    def _source(self, key: str) -> Source | None:
        kind, _, name = key.partition(" ")
        if kind == "bmc":
            host = self._engine.inventory.hosts.get(HostId(name))
            shown = name if host is None else host.name
            return Source(key=key, kind="host", id=name, name=shown, host=HostId(name))
        endpoint = EndpointId(name)
        servers = [one for one in self._engine.inventory.servers.values()
                   if one.endpoint == endpoint]  # fmt: skip
        return _of_endpoint(key, endpoint, servers)


def _of_endpoint(key: str, endpoint: EndpointId, servers: list[Server]) -> Source:
    adopted = [one for one in servers if one.adoption is Adoption.ADOPTED]
    why = ""
    if servers and not adopted:
        why = f"{servers[0].name} is {servers[0].adoption}, not adopted"
    if len(servers) == 1:
        one = servers[0]
        return Source(key=key, kind="server", id=one.id, name=one.name, endpoint=endpoint, why=why)
    return Source(key=key, kind="endpoint", id=endpoint, name=endpoint, endpoint=endpoint, why=why)


def _places(engine: Engine) -> Iterable[tuple[str, str]]:
    """Yield a key for each BMC, and the name or address it is reached at."""
    for one in engine.endpoints():
        if one.driver in SPEAKERS and (place := _place(one)):
            yield f"endpoint {one.id}", place
    for known in engine.bmcs.all():
        yield f"bmc {known.bmc.host}", urlsplit(known.bmc.url).hostname or ""


def _place(endpoint: Endpoint) -> str:
    try:
        return urlsplit(endpoint.uri).hostname or ""
    except ValueError:
        return ""


def plain(text: str) -> str | None:
    """Return an address as it is compared, None for what is none: of IPv6 the shortest form."""
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def resolved(name: str) -> tuple[str, ...]:
    """Return the addresses of a name; raise `OSError`."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
    return tuple(dict.fromkeys(filter(None, (plain(str(one[4][0])) for one in found))))
