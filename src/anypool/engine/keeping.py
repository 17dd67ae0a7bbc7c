"""What is kept for a while: loads, and how long each kind of record stays."""

import threading
from collections.abc import Callable

from anypool.clock import Clock
from anypool.engine.history import History
from anypool.engine.recorder import Recorder
from anypool.engine.threads import Ticker
from anypool.settings import Settings
from anypool.store import Store


class Keeping:
    """The parts that keep things, and the threads they live on; they work while we lead."""

    def __init__(
        self, store: Store, clock: Clock, settings: Settings, leads: Callable[[], bool]
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._leads = leads
        self._stopping = threading.Event()
        self.recorder = Recorder(store, clock, settings.history_step_s)
        self.recorder.stopped = self._stopping.is_set
        self.history = History(store, self.recorder, settings.history_step_s)

    def tickers(self) -> tuple[Ticker, ...]:
        """Return the threads, not started."""
        self._stopping.clear()
        return (Ticker("history", self._record, self._clock, threading.Event()),)

    def stop(self) -> None:
        """Begin nothing more; what is under way ends after the part it is in."""
        self._stopping.set()

    def finish(self) -> None:
        """Write the last of what is in memory; the threads have ended."""
        self.recorder.finish()

    def forget(self) -> None:
        """Another manager leads: forget what is in memory."""
        self.recorder.forget()

    def _record(self) -> float:
        if self._leads():
            self.recorder.flush()
        return self._settings.history_flush_s
