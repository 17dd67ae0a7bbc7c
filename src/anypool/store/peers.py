"""The managers of one database: each says every now and then that it is there."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from msgspec import Struct
from sqlalchemy import Connection, bindparam, delete, inspect, select

from anypool.store.peer_tables import drained, installation, managers
from anypool.store.tx import Tx, from_row, to_row

KEEP_S = 86_400.0
"""How long a manager that fell silent is still listed."""
_FORGET = delete(managers).where(managers.c.seen_at < bindparam("before"))
_FORGET_DRAINED = delete(drained).where(drained.c.holder.not_in(select(managers.c.holder)))


class Peer(Struct, frozen=True, kw_only=True, gc=False):
    """A manager: `holder` names its process, `address` is the URL others reach it by.

    `certificate` is that of its TLS as PEM, "" where it speaks none. Times are in seconds
    since 1970, by the clock of whoever wrote them: for people, nothing is decided by them.
    """

    holder: str
    host: str
    address: str = ""
    certificate: str = ""
    release: str = ""
    started_at: float = 0.0
    seen_at: float = 0.0


def site(connection: Connection) -> str:
    """Return the name of these records: 12 hexadecimal digits; "" in a schema without one."""
    if not inspect(connection).has_table(installation.name):
        return ""
    return str(connection.execute(select(installation.c.site)).scalar() or "")


def put(tx: Tx, peer: Peer) -> None:
    """Note a sign of life, and forget those who have given none for a day."""
    tx.run(_FORGET, [{"before": tx.now - KEEP_S}])
    tx.run(_FORGET_DRAINED)
    tx.put(managers, [{**to_row(peer), "seen_at": tx.now}])


def forget(tx: Tx, holder: str) -> None:
    """Forget a manager that ends."""
    tx.run(delete(managers).where(managers.c.holder == holder))
    tx.run(delete(drained).where(drained.c.holder == holder))


def every(tx: Tx) -> tuple[Peer, ...]:
    """Return all that are known, the one that has been at work longest first."""
    rows = tx.rows(select(managers).order_by(managers.c.started_at, managers.c.holder))
    return tuple(from_row(row, Peer) for row in rows)


def drain(tx: Tx, holder: str, by: str) -> None:
    """Note that a manager is to leave the work to others, until it ends or is called back."""
    tx.put(drained, [{"holder": holder, "by": by, "at": tx.now}])


def call_back(tx: Tx, holder: str) -> None:
    """Let a manager that was drained work again; quiet for one that was not."""
    tx.run(delete(drained).where(drained.c.holder == holder))


def all_drained(tx: Tx) -> frozenset[str]:
    """Return the managers that are to leave the work to others."""
    return frozenset(str(row.holder) for row in tx.rows(select(drained.c.holder)))


def only_there(peer: Peer, here: str) -> bool:
    """Return whether a manager is on another machine than `here`, and listens for that one only."""
    if peer.host == here:
        return False
    host = urlsplit(peer.address).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
