"""The threads the engine lives on: a crew for looks and deeds, and things done every so often."""

import logging
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from anypool.clock import Clock

log = logging.getLogger(__name__)


class ThreadCrew:
    """Carries tasks out on a fixed number of threads; after `close` no task begins."""

    def __init__(self, size: int) -> None:
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="deed")

    def submit(self, task: Callable[[], object]) -> None:
        """Do a task on the next free thread; after `close`, never."""
        try:
            self._pool.submit(_logged, task)
        except RuntimeError:
            log.debug("stopped: a task is left to the next start")

    def close(self) -> None:
        """Begin no more tasks; those that run end by themselves."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class OnCall:
    """A crew from `start` to `stop`; a task that comes before or after is left out."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._crew: ThreadCrew | None = None

    def start(self) -> None:
        """Be ready for tasks."""
        self._crew = ThreadCrew(self._size)

    def stop(self) -> None:
        """Begin no more tasks; those that run end by themselves."""
        if self._crew is not None:
            self._crew.close()
        self._crew = None

    def submit(self, task: Callable[[], object]) -> None:
        """Do a task on the next free thread, if there are any."""
        if (crew := self._crew) is not None:
            crew.submit(task)


class UnderWay:
    """Which questions wait or are being asked: one about the same thing is left out meanwhile.

    Without it a crew that is slower than those who ask has ever more to do. Any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: set[Hashable] = set()

    def __contains__(self, key: Hashable) -> bool:
        with self._lock:
            return key in self._keys

    def __bool__(self) -> bool:
        with self._lock:
            return bool(self._keys)

    def once(self, key: Hashable, task: Callable[[], object]) -> Callable[[], None] | None:
        """Return a task that is known as under way until it is over, None if one is already."""
        with self._lock:
            if key in self._keys:
                return None
            self._keys.add(key)
        return partial(self._do, key, task)

    def forget(self) -> None:
        """Know of none: those that waited are not done any more."""
        with self._lock:
            self._keys.clear()

    def _do(self, key: Hashable, task: Callable[[], object]) -> None:
        try:
            task()
        finally:
            with self._lock:
                self._keys.discard(key)


class Ticker:
    """Calls a function again and again; it returns the seconds until the next time."""

    def __init__(
        self, name: str, what: Callable[[], float], clock: Clock, wake: threading.Event
    ) -> None:
        self._what = what
        self._clock = clock
        self._wake = wake
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the call it is in, and wait for that."""
        self._stopped = True
        self._wake.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(10.0)

    def _run(self) -> None:
        while not self._stopped:
            self._wake.clear()
            seconds = _logged_float(self._what)
            if not self._stopped:
                self._clock.wait(self._wake, seconds)


class Looking:
    """What looks every so often on a thread of its own: a subclass says how in `round`."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._woken = threading.Event()
        self._ticker = Ticker(name, self.round, clock, self._woken)

    def start(self) -> None:
        """Begin to look."""
        self._ticker.start()

    def stop(self) -> None:
        """End after the look that is under way."""
        self._ticker.stop()

    def wake(self) -> None:
        """Look soon."""
        self._woken.set()

    def round(self) -> float:
        """Look once; return the seconds until the next time."""
        raise NotImplementedError


class LookingAtMany(Looking):
    """One whose looks begin tasks: they are done by threads of its own, `at_once` at a time.

    `submit` may be replaced before it starts, by who does the tasks otherwise.
    """

    def __init__(self, name: str, clock: Clock, at_once: int) -> None:
        super().__init__(name, clock)
        self._on_call = OnCall(at_once)
        self.submit: Callable[[Callable[[], None]], None] = self._on_call.submit

    def start(self) -> None:
        """Begin to look."""
        self._on_call.start()
        super().start()

    def stop(self) -> None:
        """End after the look that is under way, and begin no task any more."""
        super().stop()
        self._on_call.stop()


def _logged(task: Callable[[], object]) -> None:
    try:
        task()
    except Exception:
        log.exception("a task of the engine failed")


def _logged_float(task: Callable[[], float]) -> float:
    try:
        return task()
    except Exception:
        log.exception("a loop of the engine failed; it goes on")
        return 1.0
