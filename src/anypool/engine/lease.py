"""Being the one manager: taking the lease, keeping it, noticing its loss."""

import logging
import os
import socket
from collections.abc import Callable
from uuid import uuid4

from anypool.errors import AnypoolError, Conflict
from anypool.store import Store

log = logging.getLogger(__name__)


class Keeper:
    """Tries to hold the lease; calls `lead` once it does and `retire` once it does not."""

    def __init__(
        self, store: Store, ttl_s: float, lead: Callable[[], None], retire: Callable[[], None]
    ) -> None:
        self._store = store
        self._ttl_s = ttl_s
        self._lead = lead
        self._retire = retire
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self._held = False

    @property
    def held(self) -> bool:
        """Say whether this manager leads, as far as it knows."""
        return self._held

    def may_act(self) -> bool:
        """Return whether nobody else can have taken over; asked before every deed."""
        return self._held and self._store.lease_left_s() > 0

    def round(self) -> float:
        """Take or renew the lease; return the seconds until the next time."""
        if self._held:
            self.still_held()
        else:
            self._try()
        return self._ttl_s / 4

    def still_held(self) -> bool:
        """Renew the lease now; return whether this manager leads."""
        try:
            self._store.renew_lease()
        except Conflict:
            log.warning("another manager took over")
            self._held = False
            self._retire()
            return False
        except AnypoolError as error:
            log.warning("the lease is not renewed: %s", error)
        return self._held

    def give(self) -> None:
        """Step down."""
        if self._held:
            self._held = False
            try:
                self._store.give_lease()
            except AnypoolError as error:
                log.warning("the lease is not given back: %s", error)

    def _try(self) -> None:
        try:
            epoch = self._store.take_lease(self._holder, self._ttl_s)
        except AnypoolError as error:
            log.warning("the lease is not taken: %s", error)
            return
        if epoch is not None:
            self._held = True
            self._lead()
