"""What is known now, for many readers at once, and who wants to hear of changes."""

import threading
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from anypool.model import Inventory

Kind = Literal["vm", "host", "datastore", "network", "image", "plan", "run", "event", "endpoint",
               "pool", "policy", "service", "rollout", "resync", "server", "profile",
               "calendar"]  # fmt: skip

LIMIT = 1000


class Notice(Struct, frozen=True, gc=False):
    """Something about an object is new; `resync` means that notices were left out."""

    kind: Kind
    id: str = ""


class Subscription:
    """A bounded queue of notices for one reader, one for each object at most.

    A reader that falls more than `limit` objects behind gets a single `resync`.
    """

    def __init__(self, board: "Board", limit: int = LIMIT) -> None:
        self._board = board
        self._limit = limit
        self._waiting: dict[Notice, None] = {}
        self._news = threading.Condition()
        self._closed = False

    def put(self, notices: Iterable[Notice]) -> None:
        """Add notices; never blocks."""
        with self._news:
            self._waiting.update(dict.fromkeys(notices))
            if len(self._waiting) > self._limit:
                self._waiting = {Notice("resync"): None}
            self._news.notify_all()

    def get(self, timeout_s: float) -> tuple[Notice, ...]:
        """Return all that is new, after at most `timeout_s`; empty if nothing is."""
        with self._news:
            self._news.wait_for(lambda: self._waiting or self._closed, timeout_s)
            found, self._waiting = tuple(self._waiting), {}
            return found

    @property
    def closed(self) -> bool:
        """Say whether no more notices will come."""
        return self._closed

    def close(self) -> None:
        """Hear no more; harmless when repeated."""
        self._board.unsubscribe(self)
        with self._news:
            self._closed = True
            self._news.notify_all()

    def __enter__(self) -> "Subscription":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Board:
    """The current inventory with its version; read without a lock, replaced as a whole."""

    def __init__(self) -> None:
        self._current: tuple[Inventory, int] = (Inventory(), 0)
        self._subscriptions: frozenset[Subscription] = frozenset()
        self._writing = threading.Lock()

    @property
    def inventory(self) -> Inventory:
        """Return what is known now."""
        return self._current[0]

    @property
    def version(self) -> int:
        """Return a number that grows with every change of the inventory."""
        return self._current[1]

    def publish(self, inventory: Inventory, notices: Iterable[Notice]) -> None:
        """Replace the inventory and tell the subscribers."""
        with self._writing:
            self._current = (inventory, self._current[1] + 1)
        self.tell(notices)

    def tell(self, notices: Iterable[Notice]) -> None:
        """Tell the subscribers of changes outside the inventory."""
        found = tuple(notices)
        for subscription in self._subscriptions:
            subscription.put(found)

    def subscribe(self) -> Subscription:
        """Return a new queue that gets every notice from now on."""
        subscription = Subscription(self)
        with self._writing:
            self._subscriptions |= {subscription}
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forget a queue; quiet if it is not known."""
        with self._writing:
            self._subscriptions -= {subscription}
