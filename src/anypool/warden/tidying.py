"""Forgetting the records of VMs that nobody has held for long: of most there is no VM any more.

No time is in a record. For how long one did not change is measured on the clock of whoever
looks, as with leases, from the first look on. A VM that is only stopped loses nothing by it:
with no record it may be started as with one that nobody holds.

The thread that looks is the one that renews the lease: between its last look at a record and
the removal it cannot be held up for long without the lease being lost.
"""

from __future__ import annotations

from anypool.warden.holdings import Holdings, Unreadable
from anypool.warden.record import Holding

FREE_S = 7 * 86_400.0
EVERY_S = 3600.0


class Tidying:
    """What is free since when on one datastore; used by one thread."""

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        self._free: dict[str, tuple[Holding, float]] = {}
        self._looked_at = -float("inf")

    def turn(self, now: float) -> int:
        """Look if it is time to, and forget what was free for long; return how many.

        Raise `OSError` or `Unreadable` if the folder cannot be listed.
        """
        if now - self._looked_at < EVERY_S:
            return 0
        self._looked_at = now
        free: dict[str, tuple[Holding, float]] = {}
        forgotten = 0
        for vm in self._holdings.all():
            last = self._last(vm)
            if last is None or last.owner is not None or last.heir is not None:
                continue
            known = self._free.get(vm)
            since = known[1] if known is not None and known[0] == last else now
            if now - since >= FREE_S:
                self._holdings.forget(last)
                forgotten += 1
            else:
                free[vm] = (last, since)
        self._free = free
        return forgotten

    def _last(self, vm: str) -> Holding | None:
        try:
            return self._holdings.last(vm)
        except Unreadable:
            return None
