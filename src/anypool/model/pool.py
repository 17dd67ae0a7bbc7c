"""A pool: hosts and servers that are managed together, and what holds for all of them."""

from msgspec import Struct

from anypool.model.ids import PoolId

DEFAULT_POOL = PoolId("default")
"""The pool of every endpoint for which no other is named; it is always there."""


class Pool(Struct, frozen=True, kw_only=True, gc=False):
    """One pool by its name; `observe_only` takes every way of writing from its endpoints."""

    id: PoolId
    description: str = ""
    observe_only: bool = False


class KnownPool(Struct, frozen=True, kw_only=True, gc=False):
    """A pool with the ids of the endpoints in it; `unread` are closed since a restore."""

    pool: Pool
    endpoints: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def id(self) -> PoolId:
        """Its id, which is its name."""
        return self.pool.id
