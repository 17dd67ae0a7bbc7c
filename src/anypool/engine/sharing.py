"""Sharing out: the manager that leads deals the looks at pools to all that are alive."""

import logging
import secrets
from collections.abc import Iterable

from anypool.clock import Clock
from anypool.drivers.lent import Links, lendable
from anypool.drivers.link import Place
from anypool.engine.deal import deal
from anypool.engine.engine import Engine
from anypool.engine.signs import Signs
from anypool.engine.threads import Looking
from anypool.errors import AnypoolError
from anypool.settings import Settings
from anypool.store import Store, peers, poolleases
from anypool.store.peers import Peer
from anypool.store.poolleases import PoolLease, digest

log = logging.getLogger(__name__)

AVOID_S = 60.0
"""For how long a manager gets no pool to which nothing came through."""


class Sharing(Looking):
    """One deal at a time, while this manager leads; `links` are told where each pool is."""

    def __init__(
        self, engine: Engine, store: Store, clock: Clock, settings: Settings, links: Links
    ) -> None:
        super().__init__("sharing", clock)
        self._engine = engine
        self._store = store
        self._clock = clock
        self._lease_s = settings.lease_s
        self._links = links
        self._signs = Signs(clock, settings.lease_s)
        self._reign = 0
        self._keys: dict[str, str] = {}
        self._avoided: dict[str, float] = {}

    def stop(self) -> None:
        """End after the round that is under way, and look at everything ourselves."""
        super().stop()
        self._links.use({})

    def round(self) -> float:
        """Deal anew if anything changed; return the seconds until the next time."""
        mandate = self._store.mandate()
        if not self._engine.leads or mandate is None:
            self._reign = 0
            self._links.use({})
            return self._lease_s / 12
        try:
            self._share(mandate[1])
        except AnypoolError as error:
            log.warning("pools are not shared out anew: %s", error)
        return self._lease_s / 4

    def _share(self, reign: int) -> None:
        with self._store.reading() as tx:
            known, drained = peers.every(tx), peers.all_drained(tx)
            leases = poolleases.every(tx)
        me = self._engine.keeper.peer
        others = self._hands((one for one in known if one.holder != me.holder), drained)
        near = all(one.host == me.host for one in others.values())
        names = (me.holder, *sorted(others))
        dealt = deal(self._weights(near=near), names, {one.pool: one.holder for one in leases})
        if self._reign != reign:
            self._keys = {}
        missing = others.keys() - self._keys.keys()
        if self._reign != reign or missing or dealt != {one.pool: one.holder for one in leases}:
            self._keys |= {holder: secrets.token_hex(32) for holder in missing}
            digests = {holder: digest(key) for holder, key in self._keys.items()}
            with self._store.writing() as tx:
                leases = poolleases.deal(tx, dealt, digests)
            self._reign = reign
        self._links.use(self._places(leases, others))

    def _hands(self, known: Iterable[Peer], drained: frozenset[str]) -> dict[str, Peer]:
        """Return the other managers that can be given pools, by id."""
        me, now = self._engine.keeper.peer, self._clock.monotonic()
        known = tuple(known)
        alive = self._signs.look(known)
        for holder, down_s in self._links.down().items():
            if down_s > self._lease_s:
                log.warning("%s gets no pools for a while: nothing comes through to it", holder)
                self._avoided[holder] = now + AVOID_S
        self._avoided = {holder: at for holder, at in self._avoided.items() if at > now}
        return {
            one.holder: one
            for one in known
            if one.holder in alive - drained - self._avoided.keys()
            and one.address
            and not peers.only_there(one, me.host)
        }

    def _weights(self, *, near: bool) -> dict[str, int]:
        """Return how many endpoints each pool has whose looks can be lent."""
        weights = {str(pool.id): 0 for pool in self._engine.pools.all()}
        for one in self._engine.endpoints():
            if one.pool in weights:
                weights[one.pool] += lendable(one, near=near)
        return weights

    def _places(self, leases: Iterable[PoolLease], others: dict[str, Peer]) -> dict[str, Place]:
        me = self._engine.keeper.peer
        return {
            one.pool: Place(
                holder=one.holder,
                url=others[one.holder].address,
                key=self._keys[one.holder],
                epoch=one.epoch,
                near=others[one.holder].host == me.host,
                certificate=others[one.holder].certificate,
            )
            for one in leases
            if one.holder in others
        }
