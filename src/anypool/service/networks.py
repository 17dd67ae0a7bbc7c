"""Networks: list them."""

from anypool.engine import Engine
from anypool.model import Network
from anypool.search import Noun
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.listing import inventory_page
from anypool.service.pages import Ask, Page


class Networks:
    """The use cases of a network."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list(self, by: Principal, ask: Ask) -> Page[Network]:
        """Return a page of the networks that match; raise `Invalid` for a bad query."""
        require(by, Deed.READ)
        return inventory_page(self._engine.inventory, Noun.NETWORK, ask)

    def get(self, by: Principal, key: str) -> Network:
        """Return one network by id or name; raise `NotFound` or `Conflict`."""
        require(by, Deed.READ)
        return find.network(self._engine.inventory, key)
