"""Stand-ins for watchdogs: a process outside of each server that ends everything in it.

The lab's servers are namespaces, and no kernel has a watchdog for those. So the director reads a
pipe of each server: its warden writes there how many seconds it may be silent. When these are
over, the server is switched off, whatever it does; it stays off, unlike a real one, which boots
again. That is no hardware, and the file beside the pipe says so.
"""

import json
import os
import select
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

IDENTITY = "stand-in of anypool's lab: a process outside of the server, no hardware"
LIMIT = f"the watchdogs of its servers are no hardware: {IDENTITY.partition(': ')[2]}"
_TURN_S = 0.2


def make(pipe: Path) -> None:
    """Make the pipe of one server, and say beside it what it is."""
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    pipe.with_name(f"{pipe.name}.identity").write_text(json.dumps({"identity": IDENTITY}))


class StandIns:
    """The stand-ins of all servers; `bite` is told whom to end."""

    def __init__(self, pipes: Mapping[str, Path], bite: Callable[[str], None]) -> None:
        self._handles = {
            os.open(pipe, os.O_RDWR | os.O_NONBLOCK): name for name, pipe in pipes.items()
        }
        self._bite = bite
        self._lock = threading.Lock()
        self._ends: dict[str, float] = {}

    def calm(self, name: str) -> None:
        """Watch a server no more until it is fed again: it is off."""
        with self._lock:
            self._ends.pop(name, None)

    def run(self) -> None:
        """Watch for ever."""
        while True:
            self.turn(_TURN_S)

    def turn(self, wait_s: float) -> None:
        """Read what was written, and end those whose time is over."""
        ready, _, _ = select.select(list(self._handles), [], [], wait_s)
        for handle in ready:
            self._fed(self._handles[handle], os.read(handle, 65536).decode(errors="replace"))
        now = time.monotonic()
        with self._lock:
            over = [name for name, end in self._ends.items() if now >= end]
            for name in over:
                del self._ends[name]
        for name in over:
            threading.Thread(target=self._bite, args=(name,), daemon=True).start()

    def _fed(self, name: str, text: str) -> None:
        said = (text.split() or [""])[-1]
        if said == "V":
            self.calm(name)
        elif said.isdigit():
            with self._lock:
                self._ends[name] = time.monotonic() + int(said)
