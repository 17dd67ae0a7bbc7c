"""The lease: one row that says who manages the pool, with an epoch that only grows.

Every write transaction locks the row first and compares the epoch, so that a manager
that was frozen and wakes up too late cannot write (the row is locked until the commit:
nobody takes over in between). It also puts all writers in one line, so that events are
numbered in the order in which they became visible.

Nobody compares the clocks of two machines. A challenger takes over when it has seen the
row unchanged for its time to live, on its own monotonic clock; the holder counts the
same time from before it wrote, so it always stops believing first.
"""

from typing import Any

from sqlalchemy import Row, select, update

from anypool.errors import Busy, Conflict
from anypool.store import tables
from anypool.store.records import Lease
from anypool.store.tx import Tx, from_row

_row = tables.lease
_LOCKED = select(_row).with_for_update()
_LOOK = select(_row)
_RENEW = update(_row).values(renewals=_row.c.renewals + 1)
_TAKE = _RENEW.values(epoch=_row.c.epoch + 1)


def read(tx: Tx) -> Lease:
    """Return the lease; in a write transaction, nobody changes it until that ends."""
    found = _found(tx.row(_LOCKED))
    tx.checked = True
    return found


def look(tx: Tx) -> Lease:
    """Return the lease as `read` does, in a transaction that may only read."""
    return _found(tx.row(_LOOK))


def check(tx: Tx, epoch: int | None) -> None:
    """Lock the lease; raise `Conflict` if `epoch` is not None and no longer the current one."""
    lease = read(tx)
    if epoch is not None and lease.epoch != epoch:
        by = lease.holder or "nobody"
        raise Conflict(
            f"another manager took over: epoch {lease.epoch} is held by {by}, ours was {epoch}",
            hint="stop this manager; the other one continues its work",
        )


def elsewhere() -> Busy:
    """Return the error for what only the manager that leads may do."""
    return Busy("another manager is at work on this database", hint="ask that one")


def take(tx: Tx, holder: str, ttl_s: float, *, guarded: bool) -> int:
    """Make `holder` the manager; return the new epoch. The transaction has read the lease."""
    values = {"holder": holder, "ttl_s": ttl_s, "renewed_at": tx.now, "guarded": guarded}
    tx.run(_TAKE, [values])
    return read(tx).epoch


def renew(tx: Tx, *, guarded: bool) -> None:
    """Give a sign of life; the transaction has checked the epoch."""
    values = {"renewed_at": tx.now, "guarded": guarded}
    tx.run(_RENEW, [values])


def give(tx: Tx) -> None:
    """Hold the lease no longer; the transaction has checked the epoch, which stays."""
    values = {"holder": "", "renewed_at": tx.now, "guarded": False}
    tx.run(_RENEW, [values])


def _found(row: Row[Any] | None) -> Lease:
    if row is None:
        raise Conflict("the lease is missing from the database", hint="restore it from its backup")
    return from_row(row, Lease)
