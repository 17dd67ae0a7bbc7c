"""What a BMC tells by itself: the stream of its EventService, where it has one.

What is told is not believed: it is a reason to look. So nobody has to reach the manager, a
stream is as trusted as the BMC's certificate, and one that tells nothing costs nothing.
"""

import queue
import threading
from contextlib import suppress

from anypool.drivers.redfish.channel import Listening

IDLE_S = 300.0
LONGEST_LINE = 1 << 16
_MOST_WAITING = 1000


class Stream:
    """A stream that is read on a thread of its own until it ends."""

    def __init__(self, listening: Listening) -> None:
        self._listening = listening
        self._heard: queue.Queue[bool] = queue.Queue(_MOST_WAITING)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="redfish-events", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Return whether it still tells."""
        return not self._ended.is_set()

    def heard(self, wait_s: float) -> bool:
        """Wait until something was told, or the stream ended; many at once count as one."""
        try:
            self._heard.get(timeout=max(0.0, wait_s))
        except queue.Empty:
            return False
        with suppress(queue.Empty):
            while True:
                self._heard.get_nowait()
        return True

    def close(self) -> None:
        """End it."""
        self._listening.close()
        self._thread.join(5.0)

    def _run(self) -> None:
        """An event is some lines with data and then an empty one; others are signs of life."""
        told = False
        try:
            while line := self._listening.line(LONGEST_LINE):
                if line.startswith(b"data:"):
                    told = True
                elif told and not line.strip():
                    told = False
                    with suppress(queue.Full):
                        self._heard.put_nowait(True)
        finally:
            self._ended.set()
            with suppress(queue.Full):
                self._heard.put_nowait(True)
