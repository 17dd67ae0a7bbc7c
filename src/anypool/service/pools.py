"""Pools: list them, add and remove them, let them be looked at only."""

import threading

from msgspec.structs import replace

from anypool.engine import Engine
from anypool.model import KnownPool, Pool, PoolId
from anypool.search import Noun
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.listing import searched_page
from anypool.service.names import checked_name, checked_text
from anypool.service.pages import Ask, Listed
from anypool.service.version import require_version

_LONGEST = 500


class Pools:
    """The use cases of a pool; whoever may manage endpoints may manage pools."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._changing = threading.Lock()

    def list(self, by: Principal, ask: Ask) -> Listed[KnownPool]:
        """Return a page of the pools that match; raise `Invalid` for a bad query."""
        require(by, Deed.READ)
        return searched_page(self._engine.inventory, Noun.POOL, self._engine.pools.all(), ask)

    def get(self, by: Principal, key: str) -> KnownPool:
        """Return one pool; raise `NotFound`."""
        require(by, Deed.READ)
        return find.pool(self._engine.pools.all(), key)

    def add(self, by: Principal, name: str, *, description: str, observe_only: bool) -> KnownPool:
        """Keep a new, empty pool; raise `Invalid` for its name, `Conflict` if it is taken."""
        require(by, Deed.MANAGE_ENDPOINTS)
        pool = Pool(
            id=PoolId(checked_name(name, "a pool")),
            description=checked_text(description, "description", _LONGEST),
            observe_only=observe_only,
        )
        self._engine.pools.add(pool, by.name)
        return self.get(by, name)

    def change(
        self,
        by: Principal,
        key: str,
        *,
        description: str | None,
        observe_only: bool | None,
        expected: str | None = None,
    ) -> KnownPool:
        """Replace what is not None; raise `NotFound`, `Stale`, or `Busy` while runs work there."""
        require(by, Deed.MANAGE_ENDPOINTS)
        with self._changing:
            old = self.get(by, key).pool
            require_version(old, expected)
            text = old.description if description is None else description
            changed = replace(
                old,
                description=checked_text(text, "description", _LONGEST),
                observe_only=old.observe_only if observe_only is None else observe_only,
            )
            self._engine.pools.change(changed, by.name)
        return self.get(by, key)

    def remove(self, by: Principal, key: str) -> None:
        """Forget an empty pool; raise `NotFound`, or `Conflict` while endpoints are in it."""
        require(by, Deed.MANAGE_ENDPOINTS)
        self._engine.pools.remove(self.get(by, key).id, by.name)
