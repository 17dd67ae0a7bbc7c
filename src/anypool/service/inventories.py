"""Stored inventories: the pool as it was, and what has changed."""

from itertools import islice

from msgspec import Struct

from anypool.engine import Engine
from anypool.model import Inventory
from anypool.plan import Difference
from anypool.service.access import Deed, Principal, require
from anypool.service.pages import Ask, Page
from anypool.store import Store, inventories
from anypool.store.inventories import StoredInventory
from anypool.store.pages import Ask as StoreAsk

MOST = 10_000
"""So many differences are told at most."""

NOW = "now"


class Compared(Struct, frozen=True, kw_only=True):
    """What differs between two inventories; `more` if that is not all."""

    differences: tuple[Difference, ...]
    more: bool


class Inventories:
    """The use cases of a stored inventory; a key is its number or its digest's beginning."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store

    def list(self, by: Principal, ask: Ask) -> Page[StoredInventory]:
        """Return a page of inventories, newest first."""
        require(by, Deed.READ)
        with self._store.reading() as tx:
            found = inventories.list_inventories(tx, StoreAsk(limit=ask.limit, cursor=ask.cursor))
        return Page(items=found.items, total=found.total, next=found.next)

    def get(self, by: Principal, key: str) -> StoredInventory:
        """Return one inventory; raise `NotFound` or `Conflict`."""
        require(by, Deed.READ)
        with self._store.reading() as tx:
            return inventories.find(tx, key)

    def load(self, by: Principal, key: str) -> Inventory:
        """Return the pool as it was; raise `NotFound`, `Conflict`, `Invalid` or `StoreFailed`."""
        return self._engine.keeping.archive.load(self.get(by, key))

    def compare(self, by: Principal, old: str, new: str) -> Compared:
        """Return what differs from one inventory to another; `now` is the pool as it is now."""
        before, after = (None if key == NOW else self.get(by, key) for key in (old, new))
        found = self._engine.keeping.archive.differences(before, after, self._engine.inventory)
        some = tuple(islice(found, MOST + 1))
        return Compared(differences=some[:MOST], more=len(some) > MOST)
