"""How much of what anybody may send is taken: pure, with the time given."""

from collections import OrderedDict
from collections.abc import Hashable


class Bucket:
    """So many at once, and so many a second after that."""

    def __init__(self, burst: float, per_s: float) -> None:
        self._burst = self._left = burst
        self._per_s = per_s
        self._at: float | None = None

    def take(self, now: float) -> bool:
        """Take one if there is one; `now` in seconds, of any steady clock."""
        since_s = 0.0 if self._at is None else max(0.0, now - self._at)
        self._at = now
        self._left = min(self._burst, self._left + since_s * self._per_s)
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class Lately:
    """What was there within some seconds, the newest `most` of it."""

    def __init__(self, within_s: float, most: int) -> None:
        self._within_s = within_s
        self._most = most
        self._seen: OrderedDict[Hashable, float] = OrderedDict()

    def again(self, what: Hashable, now: float) -> bool:
        """Return whether it was there lately; if not, it is from now on."""
        at = self._seen.get(what)
        if at is not None and now - at < self._within_s:
            return True
        self._seen[what] = now
        self._seen.move_to_end(what)
        while len(self._seen) > self._most:
            self._seen.popitem(last=False)
        return False
