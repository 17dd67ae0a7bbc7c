"""Hearing early that a host falls silent: a connection over which nothing is asked.

Deeds and looks share connections that forgive some seconds without an answer, because one that
breaks takes what is under way with it. Nothing is lost with this one, so it forgives a second.
What its silence means is found out by knocking: it is no verdict by itself.
"""

import contextlib
import threading
from collections.abc import Callable

import libvirt

from anypool.drivers.libvirt.connect import Session
from anypool.errors import AnypoolError

MISSED = 1
"""Unanswered questions, a second apart, after which it is silent: a second or two in all."""


class Pulse:
    """The pulse of one host; `news` is called from another thread when it falls silent."""

    def __init__(self, session: Session, news: Callable[[], None]) -> None:
        """Nothing is opened before `keep`."""
        self._session = session
        self._news = news
        self._lock = threading.Lock()
        self._connection: libvirt.virConnect | None = None
        self._silent = False

    @property
    def silent(self) -> bool:
        """Whether it fell silent and nobody looked since."""
        return self._silent

    def keep(self) -> None:
        """Have it open, where that can tell anything; one that is refused is tried again."""
        if self._session.address.probe() is None or self._silent:
            return
        with self._lock:
            if self._connection is not None and self._connection.isAlive():
                return
            self._drop()
            with contextlib.suppress(AnypoolError, libvirt.libvirtError):
                self._connection = self._session.further(MISSED)
                self._connection.registerCloseCallback(self._closed, None)

    def look(self) -> None:
        """Knock at a host that fell silent; raise `Unreachable` if it does not answer."""
        self._session.meet()
        self._silent = False

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            self._drop()

    def _closed(self, _: libvirt.virConnect, reason: int, __: object) -> None:
        if reason == libvirt.VIR_CONNECT_CLOSE_REASON_KEEPALIVE:
            self._silent = True
            self._news()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(libvirt.libvirtError):
                connection.unregisterCloseCallback()
            with contextlib.suppress(libvirt.libvirtError):
                connection.close()
