"""What is ours about physical servers, and the profiles that they bear."""

from functools import partial

from anypool.engine.observing.board import Board
from anypool.engine.observing.observe import Observer
from anypool.engine.observing.picture import Picture
from anypool.engine.profiles import Profiles
from anypool.engine.runs.runner import Runner
from anypool.model import EndpointId, Server
from anypool.settings import Settings
from anypool.store import Store, events, facts
from anypool.store.records import EventRecord, ServerFacts


class Servers:
    """The physical servers of the pool; what is kept is kept by the manager that leads."""

    def __init__(
        self,
        store: Store,
        seen: tuple[Observer, Board],
        runner: Runner,
        settings: Settings,
    ) -> None:
        self._store = store
        self._observer = seen[0]
        self.profiles = Profiles(store, seen, settings.address_rest_s)
        self.profiles.pending = runner.pending

    def look(self, endpoint: EndpointId) -> None:
        """Read an endpoint anew and publish what it says; raise what the driver raises."""
        self._observer.read(endpoint)

    def note(self, server: Server, kind: str, message: str, by: str) -> None:
        """Write what is ordered of a server, before it is sent, and what came of it."""
        told = EventRecord(
            kind=kind, message=message, subject_kind="server", subject_id=server.id, by=by
        )
        with self._store.writing() as tx:
            events.append(tx, told)

    def set_facts(self, kept: ServerFacts, by: str) -> None:
        """Keep what is ours about a server; raise `NotFound`."""
        name = self._observer.inventory.server(kept.server).name
        with self._store.writing() as tx:
            facts.servers.put(tx, kept)
            events.note(tx, ("server", kept.server), f"{name} changed", by)
        self._observer.change(partial(Picture.put_server_facts, facts=kept))
