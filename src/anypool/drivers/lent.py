"""Looks that another manager does for the one that leads: what crosses, and the links it takes.

Only what is read on a timetable is lent (`routine`), and only looks. Whatever is not answered
is done by the manager itself: a link that is broken costs nothing but its own work.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from msgspec import Raw
from msgspec.structs import replace

from anypool.clock import Clock
from anypool.drivers.link import Ask, Link, Place
from anypool.drivers.wire import Failure, Reply
from anypool.model import Endpoint, EndpointId

log = logging.getLogger(__name__)

LENT = frozenset({"observe", "observe_vms", "changes", "measure"})
"""The looks that are lent: what a loop reads on a timetable."""
QUICK_S = 5.0
"""A failure that took no longer is not told of the host before we have looked ourselves."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 60.0, 3600.0
_HERE = frozenset({"", "localhost"})
_CERTAIN = frozenset({"NotSupported"})
"""What another manager is believed to be refused; anything else may be its own trouble."""


class Lender(Protocol):
    """Who has another manager look, as `Links` does."""

    def ask(
        self, endpoint: Endpoint, operation: str, told: tuple[Raw, str], limit_s: float
    ) -> Reply | None:
        """Return what another manager answers to a look; None: look yourself."""
        ...

    def judge(self, endpoint: Endpoint, *, same: bool) -> bool:
        """Take note whether its full reading was of the hosts that we read; return `same`."""
        ...


class Nobody:
    """Lends nothing."""

    def ask(self, *_: object) -> None:
        """Have us look."""

    def judge(self, _: Endpoint, *, same: bool) -> bool:
        """Agree."""
        return same


_routine: ContextVar[bool] = ContextVar("routine", default=False)


@contextmanager
def routine() -> Iterator[None]:
    """Let what this thread looks at be looked at by whoever has the pool."""
    before = _routine.set(True)
    try:
        yield
    finally:
        _routine.reset(before)


def lendable(endpoint: Endpoint, *, near: bool) -> bool:
    """Return whether an address means the same to another manager, on this machine if `near`."""
    parts = urlsplit(endpoint.uri)
    if endpoint.driver == "sim":
        return near and "state" in parse_qs(parts.query)
    if endpoint.driver != "libvirt" or parts.scheme.startswith("test"):
        return False
    return near or not _is_here(parts.hostname or "")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in _HERE


class Links:
    """The links of the manager that leads, by pool, and at which endpoints it looks itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._places: Mapping[str, Place] = {}
        self._links: dict[str, Link] = {}
        self._own: dict[EndpointId, tuple[float, float]] = {}
        self._asked: dict[EndpointId, tuple[str, str]] = {}
        self._vouched: dict[EndpointId, tuple[str, str]] = {}
        self.make: Callable[[Place, Clock], Link] = Link
        self.answered = 0

    def use(self, places: Mapping[str, Place]) -> None:
        """Have pools looked after at these places from now on, and all others by ourselves."""
        with self._lock:
            wanted = {place.holder: place for place in places.values()}
            old = [link for link in self._links.values() if not _same(link, wanted)]
            self._links = {
                link.place.holder: link for link in self._links.values() if link not in old
            }
            for holder in wanted.keys() - self._links.keys():
                self._links[holder] = self.make(wanted[holder], self._clock)
            self._places = dict(places)
        for link in old:
            link.close()

    def down(self) -> dict[str, float]:
        """Return for how many seconds nothing came through to each manager."""
        with self._lock:
            links = tuple(self._links.values())
        return {link.place.holder: link.down_s for link in links}

    def ask(
        self, endpoint: Endpoint, operation: str, told: tuple[Raw, str], limit_s: float
    ) -> Reply | None:
        """Return what the manager that has the pool answers to a look; None: look yourself.

        `told` are the encoded arguments, and the name of the full reading that is there. Nothing
        but full readings is asked for before one was judged to be of the same hosts: a name may
        mean another host elsewhere.
        """
        if operation not in LENT or not _routine.get():
            return None
        with self._lock:
            place = self._places.get(endpoint.pool)
            link = self._links.get(place.holder) if place is not None else None
            paused = self._own.get(endpoint.id, (0.0, 0.0))[0] > self._clock.monotonic()
            vouched = self._vouched.get(endpoint.id)
        if place is None or link is None or paused or not lendable(endpoint, near=place.near):
            return None
        if operation == "observe":
            self._asked[endpoint.id] = (place.holder, place.key)
        elif vouched != (place.holder, place.key):
            return None
        begun = self._clock.monotonic()
        order = Ask(
            number=0,
            endpoint=endpoint.id,
            pool=endpoint.pool,
            epoch=place.epoch,
            operation=operation,
            arguments=told[0],
            since=told[1],
        )
        reply = link.ask(order, limit_s)
        if isinstance(reply, Failure) and reply.error not in _CERTAIN:
            self._pause(endpoint.id)
            quick = self._clock.monotonic() - begun < QUICK_S
            return None if quick or reply.error != "Unreachable" else reply
        if reply is not None:
            with self._lock:
                self.answered += 1
                self._own.pop(endpoint.id, None)
        return reply

    def judge(self, endpoint: Endpoint, *, same: bool) -> bool:
        """Take note whether its full reading was of the hosts that we read; return `same`."""
        with self._lock:
            whose = self._asked.get(endpoint.id, ("", ""))
            if same:
                self._vouched[endpoint.id] = whose
                return True
            self._vouched.pop(endpoint.id, None)
            self._own[endpoint.id] = (self._clock.monotonic() + LONGEST_PAUSE_S, LONGEST_PAUSE_S)
        log.warning("%s is another host for %s: we look at it ourselves", endpoint.uri, whose[0])
        return False

    def _pause(self, endpoint: EndpointId) -> None:
        """Look at an endpoint ourselves for a while, longer each time."""
        with self._lock:
            _, last = self._own.get(endpoint, (0.0, 0.0))
            pause = min(max(FIRST_PAUSE_S, last * 2), LONGEST_PAUSE_S)
            self._own[endpoint] = (self._clock.monotonic() + pause, pause)


def _same(link: Link, wanted: Mapping[str, Place]) -> bool:
    """Return whether a link may stay: only the epoch of a pool may differ."""
    place = wanted.get(link.place.holder)
    return place is not None and replace(place, epoch=0) == replace(link.place, epoch=0)
