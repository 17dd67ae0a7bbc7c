"""Servers: list them, say what they are to us, where they stand, which are spares."""

import threading

from msgspec import Struct
from msgspec.structs import replace

from anypool.engine import Engine
from anypool.model import Adoption, Server
from anypool.search import Noun
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.listing import Lists
from anypool.service.names import checked_name, checked_tags, checked_text
from anypool.service.pages import Ask, Listed
from anypool.service.version import require_version
from anypool.store import Store, facts
from anypool.store.records import ServerFacts


class ServerChange(Struct, frozen=True, kw_only=True):
    """What to say anew of a server; None leaves a thing as it is, "" is what is observed."""

    adoption: Adoption | None = None
    spare: bool | None = None
    tags: tuple[str, ...] | None = None
    name: str | None = None
    chassis: str | None = None
    slot: str | None = None


class Servers:
    """The use cases of a physical server."""

    def __init__(self, engine: Engine, store: Store, lists: Lists) -> None:
        self._engine = engine
        self._store = store
        self._lists = lists
        self._changing = threading.Lock()

    def list(self, by: Principal, ask: Ask) -> Listed[Server]:
        """Return a page of the servers that match; raise `Invalid` for a bad query."""
        require(by, Deed.READ)
        return self._lists.page(Noun.SERVER, ask)

    def get(self, by: Principal, key: str) -> Server:
        """Return one server by id or name; raise `NotFound` or `Conflict`."""
        require(by, Deed.READ)
        return find.server(self._engine.inventory, key)

    def change(
        self, by: Principal, key: str, asked: ServerChange, expected: str | None = None
    ) -> Server:
        """Keep what is said anew of a server; raise `Stale` if it changed since it was read."""
        require(by, Deed.OPERATE_HOST)
        changed = {
            name: value
            for name, value in _checked(asked).items()
            if getattr(asked, name) is not None
        }
        with self._changing:
            server = find.server(self._engine.inventory, key)
            require_version(server, expected)
            with self._store.reading() as tx:
                kept = facts.servers.get(tx, server.id) or ServerFacts(server=server.id)
            self._engine.servers.set_facts(replace(kept, **changed), by.name)
        return find.server(self._engine.inventory, server.id)


def _checked(asked: ServerChange) -> dict[str, object]:
    """Return the fields that are kept; raise `Invalid` for what cannot be."""
    if asked.name:
        checked_name(asked.name, "a server")
    return {
        "adoption": asked.adoption,
        "spare": asked.spare,
        "tags": None if asked.tags is None else checked_tags(asked.tags),
        "name": asked.name,
        "chassis": checked_text(asked.chassis or "", "the chassis", 64),
        "slot": checked_text(asked.slot or "", "the slot", 32),
    }
