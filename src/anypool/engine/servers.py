"""What is ours about physical servers, and the profiles that they bear."""

from collections.abc import Callable
from functools import partial

from anypool.engine.observing.board import Board
from anypool.engine.observing.boothosts import booted
from anypool.engine.observing.observe import Observer
from anypool.engine.observing.picture import Picture
from anypool.engine.profiles import Profiles
from anypool.engine.runs.runner import Runner
from anypool.model import EndpointId, ProfileId, Server, ServerId
from anypool.model.boothost import BootHost, ImageOrder
from anypool.model.profile import Identity
from anypool.model.push import PushOrder, PushReading
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
        self._keyed = runner.bearers.keyed
        self.profiles = Profiles(store, seen, settings.address_rest_s)
        self.profiles.pending = runner.pending

    def look(self, endpoint: EndpointId) -> None:
        """Read an endpoint anew and publish what it says; raise what the driver raises."""
        self._observer.read(endpoint)

    def subscribe(self, endpoint: EndpointId, order: PushOrder) -> PushReading:
        """Have a BMC push its events, or stop it; raise what the driver raises."""
        return self._observer.driver(endpoint).subscribe(order)

    def before_leaving(self, tell: Callable[[EndpointId], None]) -> None:
        """Have somebody told of each endpoint that is about to be forgotten."""
        self._observer.leaving = tell

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

    def boot_hosts(self) -> dict[EndpointId, tuple[str, BootHost]]:
        """Return each boot host by its endpoint, with its pool, as it was read last."""
        return self._observer.boot_hosts()

    def enter(self, endpoint: EndpointId, server: ServerId, identity: Identity, by: str) -> None:
        """Let a server boot from a boot host as the profile that it bears already."""
        known = self._keyed(booted(identity, self._observer.inventory, server))
        self._say(endpoint, f"{identity.name} is entered", by)
        self._observer.driver(endpoint).apply_identity(server, known)

    def leave(self, endpoint: EndpointId, entry: tuple[ProfileId, ServerId], by: str) -> None:
        """Let a server boot from a boot host no more as a profile that it does not bear."""
        profile, server = entry
        self._say(endpoint, f"the entry of {profile} is taken from {server}", by)
        self._observer.driver(endpoint).withdraw_identity(server, profile)

    def change_image(self, endpoint: EndpointId, order: ImageOrder, by: str) -> int:
        """Change an image of a boot host; return the number of its version."""
        version = self._observer.driver(endpoint).change_image(order)
        self._say(endpoint, f"image {order.name}:{version}: {order.deed}", by)
        return version

    def _say(self, endpoint: EndpointId, message: str, by: str) -> None:
        told = EventRecord(
            kind="boot-host.changed",
            message=f"{endpoint}: {message}",
            subject_kind="endpoint",
            subject_id=endpoint,
            by=by,
        )
        with self._store.writing() as tx:
            events.append(tx, told)
