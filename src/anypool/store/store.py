"""The store: one database, one writer at a time, and the lease that says who may write."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Engine

from anypool.clock import Clock
from anypool.errors import Conflict, OutcomeUnknown, StoreFailed
from anypool.store import compat, connect, lease, marks, peers
from anypool.store.failures import explained, explained_commit
from anypool.store.guard import Guard
from anypool.store.migrate import migrate, newest, pending, revision
from anypool.store.peers import Peer
from anypool.store.records import Lease
from anypool.store.sealing import Vault
from anypool.store.trail import trail
from anypool.store.tx import Tx

FIND_OUT_S = 10.0
"""For how long the outcome of a commit is asked for whose answer was lost."""
_AGAIN_S = 0.2


class Store:
    """An open database, SQLite or PostgreSQL; its methods may be called from any thread."""

    def __init__(
        self, engine: Engine, *, place: str, clock: Clock, vault: Vault, guard: Guard | None
    ) -> None:
        self.place = place
        self._engine = engine
        self._clock = clock
        self.vault = vault
        self.site = ""
        self._guard = guard
        self._turn = threading.Lock()
        self._writer: int | None = None
        self._epoch: int | None = None
        self._leading_only = False
        self._name = uuid4().hex
        self._marked = False
        self.in_doubt = False
        self._good_until = 0.0
        self._ttl_s = 0.0
        self._seen: tuple[Lease, float] | None = None

    @staticmethod
    def open(
        url: str, *, clock: Clock, key_file: Path | None = None, audit_file: Path | None = None
    ) -> "Store":
        """Open a database and bring it to this release's schema.

        `url` is `sqlite:////path/file` or `postgresql://user:password@host/name`. Secrets
        are encrypted with `key_file`, made when needed; by default it lies beside an
        SQLite file, and PostgreSQL keeps none without it. The audit trail is chained with a
        key in `audit_file`, by default beside the other. Raise `Invalid` for a URL that
        can never work, `StoreFailed` for a database that is read-only, locked, newer
        than this release, somebody else's or not there; nothing is changed then.
        """
        parsed = connect.parse(url)
        place = connect.shown(parsed)
        file = connect.file_of(parsed)
        if file is not None:
            place = str(file)
            key_file = key_file or file.with_name(f"{file.name}.key")
        guard = Guard(file.with_name(f"{file.name}.manager")) if file is not None else None
        vault = Vault(key_file, audit_file)
        engine = connect.engine(parsed)
        store = Store(engine, place=place, clock=clock, vault=vault, guard=guard)
        try:
            with explained(place):
                with connect.reading(engine) as connection:
                    current = revision(connection)
                since = _silent_since(engine, clock, current)
                opening = connect.writing if current == newest() else connect.migrating
                with opening(engine) as (connection, _):
                    migrate(connection, place, silent_since=since)
                    store.site = peers.site(connection)
        except BaseException:
            store.close()
            raise
        return store

    @contextmanager
    def writing(self, *, shared: bool = False) -> Iterator[Tx]:
        """Give a write transaction: committed when the block ends, undone if it raises.

        Keep it short, wait for nothing in it and do not nest it: all others wait. Raise
        `Conflict` if we held the lease when it was asked for and another manager took over,
        `Busy` if a manager that does not lead wants to write, `StoreFailed` when the
        database cannot be written, and `OutcomeUnknown` if its answer to the commit was
        lost and it does not come back to tell. What is `shared` (who may log in, which
        requests were answered) is no property of the pool, and every manager may write it,
        whoever leads.
        """
        epoch = self._epoch
        with self._transaction() as tx:
            self._check(tx, epoch, shared)
            yield tx
            trail(tx)

    def write_as_leader_only(self) -> None:
        """From now on refuse what is not shared while the lease is not held."""
        self._leading_only = True

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """Give a transaction that sees one moment of the database and cannot write."""
        with explained(self.place), connect.reading(self._engine) as connection:
            yield Tx(connection, self._clock.now(), self.vault)

    def take_lease(self, holder: str, ttl_s: float, peer: Peer | None = None) -> int | None:
        """Become the manager; return the new epoch, or None while another may be alive.

        It is free if it was given back or is this holder's own, if its holder's process on
        this machine has ended, or if its holder gave no sign of life for its time to live
        since our first attempt: so ask again every now and then. Every later write checks
        the epoch. That `peer` is there is noted in either case.
        """
        guarded = self._guard is not None and self._guard.take()
        begun = self._clock.monotonic()
        with self._transaction() as tx:
            old = lease.read(tx)
            ended = guarded and old.guarded
            vacant = not old.holder and (guarded or self._guard is None)
            free = old.holder == holder or ended or vacant or self._silent(old, begun, ttl_s)
            epoch = lease.take(tx, holder, ttl_s, guarded=guarded) if free else None
            if peer is not None:
                peers.put(tx, peer)
        if epoch is None:
            self._release()
        else:
            self._epoch, self._ttl_s, self._good_until = epoch, ttl_s, begun + ttl_s
            self.in_doubt = False
        return epoch

    def renew_lease(self, peer: Peer | None = None) -> None:
        """Give a sign of life, several times within the time to live; errors as `writing`."""
        guarded = self._guard is not None and self._guard.take()
        begun = self._clock.monotonic()
        with self.writing() as tx:
            lease.renew(tx, guarded=guarded)
            if peer is not None:
                peers.put(tx, peer)
        self._good_until = begun + self._ttl_s

    def show(self, peer: Peer) -> None:
        """Give a sign of life of a manager that does not want the lease."""
        with self.writing(shared=True) as tx:
            peers.put(tx, peer)

    def lease_left_s(self) -> float:
        """Return for how long nobody else can have taken over; look before every deed.

        0.0 when the lease is not held or was not renewed in time.
        """
        if self._epoch is None:
            return 0.0
        return max(0.0, self._good_until - self._clock.monotonic())

    def mandate(self) -> tuple[str, int, float] | None:
        """Return for which records, in which epoch and until when deeds may be done.

        Until when is in seconds of the monotonic clock; None while the lease is not held.
        """
        return None if self._epoch is None else (self.site, self._epoch, self._good_until)

    def give_lease(self) -> None:
        """Step down, so that another manager need not wait; harmless when it is not held."""
        if self._epoch is None:
            return
        with self._transaction() as tx:
            if lease.read(tx).epoch == self._epoch:
                lease.give(tx)
        self._epoch = None
        self._release()

    def close(self) -> None:
        """Close all connections; a lease that is still held is as if the process had ended."""
        self._engine.dispose()
        self._release()

    @contextmanager
    def _transaction(self) -> Iterator[Tx]:
        mark = ""
        with self._own_turn():
            try:
                with explained(self.place), connect.writing(self._engine) as (open_, transaction):
                    tx = Tx(open_, self._clock.now(), self.vault)
                    yield tx
                    mark = self._mark(tx)
                    with explained_commit(self.place):
                        transaction.commit()
            except OutcomeUnknown as lost:
                if not mark:
                    raise
                self._find_out(mark, lost)
            self._marked = True

    def _mark(self, tx: Tx) -> str:
        """Leave a mark in a transaction that is about to be committed, and return it."""
        mark = uuid4().hex
        if tx.dialect == "postgresql" and tx.checked:
            put = marks.put if self._marked else marks.begin
            put(tx, self._name, mark)
        return mark

    def _find_out(self, mark: str, lost: OutcomeUnknown) -> None:
        """Return if a transaction was committed whose answer was lost.

        Raise `StoreFailed` if it was not, and `lost` if the database does not say: then what
        this process believes may be wrong, and the manager has to read its records anew.
        """
        end = self._clock.monotonic() + FIND_OUT_S
        while self._guard is None:
            try:
                stored = self._is_stored(mark)
            except StoreFailed:
                if self._clock.monotonic() >= end:
                    break
                self._clock.wait(threading.Event(), _AGAIN_S)
                continue
            if stored:
                return
            raise StoreFailed(
                f"the database {self.place} went away; the change was not stored",
                hint="try again; nothing was changed",
            ) from lost
        self.in_doubt, self._good_until = True, 0.0
        raise lost

    def _is_stored(self, mark: str) -> bool:
        """Look once for a mark; a transaction that may still end keeps the lease's row locked."""
        with explained(self.place), connect.writing(self._engine) as (connection, _):
            tx = Tx(connection, self._clock.now(), self.vault)
            lease.read(tx)
            return marks.last(tx, self._name) == mark

    def _check(self, tx: Tx, epoch: int | None, shared: bool) -> None:
        """Lock the lease, and let nobody write as the manager who is none any more."""
        if shared:
            lease.read(tx)
            return
        if self.in_doubt and self._leading_only:
            raise StoreFailed(
                "nobody knows whether the last change was stored",
                hint="the manager reads its records anew in a moment; try again then",
            )
        if epoch is None and self._leading_only:
            raise lease.elsewhere()
        try:
            lease.check(tx, epoch)
        except Conflict:
            self._good_until = 0.0
            raise

    def _release(self) -> None:
        if self._guard is not None:
            self._guard.give()

    def _silent(self, now_seen: Lease, at: float, ttl_s: float) -> bool:
        """Whether nothing happened for a time to live; without a holder, for one of ours.

        A lease without a holder that is guarded is somebody's who is just taking it.
        """
        if self._seen is None or self._seen[0] != now_seen:
            self._seen = (now_seen, self._clock.monotonic())  # it may be renewed since `at`
        return at - self._seen[1] >= (now_seen.ttl_s if now_seen.holder else ttl_s)

    @contextmanager
    def _own_turn(self) -> Iterator[None]:
        """Let the threads of this process wait in line instead of polling the database."""
        if self._writer == threading.get_ident():
            raise RuntimeError("write transactions do not nest")
        if not self._turn.acquire(timeout=6 * connect.BUSY_S):
            raise StoreFailed(f"the database {self.place} is overloaded", hint="try again")
        self._writer = threading.get_ident()
        try:
            yield
        finally:
            self._writer = None
            self._turn.release()


def _silent_since(engine: Engine, clock: Clock, current: str | None) -> int:
    """Return the last sign of life of a manager that a migration would disturb, 0 for none.

    Another is waited for as long as a lease is good.
    """
    if not pending(current):
        return 0
    with connect.reading(engine) as connection:
        last = compat.signs(connection)
    if last.holder:
        clock.wait(threading.Event(), last.ttl_s)
    return last.renewals
