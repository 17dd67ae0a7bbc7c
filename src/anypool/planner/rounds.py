"""When a search ends: in time, or after as many rounds as it took the first time."""

from collections.abc import Callable

from anypool.planner import cancel
from anypool.planner.rebalance.search import never

Late = Callable[[], bool]
"""Whether a search is to end with what it has."""


class Rounds:
    """Ends a search after a number of rounds (-1: never), or when `late` says so; counts them."""

    def __init__(self, most: int = -1, late: Late = never) -> None:
        self._most = most
        self._late = late
        self._asked = 0
        self.ended = -1

    def __call__(self) -> bool:
        """Return whether the search is to end; once it is, it stays so. Raise `Cancelled`."""
        cancel.check()
        if self.ended < 0 and (self._asked == self._most or self._late()):
            self.ended = self._asked
        self._asked += 1
        return self.ended >= 0
