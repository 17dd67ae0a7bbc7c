"""What is ours about physical servers: kept in the records and laid over what is observed."""

from collections.abc import Callable
from functools import partial

from anypool.engine.observing.observe import Observer
from anypool.engine.observing.picture import Picture
from anypool.model import EndpointId, Server
from anypool.store import Store, events, facts
from anypool.store.records import EventRecord, ServerFacts


class Servers:
    """The physical servers of the pool; `must_lead` raises if another manager is at work."""

    def __init__(self, store: Store, observer: Observer, must_lead: Callable[[], None]) -> None:
        self._store = store
        self._observer = observer
        self._must_lead = must_lead

    def look(self, endpoint: EndpointId) -> None:
        """Read an endpoint anew and publish what it says; raise what the driver raises."""
        self._observer.read(endpoint)

    def note(self, server: Server, kind: str, message: str, by: str) -> None:
        """Write what is ordered of a server, before it is sent, and what came of it."""
        self._must_lead()
        told = EventRecord(
            kind=kind, message=message, subject_kind="server", subject_id=server.id, by=by
        )
        with self._store.writing() as tx:
            events.append(tx, told)

    def set_facts(self, kept: ServerFacts, by: str) -> None:
        """Keep what is ours about a server; raise `NotFound`."""
        self._must_lead()
        name = self._observer.inventory.server(kept.server).name
        with self._store.writing() as tx:
            facts.servers.put(tx, kept)
            events.note(tx, ("server", kept.server), f"{name} changed", by)
        self._observer.change(partial(Picture.put_server_facts, facts=kept))
