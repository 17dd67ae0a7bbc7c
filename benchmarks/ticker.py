"""When the guest ticked, as its console shows it."""

import re
import threading
import time
from itertools import pairwise
from pathlib import Path
from types import TracebackType

LOOK_S = 0.005
_TICK = re.compile(rb"tick (\d+)")


class Ticker:
    """Follow a console log; remember at which monotonic second each tick came."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._stop = threading.Event()
        self._ticks: list[float] = []
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> "Ticker":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def count(self) -> int:
        """Return how many ticks were seen."""
        return len(self._ticks)

    def latest_ms(self, since: float, until: float, every_s: float) -> float:
        """Return by how much the latest tick between two moments was late."""
        inside = [tick for tick in self._ticks if since - every_s <= tick <= until]
        gaps = [b - a for a, b in pairwise(inside)]
        return 1000 * max(0.0, max(gaps, default=until - since) - every_s)

    def _follow(self) -> None:
        with self._log.open("rb") as file:
            rest = b""
            while not self._stop.wait(LOOK_S):
                rest += file.read()
                found = list(_TICK.finditer(rest))
                self._ticks += [time.monotonic()] * len(found)
                rest = rest[found[-1].end() :] if found else rest[-64:]
