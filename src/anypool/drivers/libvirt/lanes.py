"""Further connections to one libvirt, so that long deeds do not stand in each other's way.

A libvirt daemon works on at most five calls of one client at a time (`max_client_requests`
in its configuration); the next one waits until one of them ends, even if it only looks. So
the first connection carries the looks and few deeds, and others are opened as they are needed.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import libvirt

from anypool.errors import AnypoolError

log = logging.getLogger(__name__)

DEEDS_BESIDE_LOOKS = 2
DEEDS_PER_LANE = 4
LANES = 4


class _Lane:
    """One connection; None is the first, which also carries the looks."""

    def __init__(self, connection: libvirt.virConnect | None, deeds: int) -> None:
        self.connection = connection
        self.room = deeds
        self.users = 0


class Lanes:
    """The connections of one endpoint by their use; `most` further ones are opened at most."""

    def __init__(self, opened: Callable[[], libvirt.virConnect], most: int = LANES) -> None:
        """Nothing is opened before it is needed."""
        self._opened = opened
        self._most = most
        self._lock = threading.Lock()
        self._opening = 0
        self._lanes = [_Lane(None, DEEDS_BESIDE_LOOKS)]
        self._mine = threading.local()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Let this thread work on the connection with the most room.

        Where no further one can be opened, it shares one with more deeds than it has room for.
        """
        lane = self._take()
        before, self._mine.lane = getattr(self._mine, "lane", None), lane
        try:
            yield
        finally:
            self._mine.lane = before
            self._leave(lane)

    def mine(self) -> libvirt.virConnect | None:
        """Return this thread's further connection, also a broken one; None for the first.

        Whoever works with handles of a broken connection must see that it is broken.
        """
        lane: _Lane | None = getattr(self._mine, "lane", None)
        return None if lane is None else lane.connection

    def hold(self) -> Callable[[], None]:
        """Keep the room that this thread has taken until what is returned is called, once."""
        lane: _Lane | None = getattr(self._mine, "lane", None)
        if lane is None:
            return lambda: None
        with self._lock:
            lane.users += 1
        return lambda: self._leave(lane)

    def close(self) -> None:
        """Give all further connections back."""
        with self._lock:
            closing, self._lanes = self._lanes[1:], self._lanes[:1]
        for lane in closing:
            _close(lane)

    def _take(self) -> _Lane:
        with self._lock:
            self._drop_broken()
            lane = max(self._lanes, key=lambda lane: lane.room - lane.users)
            if lane.users < lane.room or len(self._lanes) + self._opening > self._most:
                lane.users += 1
                return lane
            self._opening += 1
        fresh = self._open()
        with self._lock:
            self._opening -= 1
            if fresh is not None:
                self._lanes.append(fresh)
            lane = fresh or lane
            lane.users += 1
            return lane

    def _open(self) -> _Lane | None:
        try:
            return _Lane(self._opened(), DEEDS_PER_LANE)
        except AnypoolError as error:
            log.warning("no further connection: %s", error)
            return None

    def _drop_broken(self) -> None:
        broken = [one for one in self._lanes if one.connection and not one.connection.isAlive()]
        for lane in broken:
            self._lanes.remove(lane)
            _close(lane)

    def _leave(self, lane: _Lane) -> None:
        with self._lock:
            lane.users -= 1


def _close(lane: _Lane) -> None:
    with contextlib.suppress(libvirt.libvirtError):
        if lane.connection is not None:
            lane.connection.close()
