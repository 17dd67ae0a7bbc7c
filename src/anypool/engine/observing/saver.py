"""Writing down what is observed, a little later and many at once."""

import logging
import threading
from collections.abc import Callable

from anypool.engine.observing import twins
from anypool.engine.observing.board import Board, Notice
from anypool.engine.observing.change import Delta
from anypool.errors import AnypoolError
from anypool.model import Datastore, Host, Network, Server, Vm, VmId
from anypool.store import Store, events, observed
from anypool.store.records import EventRecord, Observed, Severity

log = logging.getLogger(__name__)

_KINDS: dict[str, tuple[type[Observed], str]] = {
    "host": (Host, "hosts"),
    "vm": (Vm, "vms"),
    "datastore": (Datastore, "datastores"),
    "network": (Network, "networks"),
    "server": (Server, "servers"),
}


class Saver:
    """Gathers what changed until `save`; `ours` names VMs that our own steps delete."""

    def __init__(self, store: Store, board: Board) -> None:
        self._store = store
        self._board = board
        self._lock = threading.Lock()
        self._unsaved: set[Notice] = set()
        self._vanished: list[Vm] = []
        self._twinned: list[Vm] = []
        self.ours: Callable[[], frozenset[VmId]] = frozenset

    def note(self, delta: Delta) -> None:
        """Take note of a change."""
        deleted = self.ours() if delta.vanished else frozenset[VmId]()
        with self._lock:
            self._unsaved |= {notice for notice in delta.notices if notice.kind in _KINDS}
            self._vanished += [vm for vm in delta.vanished if vm.id not in deleted]
            self._twinned += delta.twinned

    def save(self) -> None:
        """Write what changed since the last time; on failure it stays for the next."""
        with self._lock:
            unsaved, self._unsaved = self._unsaved, set()
            vanished, self._vanished = self._vanished, []
            twinned, self._twinned = self._twinned, []
        told = [*map(_gone, vanished), *(twins.told(vm, self._board.inventory) for vm in twinned)]
        if not unsaved and not told:
            return
        try:
            self._write(unsaved, told)
        except AnypoolError as error:
            log.warning("what was observed is not saved: %s", error)
            with self._lock:
                self._unsaved |= unsaved
                self._vanished = vanished + self._vanished
                self._twinned = twinned + self._twinned
            return
        if told:
            self._board.tell((Notice("event"),))

    def _write(self, unsaved: set[Notice], told: list[EventRecord]) -> None:
        inventory = self._board.inventory
        changed: list[Observed] = []
        removed: list[tuple[type[Observed], str]] = []
        for notice in sorted(unsaved, key=lambda one: (one.kind, one.id)):
            kind, table = _KINDS[notice.kind]
            record = getattr(inventory, table).get(notice.id)
            if record is None:
                removed.append((kind, notice.id))
            else:
                changed.append(record)
        with self._store.writing() as tx:
            observed.put_many(tx, changed, removed)
            for event in told:
                events.append(tx, event)


def _gone(vm: Vm) -> EventRecord:
    return EventRecord(
        kind="vm.vanished",
        message=f"{vm.name} is not known to any host any more; nobody here deleted it",
        severity=Severity.WARNING,
        subject_kind="vm",
        subject_id=vm.id,
    )
