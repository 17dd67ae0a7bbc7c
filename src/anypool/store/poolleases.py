"""Which manager looks after which pool: dealt by the one that leads, read by all."""

from collections.abc import Iterable, Mapping
from hashlib import sha256

from msgspec import Struct
from sqlalchemy import delete, select

from anypool.store.peer_tables import pool_leases
from anypool.store.tx import Tx, from_row, to_row


class PoolLease(Struct, frozen=True, kw_only=True, gc=False):
    """One pool's lease; its `epoch` grows with everyone it is given to.

    `since` is in seconds since 1970. `key_digest` is that of the key by which the manager that
    leads shows itself to this one, "" for its own pools.
    """

    pool: str
    holder: str
    epoch: int
    since: float
    key_digest: str = ""


def digest(key: str) -> str:
    """Return what is kept of a key."""
    return sha256(key.encode()).hexdigest()


def every(tx: Tx) -> tuple[PoolLease, ...]:
    """Return all leases by pool."""
    rows = tx.rows(select(pool_leases).order_by(pool_leases.c.pool))
    return tuple(from_row(row, PoolLease) for row in rows)


def deal(tx: Tx, to: Mapping[str, str], digests: Mapping[str, str]) -> tuple[PoolLease, ...]:
    """Give every pool in `to` to its manager, with that one's digest; return all leases.

    Epochs grow, also of pools that stay where they are. Others have no lease any more.
    """
    old = {one.pool: one for one in every(tx)}
    new = []
    for pool, holder in sorted(to.items()):
        before = old.get(pool)
        new.append(
            PoolLease(
                pool=pool,
                holder=holder,
                epoch=1 if before is None else before.epoch + 1,
                since=before.since if before is not None and before.holder == holder else tx.now,
                key_digest=digests.get(holder, ""),
            )
        )
    _drop(tx, old.keys() - to.keys())
    tx.put(pool_leases, [to_row(one) for one in new])
    return tuple(new)


def _drop(tx: Tx, pools: Iterable[str]) -> None:
    for pool in sorted(pools):
        tx.run(delete(pool_leases).where(pool_leases.c.pool == pool))
