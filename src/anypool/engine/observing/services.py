"""Services as they were declared, and which VMs they have now."""

import threading
from collections.abc import Callable, Iterable, Iterator

from anypool.engine.observing.board import Board, Notice
from anypool.errors import NotFound
from anypool.model import Component, ProbeKind, Service, ServiceId
from anypool.model.service import found as found
from anypool.store import Store, events, facts
from anypool.store.records import EventRecord


class Services:
    """All services; read from the database once, for health asks every second."""

    def __init__(self, store: Store, board: Board, must_lead: Callable[[], None]) -> None:
        self._store = store
        self._board = board
        self._must_lead = must_lead
        self._lock = threading.Lock()
        self._known: tuple[Service, ...] | None = None

    def all(self) -> tuple[Service, ...]:
        """Return all services by name."""
        with self._lock:
            if self._known is None:
                with self._store.reading() as tx:
                    self._known = facts.services.all(tx)
            return self._known

    def get(self, key: str) -> Service:
        """Return a service; raise `NotFound`."""
        for service in self.all():
            if service.id == key:
                return service
        hint = "`anypool service list` shows them"
        raise NotFound(f"there is no service {key[:80]!r}", hint=hint)

    def put(self, service: Service, by: str) -> None:
        """Keep a service as it is declared now."""
        self._must_lead()
        with self._store.writing() as tx:
            new = facts.services.get(tx, service.id) is None
            facts.services.put(tx, service)
            kind, word = ("service.added", "added") if new else ("service.changed", "changed")
            events.append(tx, _event(kind, service.id, f"service {service.id} {word}", by))
        self.forget()
        self._told(service.id)

    def remove(self, key: ServiceId, by: str) -> None:
        """Forget a service; its VMs stay. Raise `NotFound`."""
        self._must_lead()
        self.get(key)
        with self._store.writing() as tx:
            facts.services.delete(tx, key)
            events.append(tx, _event("service.removed", key, f"service {key} removed", by))
        self.forget()
        self._told(key)

    def forget(self) -> None:
        """Read them again when they are asked for next: another manager may have led."""
        with self._lock:
            self._known = None

    def _told(self, key: ServiceId) -> None:
        self._board.tell((Notice("service", key), Notice("event")))


def places(services: Iterable[Service]) -> Iterator[tuple[Service, Component, str]]:
    """Yield every VM that services are declared to have, by id or name, with its component."""
    for service in services:
        for component in service.components:
            for name in service.members(component):
                yield service, component, name


def own_probes(services: Iterable[Service]) -> Iterator[tuple[Service, Component, str]]:
    """Yield the VMs whose probe nobody else can answer.

    Its address is made of the VM's name, or stands for one VM alone: one of several VMs is
    answered by the others as well.
    """
    for service, component, name in places(services):
        probe = component.probe
        if probe.kind is ProbeKind.NONE or component.profile:  # it may answer from a server
            continue
        if "{vm}" in probe.address or len(service.members(component)) == 1:
            yield service, component, name


def _event(kind: str, key: str, message: str, by: str) -> EventRecord:
    return EventRecord(kind=kind, message=message, subject_kind="service", subject_id=key, by=by)
