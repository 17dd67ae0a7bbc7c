"""The store: one database, one writer at a time, and the lease that says who may write."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from anypool.clock import Clock
from anypool.errors import Conflict, StoreFailed
from anypool.store import compat, connect, lease
from anypool.store.failures import explained, explained_commit
from anypool.store.guard import Guard
from anypool.store.migrate import migrate, pending, revision
from anypool.store.records import Lease
from anypool.store.sealing import Vault
from anypool.store.trail import trail
from anypool.store.tx import Tx


class Store:
    """An open database, SQLite or PostgreSQL; its methods may be called from any thread."""

    def __init__(
        self, engine: Engine, *, place: str, clock: Clock, vault: Vault, guard: Guard | None
    ) -> None:
        self.place = place
        self._engine = engine
        self._clock = clock
        self.vault = vault
        self._guard = guard
        self._turn = threading.Lock()
        self._writer: int | None = None
        self._epoch: int | None = None
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
        place = parsed.render_as_string(hide_password=True)
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
                since = _silent_since(engine, clock)
                with connect.writing(engine) as (connection, _):
                    migrate(connection, place, silent_since=since)
        except BaseException:
            store.close()
            raise
        return store

    @contextmanager
    def writing(self) -> Iterator[Tx]:
        """Give a write transaction: committed when the block ends, undone if it raises.

        Keep it short, wait for nothing in it and do not nest it: all others wait. Raise
        `Conflict` if we held the lease and another manager took over, `StoreFailed` when
        the database cannot be written, and `OutcomeUnknown` if its answer to the commit
        was lost.
        """
        with self._transaction() as tx:
            try:
                lease.check(tx, self._epoch)
            except Conflict:
                self._good_until = 0.0
                raise
            yield tx
            trail(tx)

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """Give a transaction that sees one moment of the database and cannot write."""
        with explained(self.place), connect.reading(self._engine) as connection:
            yield Tx(connection, self._clock.now(), self.vault)

    def take_lease(self, holder: str, ttl_s: float) -> int | None:
        """Become the manager; return the new epoch, or None while another may be alive.

        It is free if it was given back, if its holder's process on this machine has
        ended, or if its holder gave no sign of life for its time to live since our first
        attempt: so ask again every now and then. Every later write checks the epoch.
        """
        guarded = self._guard is not None and self._guard.take()
        begun = self._clock.monotonic()
        with self._transaction() as tx:
            old = lease.read(tx)
            ended = guarded and old.guarded
            vacant = not old.holder and (guarded or self._guard is None)
            free = ended or vacant or self._silent(old, begun, ttl_s)
            epoch = lease.take(tx, holder, ttl_s, guarded=guarded) if free else None
        if epoch is None:
            self._release()
        else:
            self._epoch, self._ttl_s, self._good_until = epoch, ttl_s, begun + ttl_s
        return epoch

    def renew_lease(self) -> None:
        """Give a sign of life, several times within the time to live; errors as `writing`."""
        guarded = self._guard is not None and self._guard.take()
        begun = self._clock.monotonic()
        with self.writing() as tx:
            lease.renew(tx, guarded=guarded)
        self._good_until = begun + self._ttl_s

    def lease_left_s(self) -> float:
        """Return for how long nobody else can have taken over; look before every deed.

        0.0 when the lease is not held or was not renewed in time.
        """
        if self._epoch is None:
            return 0.0
        return max(0.0, self._good_until - self._clock.monotonic())

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
        turn, engine = self._own_turn(), self._engine
        with turn, explained(self.place), connect.writing(engine) as (connection, transaction):
            yield Tx(connection, self._clock.now(), self.vault)
            with explained_commit(self.place):
                transaction.commit()

    def _release(self) -> None:
        if self._guard is not None:
            self._guard.give()

    def _silent(self, now_seen: Lease, at: float, ttl_s: float) -> bool:
        """Whether nothing happened for a time to live; without a holder, for one of ours.

        A lease without a holder that is guarded is somebody's who is just taking it.
        """
        if self._seen is None or self._seen[0] != now_seen:
            self._seen = (now_seen, at)
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


def _silent_since(engine: Engine, clock: Clock) -> int:
    """Return the last sign of life of a manager that a migration would disturb, 0 for none.

    Another is waited for as long as a lease is good.
    """
    with connect.reading(engine) as connection:
        if not pending(revision(connection)):
            return 0
        last = compat.signs(connection)
    if last.holder:
        clock.wait(threading.Event(), last.ttl_s)
    return last.renewals
