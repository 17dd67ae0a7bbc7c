"""What is kept for a while: loads, inventories, backups, and how long each kind of record stays."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from anypool.clock import Clock
from anypool.engine.loads.history import History
from anypool.engine.loads.recorder import Recorder
from anypool.engine.records.archive import Archive
from anypool.engine.records.backups import Backups
from anypool.engine.records.heads import Heads
from anypool.engine.records.prices import Prices
from anypool.engine.records.retention import Retention
from anypool.engine.threads import Ticker
from anypool.errors import Busy
from anypool.model import Inventory
from anypool.settings import Settings
from anypool.store import Store


class Leader(Protocol):
    """Whoever knows the pool, and whether it leads."""

    @property
    def leads(self) -> bool:
        """Say whether this manager leads."""
        ...

    @property
    def inventory(self) -> Inventory:
        """Return what is known now."""
        ...


class Keeping:
    """The parts that keep things, and the threads they live on; they work while we lead.

    `more` are further threads to live on, by name: each says in how many seconds it is due.
    """

    def __init__(self, store: Store, clock: Clock, settings: Settings, leader: Leader) -> None:
        self._clock = clock
        self._settings = settings
        self._leader = leader
        self._stopping = threading.Event()
        self.recorder = Recorder(store, clock, settings.history_step_s)
        self.recorder.stopped = self._stopping.is_set
        self.history = History(store, self.recorder, settings.history_step_s)
        self.archive = Archive(store)
        self.prices = Prices(store, settings)
        self.retention = Retention(store, clock, settings)
        self.retention.stopping = self._stopping
        self.backups = Backups(store, clock, settings)
        self.backups.stopping = self._stopping
        self.more: list[tuple[str, Callable[[], float]]] = []
        self._begun = False
        self._heads = Heads(store, settings)

    def tickers(self) -> tuple[Ticker, ...]:
        """Return the threads, not started."""
        self._stopping.clear()
        works = (
            ("history", self._record),
            ("archive", self._keep),
            ("retention", self._thin),
            ("audit", self._heads.export),
            ("backup", self._back_up),
            *self.more,
        )
        return tuple(Ticker(name, work, self._clock, threading.Event()) for name, work in works)

    def stop(self) -> None:
        """Begin nothing more; what is under way ends after the part it is in."""
        self._stopping.set()

    def finish(self) -> None:
        """Write the last of what is in memory; the threads have ended."""
        self.recorder.finish()

    def forget(self) -> None:
        """Another manager leads: forget what is in memory."""
        self.recorder.forget()
        self.archive.forget()
        self._begun = False

    def _record(self) -> float:
        if self._leader.leads:
            self.recorder.flush()
        return self._settings.history_flush_s

    def _keep(self) -> float:
        """Store the inventory; not the first time, when most of it is not observed yet."""
        if self._leader.leads and self._begun:
            self.archive.keep(self._leader.inventory)
        self._begun = self._leader.leads
        return self._settings.inventory_every_s

    def _thin(self) -> float:
        if self._leader.leads:
            with suppress(Busy):
                self.retention.run()
        return self._settings.retention_every_s

    def _back_up(self) -> float:
        return self.backups.round() if self._leader.leads else self._settings.lease_s
