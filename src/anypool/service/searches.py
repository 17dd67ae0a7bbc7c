"""Searching for servers that nobody adopted yet; nothing is changed at any address."""

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from msgspec import Struct

from anypool.clock import Clock
from anypool.drivers.seeking import FoundBmc, Ports
from anypool.engine import Engine
from anypool.engine.discovery import Discovery, Search
from anypool.errors import Invalid
from anypool.model import Server
from anypool.service.access import Deed, Principal, require

MOST = 4096
HINT = "write 10.0.0.0/24, 10.0.0.5-10.0.0.40, 10.0.0.5-40 or 10.0.0.9, several with commas"


class NewSearch(Struct, frozen=True, kw_only=True):
    """Where to look: ranges as people write them, and single addresses."""

    ranges: str = ""
    addresses: tuple[str, ...] = ()
    redfish_port: int = 443
    ipmi_port: int = 623


class Searches:
    """The use cases of searching for servers."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._discovery = Discovery(clock)

    def begin(self, by: Principal, asked: NewSearch) -> Search:
        """Begin to look at addresses; raise `Invalid` for bad or too many ones, or `Busy`."""
        require(by, Deed.MANAGE_ENDPOINTS)
        self._engine.must_lead()
        wanted = addresses_of(asked.ranges, asked.addresses)
        ports = Ports(redfish=asked.redfish_port, ipmi=asked.ipmi_port)
        return self._discovery.begin(wanted, ports)

    def get(self, by: Principal, key: str) -> Search:
        """Return how far a search is and what it found; raise `NotFound`."""
        require(by, Deed.MANAGE_ENDPOINTS)
        return self._discovery.get(key)

    def known(self, found: FoundBmc) -> Server | None:
        """Return the server that a BMC is of, None where it is not known or says nothing."""
        places = {one.id: urlsplit(one.uri).hostname for one in self._engine.endpoints()}
        uuid = "" if found.redfish is None else found.redfish.uuid
        for server in self._engine.inventory.servers.values():
            if places.get(server.endpoint) == found.address or server.id == uuid:
                return server
        return None


def addresses_of(ranges: str, single: tuple[str, ...]) -> tuple[str, ...]:
    """Return every address that is meant, each once, in their order; raise `Invalid`."""
    wanted = dict[str, None]()
    for text in (*ranges.replace(" ", ",").split(","), *single):
        if not text:
            continue
        for address in _expanded(text):
            wanted[address] = None
            if len(wanted) > MOST:
                raise Invalid(f"that is more than {MOST} addresses", hint="search in parts")
    if not wanted:
        raise Invalid("there is no address to look at", hint=HINT)
    return tuple(wanted)


def _expanded(text: str) -> Iterator[str]:
    try:
        if "/" in text:
            network = ipaddress.ip_network(text, strict=False)
            if network.num_addresses > 2 * MOST:
                raise Invalid(f"that is more than {MOST} addresses", hint="search in parts")
            yield from map(str, network.hosts())
            return
        first, dash, last = text.partition("-")
        low = ipaddress.ip_address(first)
        high = low
        if dash:
            full = last if "." in last or ":" in last else f"{first.rpartition('.')[0]}.{last}"
            high = ipaddress.ip_address(full)
    except ValueError as error:
        raise Invalid(f"{text[:80]!r} is no range of addresses", hint=HINT) from error
    if low.version != high.version or not 0 <= int(high) - int(low) <= MOST:
        raise Invalid(f"{text[:80]!r} is no range of addresses", hint=HINT)
    kind = type(low)
    yield from (str(kind(number)) for number in range(int(low), int(high) + 1))
