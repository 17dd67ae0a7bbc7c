"""Datastores: list them, say whether their locks work, write their marker."""

from anypool.drivers import Driver
from anypool.engine import Engine
from anypool.errors import Conflict, Unreachable
from anypool.model import Datastore, EndpointId, EndpointState, Locking
from anypool.search import Noun
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.facts import Facts
from anypool.service.listing import Lists
from anypool.service.names import checked_tags
from anypool.service.pages import Ask, Listed
from anypool.service.reach import Reach


class Datastores:
    """The use cases of a datastore."""

    def __init__(self, engine: Engine, lists: Lists, facts: Facts, reach: Reach) -> None:
        self._lists = lists
        self._engine = engine
        self._facts = facts
        self._reach = reach

    def list(self, by: Principal, ask: Ask) -> Listed[Datastore]:
        """Return a page of the datastores that match; raise `Invalid` for a bad query."""
        require(by, Deed.READ)
        return self._lists.page(Noun.DATASTORE, ask)

    def get(self, by: Principal, key: str) -> Datastore:
        """Return one datastore by id or name; raise `NotFound` or `Conflict`."""
        require(by, Deed.READ)
        return find.datastore(self._engine.inventory, key)

    def change(
        self,
        by: Principal,
        key: str,
        *,
        tags: tuple[str, ...] | None,
        locking: Locking | None,
        expected: str | None = None,
    ) -> Datastore:
        """Replace the tags, or the statement about locks; None leaves a thing as it is."""
        require(by, Deed.MANAGE_STORAGE)
        checked = None if tags is None else checked_tags(tags)
        return self._facts.change_datastore(
            by, key, tags=checked, locking=locking, expected=expected
        )

    def mark(self, by: Principal, key: str) -> Datastore:
        """Write the marker that lets other hosts recognise the place; return once it is there.

        Raises `Unreachable` if none of its endpoints answers, `NotSupported`, `Conflict`.
        """
        require(by, Deed.MANAGE_STORAGE)
        datastore = find.datastore(self._engine.inventory, key)
        if datastore.shared:
            raise Conflict(f"{datastore.name} bears a marker already")
        self._near(datastore).mark_datastore(datastore.id)
        for host in self._engine.inventory.hosts.values():
            if host.endpoint in datastore.endpoints:
                self._engine.observe_now(host.id)
        return datastore

    def _near(self, datastore: Datastore) -> Driver:
        connected = {
            health.id for health in self._engine.health() if health.state is EndpointState.CONNECTED
        }
        near = sorted(datastore.endpoints & connected)
        if not near:
            hint = "look at `anypool endpoint list`"
            raise Unreachable(f"no endpoint of {datastore.name} answers", hint=hint)
        return self._reach.driver(EndpointId(near[0]))
