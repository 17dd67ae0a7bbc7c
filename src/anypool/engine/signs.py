"""Which other managers are alive: those of whom a new sign was seen within a lease's time.

What they write is compared with what they wrote before, never with a clock of ours.
"""

from collections.abc import Iterable

from anypool.clock import Clock
from anypool.store.peers import Peer


class Signs:
    """What was last seen of each manager, and when we saw it first, by our steady clock."""

    def __init__(self, clock: Clock, good_for_s: float) -> None:
        self._clock = clock
        self._good_for_s = good_for_s
        self._seen: dict[str, tuple[float, float | None]] = {}

    def look(self, peers: Iterable[Peer]) -> frozenset[str]:
        """Take note of the managers as they are in the records; return those that are alive.

        One that is seen for the first time counts from its second sign: the first may be old.
        """
        now = self._clock.monotonic()
        before, self._seen = self._seen, {}
        for peer in peers:
            last, at = before.get(peer.holder, (peer.seen_at, None))
            self._seen[peer.holder] = (peer.seen_at, at if last == peer.seen_at else now)
        alive = {
            holder
            for holder, (_, at) in self._seen.items()
            if at is not None and now - at < self._good_for_s
        }
        return frozenset(alive)
