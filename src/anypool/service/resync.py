"""What a manager whose records were restored from a backup still has to read."""

from msgspec import Struct

from anypool.engine import Engine
from anypool.errors import NotFound
from anypool.model import EndpointHealth, EndpointId
from anypool.service.access import Deed, Principal, require
from anypool.store import Store, runs
from anypool.store.records import RunState
from anypool.store.restoration import Restoration, Unread


class Awaited(Struct, frozen=True, kw_only=True):
    """An endpoint that is read-only until it is read whole, and how it answers now."""

    unread: Unread
    health: EndpointHealth


class Standing(Struct, frozen=True, kw_only=True):
    """The latest restore, None for none; what is left to read, and the runs to decide on."""

    restoration: Restoration | None = None
    awaited: tuple[Awaited, ...] = ()
    interrupted: tuple[str, ...] = ()


class Resync:
    """The use cases after a restore."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store

    def awaited(self) -> int:
        """Return how many endpoints are read-only since a restore; costs nothing."""
        return self._engine.resync.awaited

    def show(self, by: Principal) -> Standing:
        """Return what is left, endpoint by endpoint."""
        require(by, Deed.READ)
        found = self._engine.resync.left()
        health = {one.id: one for one in self._engine.health()}
        awaited = (
            Awaited(unread=one, health=health.get(one.endpoint, EndpointHealth(id=one.endpoint)))
            for one in found.unread
        )
        with self._store.reading() as tx:
            stuck = [run.id for run in runs.unfinished(tx) if run.state is RunState.INTERRUPTED]
        return Standing(
            restoration=found.restoration, awaited=tuple(awaited), interrupted=tuple(stuck)
        )

    def vouch(self, by: Principal, endpoint: str) -> Standing:
        """Note that `by` looked: no VM runs behind an endpoint that was not read yet.

        It stays read-only; VMs that may have run there may be started elsewhere from now on.
        Raise `NotFound` for an endpoint that is not waited for.
        """
        require(by, Deed.MANAGE_ENDPOINTS)
        left = {one.endpoint for one in self._engine.resync.left().unread}
        if endpoint not in left:
            hint = "`anypool resync show` lists what is left"
            raise NotFound(f"no restore waits for an endpoint {endpoint[:80]!r}", hint=hint)
        self._engine.resync.vouch(EndpointId(endpoint), by.name)
        return self.show(by)
