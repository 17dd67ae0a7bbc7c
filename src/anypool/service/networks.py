"""Networks: list them."""

from anypool.engine import Engine
from anypool.model import Network
from anypool.search import Noun
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.listing import Lists
from anypool.service.pages import Ask, Listed


class Networks:
    """The use cases of a network."""

    def __init__(self, engine: Engine, lists: Lists) -> None:
        self._engine = engine
        self._lists = lists

    def list(self, by: Principal, ask: Ask) -> Listed[Network]:
        """Return a page of the networks that match; raise `Invalid` for a bad query."""
        require(by, Deed.READ)
        return self._lists.page(Noun.NETWORK, ask)

    def get(self, by: Principal, key: str) -> Network:
        """Return one network by id or name; raise `NotFound` or `Conflict`."""
        require(by, Deed.READ)
        return find.network(self._engine.inventory, key)
