"""Being the one manager: taking the lease, keeping it, noticing its loss."""

import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from uuid import uuid4

from msgspec.structs import replace

from anypool.clock import Clock
from anypool.drivers.wire import Mandate
from anypool.engine.signs import Signs
from anypool.errors import AnypoolError, Conflict
from anypool.store import Store, peers
from anypool.store.peers import Peer

log = logging.getLogger(__name__)


class Keeper:
    """Tries to hold the lease; calls `lead` once it does and `retire` once it does not.

    Workers hear through `told` until when they may do deeds, and `last` is called before
    the lease is given back: nothing may be under way in them any more when it returns.
    `pause` is called instead by a manager that gives it back and goes on, because somebody
    asked it to leave the work to others. `shown` gives the certificate, as PEM, that this
    manager shows; "" without TLS.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        ttl_s: float,
        roles: tuple[Callable[[], None], Callable[[], None]],
    ) -> None:
        self._store = store
        self._ttl_s = ttl_s
        self._clock = clock
        self._signs = Signs(clock, ttl_s)
        self._others = False
        self._rests_until = 0.0
        lead, retire = roles
        self._lead = lead
        self._retire = retire
        self._held = False
        name = socket.gethostname()
        self.peer = Peer(holder=f"{name}:{os.getpid()}:{uuid4().hex[:8]}", host=name)
        self.told: Callable[[Mandate], None] = lambda _: None
        self.last: Callable[[], None] = lambda: None
        self.pause: Callable[[], None] = lambda: None
        self.shown: Callable[[], str] = lambda: ""

    @property
    def held(self) -> bool:
        """Say whether this manager leads, as far as it knows."""
        return self._held

    def introduce(self, address: str, release: str, at: float) -> None:
        """Let other managers know from now on how this one is reached, and since when it is."""
        self.peer = replace(self.peer, address=address, release=release, started_at=at)

    def _present(self) -> Peer:
        """Return this manager with the certificate that it shows now; it may be renewed."""
        with suppress(OSError):
            self.peer = replace(self.peer, certificate=self.shown())
        return self.peer

    def may_act(self) -> bool:
        """Return whether nobody else can have taken over; asked before every deed."""
        return self._held and self._store.lease_left_s() > 0

    def round(self) -> float:
        """Take or renew the lease; return the seconds until the next time."""
        self._store.write_as_leader_only()
        leaves = self._leaves()
        if not self._held:
            self._try(wanted=not leaves)
        elif self.still_held() and leaves:
            self.hand_over()
        return self._ttl_s / 4

    def _leaves(self) -> bool:
        """Return whether somebody asked this manager to leave the work to others that are there."""
        try:
            with self._store.reading() as tx:
                known, drained = peers.every(tx), peers.all_drained(tx)
        except AnypoolError:
            return False
        others = self._signs.look(one for one in known if one.holder != self.peer.holder)
        self._others = bool(others)
        return self.peer.holder in drained and bool(others - drained)

    def hand_over(self) -> None:
        """Step down, and stand by from now on; nothing is under way in the workers then."""
        log.warning("the work is left to another manager, as somebody asked for")
        self._held = False
        self._retire()
        self.pause()
        try:
            self._store.give_lease()
        except AnypoolError as error:
            log.warning("the lease is not given back: %s", error)

    def still_held(self) -> bool:
        """Renew the lease now; return whether this manager leads.

        After a commit of which nobody knows whether it was done it leads no more, and reads
        everything anew when it does again.
        """
        if self._store.in_doubt:
            log.warning("a change may be stored or not: all records are read anew")
            self._held = False
            self._retire()
            return False
        try:
            self._store.renew_lease(self._present())
        except Conflict:
            log.warning("another manager took over")
            self._held = False
            self._retire()
            return False
        except AnypoolError as error:
            log.warning("the lease is not renewed: %s", error)
        self._tell()
        return self._held

    def give(self) -> None:
        """Step down."""
        if self._held:
            self._held = False
            self.last()
            try:
                self._store.give_lease()
            except AnypoolError as error:
                log.warning("the lease is not given back: %s", error)
        with suppress(AnypoolError), self._store.writing(shared=True) as tx:
            peers.forget(tx, self.peer.holder)

    def _try(self, *, wanted: bool) -> None:
        """Take the lease if it is free and `wanted`; give a sign of life in either case."""
        try:
            if not wanted or self._clock.monotonic() < self._rests_until:
                self._store.show(self._present())
                return
            epoch = self._store.take_lease(self.peer.holder, self._ttl_s, self._present())
        except AnypoolError as error:
            log.warning("the lease is not taken: %s", error)
            return
        if epoch is not None:
            self._held = True
            self._tell()
            self._begin()

    def _begin(self) -> None:
        """Begin to lead, or do not lead at all: nobody may who has not read everything.

        Who cannot leaves the lease to others for a while, where there are any.
        """
        try:
            self._lead()
        except BaseException as error:
            self._held = False
            self._retire()
            if self._others and isinstance(error, Exception):
                self._rests_until = self._clock.monotonic() + 2 * self._ttl_s
                with suppress(AnypoolError):
                    self._store.give_lease()
            if not isinstance(error, AnypoolError):
                raise
            log.warning("the records cannot be read: %s; trying again", error)

    def _tell(self) -> None:
        if (mandate := self._store.mandate()) is not None:
            site, epoch, until = mandate
            self.told(Mandate(site=site, epoch=epoch, until=until))
