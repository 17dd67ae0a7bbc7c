"""The managers of one database: who leads, who stands by, and how the one that leads is reached."""

import threading

from msgspec import Struct
from msgspec.structs import replace

from anypool.engine import Engine
from anypool.errors import Conflict, NotFound
from anypool.service.access import Deed, Principal, require
from anypool.store import Store, Tx, events, lease, peers, poolleases
from anypool.store.peers import Peer
from anypool.store.poolleases import PoolLease
from anypool.store.records import Lease

KNOWN_FOR_S = 1.0
"""For how long the manager that leads is taken to be the same, without a look at the database."""

SILENT_S = 10.0
"""Since when a manager gave no sign of life that is not counted on, by the database's clock."""


class LooksAfter(Struct, frozen=True, kw_only=True):
    """A pool that a manager looks after, since when, and the epoch of its lease."""

    pool: str
    epoch: int
    since: float


class ManagerState(Struct, frozen=True, kw_only=True):
    """A manager: `silent_s` is since when it gave no sign of life, `epoch` 0 if it stands by.

    `pools` are those it decides for: all, or none; `looks_after` are those it looks at for the
    one that leads, or for itself. `drained` says that it is to leave the work
    to others. `here` is the one that answers.
    """

    id: str
    host: str
    address: str
    release: str
    leads: bool
    drained: bool
    here: bool
    epoch: int
    pools: tuple[str, ...]
    looks_after: tuple[LooksAfter, ...] = ()
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
            drained, leases = peers.all_drained(tx), poolleases.every(tx)
        pools = tuple(sorted(str(pool.id) for pool in self._engine.pools.all()))
        states = (self._state(one, held, pools, now) for one in known)
        mine: dict[str, list[LooksAfter]] = {}
        for lease_ in leases:
            mine.setdefault(lease_.holder, []).append(_looks_after(lease_))
        return tuple(
            replace(one, drained=one.id in drained, looks_after=tuple(mine.get(one.id, ())))
            for one in states
        )

    def drain(self, by: Principal, key: str) -> ManagerState:
        """Let a manager leave the work to the others, until it ends or is called back.

        Raises `NotFound`, and `Conflict` if nobody would be left to work.
        """
        require(by, Deed.MANAGE_MANAGERS)
        with self._store.writing(shared=True) as tx:
            one = _named(tx, key)
            drained = peers.all_drained(tx) | {one.holder}
            left = [peer for peer in peers.every(tx) if peer.holder not in drained]
            if not any(tx.now - peer.seen_at < SILENT_S for peer in left):
                raise Conflict(
                    f"no other manager is there that could work instead of {one.holder}",
                    hint="start another one on this database first",
                )
            if one.holder not in peers.all_drained(tx):
                peers.drain(tx, one.holder, by.name)
                events.note(tx, ("manager", one.holder), f"{one.holder} is drained", by.name)
        return self._found(by, one.holder)

    def call_back(self, by: Principal, key: str) -> ManagerState:
        """Let a manager that was drained work again; raise `NotFound`."""
        require(by, Deed.MANAGE_MANAGERS)
        with self._store.writing(shared=True) as tx:
            one = _named(tx, key)
            if one.holder in peers.all_drained(tx):
                peers.call_back(tx, one.holder)
                events.note(tx, ("manager", one.holder), f"{one.holder} may work again", by.name)
        return self._found(by, one.holder)

    def _found(self, by: Principal, holder: str) -> ManagerState:
        for one in self.all(by):
            if one.id == holder:
                return one
        raise NotFound(f"the manager {holder} has just ended", hint="nothing is left to do")

    @property
    def leads_here(self) -> bool:
        """Whether this manager leads now."""
        return self._engine.leads

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
            drained=False,
            here=one.holder == self._engine.keeper.peer.holder,
            epoch=held.epoch if leads else 0,
            pools=pools if leads else (),
            started_at=one.started_at,
            silent_s=max(0.0, now - one.seen_at),
        )


def _looks_after(one: PoolLease) -> LooksAfter:
    return LooksAfter(pool=one.pool, epoch=one.epoch, since=one.since)


def _named(tx: Tx, key: str) -> Peer:
    """Return a manager by its id, or by its machine where only one runs there."""
    known = peers.every(tx)
    found = [one for one in known if one.holder == key] or [one for one in known if one.host == key]
    if len(found) == 1:
        return found[0]
    hint = "`anypool manager list` shows their ids"
    if found:
        raise Conflict(f"{len(found)} managers run on {key[:80]}", hint=hint)
    raise NotFound(f"there is no manager {key[:80]!r}", hint=hint)
