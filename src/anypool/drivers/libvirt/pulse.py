"""Hearing early that a host falls silent: a connection over which nothing is asked.

Deeds and looks share connections that forgive some seconds without an answer, because one that
breaks takes what is under way with it. Nothing is lost with this one, so it forgives a second.
What its end means is found out by knocking: it is no verdict by itself.

One thread looks at all of them. libvirt would call back by itself, but in its event loop and
under its locks, which letting go of the connection at that moment needs as well.
"""

import contextlib
import threading
import time
from collections.abc import Callable

import libvirt

from anypool.drivers.libvirt.connect import Session, let_go
from anypool.errors import AnypoolError

MISSED = 1
"""Unanswered questions, a second apart, after which it ends: a second or two in all."""
_LOOK_S = 0.2
_lock = threading.Lock()
_watched: set["Pulse"] = set()
_watchers: list[threading.Thread] = []


class Pulse:
    """The pulse of one host; `news` is called from another thread when it ends."""

    def __init__(self, session: Session, news: Callable[[], None]) -> None:
        """Nothing is opened before `keep`."""
        self._session = session
        self._news = news
        self._lock = threading.Lock()
        self._connection: libvirt.virConnect | None = None
        self._opening = False
        self._ended = False
        self._silent = False

    @property
    def silent(self) -> bool:
        """Whether it ended and nobody knocked since."""
        return self._silent

    @property
    def felt(self) -> bool:
        """Whether it is open, so that its end would be noticed."""
        return self._connection is not None

    def keep(self) -> None:
        """Have it opened, where that can tell anything; nobody waits for it."""
        with self._lock:
            here = self._connection is not None or self._opening or self._silent or self._ended
            if here or self._session.address.probe() is None:
                return
            self._opening = True
        threading.Thread(target=self._open, name="pulse", daemon=True).start()

    def look(self) -> None:
        """Knock at a host that fell silent; raise `Unreachable` if it does not answer."""
        self._session.meet()
        self._silent = False

    def check(self) -> None:
        """Take note if it has ended."""
        with self._lock:
            if self._connection is None or self._connection.isAlive():
                return
            ended, self._connection = self._connection, None
            self._silent = True
        let_go(ended)
        self._news()

    def close(self) -> None:
        """Give the connection back, also one that is still being opened."""
        with _lock:
            _watched.discard(self)
        with self._lock:
            self._ended = True
            ended, self._connection = self._connection, None
        let_go(ended)

    def _open(self) -> None:
        """Open it; one that is refused is tried again at the next `keep`."""
        opened = None
        with contextlib.suppress(AnypoolError, libvirt.libvirtError):
            opened = self._session.further(MISSED)
        with self._lock:
            self._opening = False
            if not self._ended:
                self._connection, opened = opened, None
        let_go(opened)
        if not self._ended:
            _watch(self)


def _watch(pulse: Pulse) -> None:
    with _lock:
        _watched.add(pulse)
        if not _watchers:
            thread = threading.Thread(target=_run, name="pulses", daemon=True)
            _watchers.append(thread)
            thread.start()


def _run() -> None:
    while True:
        time.sleep(_LOOK_S)
        with _lock:
            watched = tuple(_watched)
        for pulse in watched:
            with contextlib.suppress(libvirt.libvirtError):
                pulse.check()
