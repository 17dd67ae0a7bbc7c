"""The managers of one database: who leads, who stands by, and how the one that leads is reached."""

import threading

from msgspec import Struct

from anypool.engine import Engine
from anypool.service.access import Deed, Principal, require
from anypool.store import Store, lease, peers
from anypool.store.peers import Peer
from anypool.store.records import Lease

KNOWN_FOR_S = 1.0
"""For how long the manager that leads is taken to be the same, without a look at the database."""


class ManagerState(Struct, frozen=True, kw_only=True):
    """A manager: `silent_s` is since when it gave no sign of life, `epoch` 0 if it stands by.

    `pools` are those it decides for: all, or none. `here` is the one that answers.
    """

    id: str
    host: str
    address: str
    release: str
    leads: bool
    here: bool
    epoch: int
    pools: tuple[str, ...]
    started_at: float
    silent_s: float


class Managers:
    """What is known of all managers, from the records that they share."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store
        self._lock = threading.Lock()
        self._leader: tuple[float, Peer | None] = (0.0, None)

    @property
    def here(self) -> str:
        """Return the name of the machine that this manager runs on."""
        return self._engine.keeper.peer.host

    def all(self, by: Principal) -> tuple[ManagerState, ...]:
        """Return every manager that gave a sign of life within a day, the oldest first."""
        require(by, Deed.READ)
        with self._store.reading() as tx:
            held, known, now = lease.look(tx), peers.every(tx), tx.now
        pools = tuple(sorted(str(pool.id) for pool in self._engine.pools.all()))
        return tuple(self._state(one, held, pools, now) for one in known)

    def leader(self) -> Peer | None:
        """Return the manager that leads, if it is another one and known; None else.

        For requests that are passed on; they are judged where they arrive.
        """
        if self._engine.leads:
            return None
        with self._lock:
            at, found = self._leader
            now = self._engine.now()
            if abs(now - at) > KNOWN_FOR_S:
                found = self._look()
                self._leader = (now, found)
            return found

    def _look(self) -> Peer | None:
        with self._store.reading() as tx:
            holder = lease.look(tx).holder
            known = {one.holder: one for one in peers.every(tx)}
        mine = self._engine.keeper.peer.holder
        return None if holder in ("", mine) else known.get(holder)

    def _state(self, one: Peer, held: Lease, pools: tuple[str, ...], now: float) -> ManagerState:
        leads = one.holder == held.holder
        return ManagerState(
            id=one.holder,
            host=one.host,
            address=one.address,
            release=one.release,
            leads=leads,
            here=one.holder == self._engine.keeper.peer.holder,
            epoch=held.epoch if leads else 0,
            pools=pools if leads else (),
            started_at=one.started_at,
            silent_s=max(0.0, now - one.seen_at),
        )
