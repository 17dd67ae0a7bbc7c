"""A pool on other hardware: asked before anything is bought."""

from msgspec import Struct

from anypool.clock import Clock
from anypool.engine import Engine
from anypool.errors import Invalid
from anypool.exchange.hardware import read_servers
from anypool.model import HostId
from anypool.planner.fewest.other import Compared, compare
from anypool.planner.rounds import Rounds
from anypool.search import Noun, parse
from anypool.service.access import Deed, Principal, require
from anypool.service.consolidations import Bounds, Consolidations, hosts_of

BUDGET_S = 20.0
"""The search for hosts to empty ends after so long with what it has."""


class Asked(Struct, frozen=True, kw_only=True):
    """Servers that could be had, in a line each, and a query for the hosts that go."""

    servers: str = ""
    without: str = ""


class Comparison(Struct, frozen=True, kw_only=True):
    """The ways to carry a pool, and the currency of their money."""

    compared: Compared
    currency: str


class Hardware:
    """The use case of asking what other hardware would do; nothing of it changes anything."""

    def __init__(self, engine: Engine, consolidations: Consolidations, clock: Clock) -> None:
        self._engine = engine
        self._consolidations = consolidations
        self._clock = clock

    def compare(self, by: Principal, key: str, asked: Asked, bounds: Bounds) -> Comparison:
        """Return how servers would carry a pool; raise `NotFound` for its name, `Invalid`."""
        require(by, Deed.READ)
        bounds.check()
        servers = read_servers(asked.servers)
        query = parse(asked.without, Noun.HOST) if asked.without.strip() else None
        measured = self._consolidations.curves(by, key, bounds)
        inventory = self._engine.inventory
        rules = self._engine.policies.rulebook(inventory)
        wish = self._consolidations.wish(inventory, key, rules, bounds, measured)
        hosts = hosts_of(inventory, key)
        going = [] if query is None else query.filter(hosts, inventory)
        gone = frozenset[HostId](host.id for host in going)
        if query is not None and not gone:
            raise Invalid(f"no host of {key} matches {asked.without!r}", hint="correct the query")
        end = self._clock.monotonic() + BUDGET_S
        rounds = Rounds(late=lambda: self._clock.monotonic() > end)
        found = compare(inventory, wish, servers, gone, rounds)
        return Comparison(compared=found, currency=wish.tariff.currency)
