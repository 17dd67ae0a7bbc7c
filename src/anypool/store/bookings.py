"""Room that is kept on hosts for VMs to come."""

from collections.abc import Sequence

from sqlalchemy import Delete, delete, func, select, update

from anypool.errors import Conflict
from anypool.model import Booking, BookingId, HostId
from anypool.plan import Redeemed
from anypool.store.kept_tables import bookings
from anypool.store.records import RunRecord
from anypool.store.tx import Told, Tx, from_row, to_row

_ADD = bookings.insert()


def add(tx: Tx, made: Sequence[Booking]) -> None:
    """Keep bookings; the caller tells the audit trail, on behalf of each who asked."""
    tx.run(_ADD, [to_row(one) for one in made])


def told(made: Booking) -> Told:
    """Return what the audit trail says of a new booking."""
    detail = f"{made.memory_mib} MiB on {made.host} for {made.name}"
    return Told("booking.made", "booking", made.id, detail, by=made.by)


def _gone(key: BookingId) -> Delete:
    return delete(bookings).where(bookings.c.id == key)


def get(tx: Tx, key: BookingId) -> Booking | None:
    """Return a booking, None if there is none."""
    row = tx.row(select(bookings).where(bookings.c.id == key))
    return None if row is None else from_row(row, Booking)


def all_(tx: Tx) -> tuple[Booking, ...]:
    """Return all bookings, oldest first."""
    order = select(bookings).order_by(bookings.c.made_at, bookings.c.id)
    return tuple(from_row(row, Booking) for row in tx.rows(order))


def drop(tx: Tx, key: BookingId, by: str) -> Booking | None:
    """Forget a booking and return it, None if there is none."""
    found = get(tx, key)
    if found is not None:
        tx.run(_gone(key))
        tx.tell(Told("booking.dropped", "booking", key, f"room for {found.name}", by=by))
    return found


def redeem(tx: Tx, taken: Redeemed, run: RunRecord) -> None:
    """Take from a booking what a run makes use of; it ends when nothing is left of it.

    Raise `Conflict` where less is left, or nothing, or it is kept elsewhere.
    """
    found = get(tx, taken.booking)
    if found is None or found.host != taken.host:
        raise Conflict(
            f"there is no booking {taken.booking} any more: its time is over, or it was dropped",
            hint="plan it again, without the booking or with another one",
        )
    left = found.memory_mib - taken.memory_mib
    if left < 0:
        raise Conflict(
            f"{taken.booking} keeps {found.memory_mib} MiB by now, the plan takes "
            f"{taken.memory_mib} MiB of it",
            hint="book again, or plan fewer VMs",
        )
    mine = bookings.c.id == taken.booking
    tx.run(update(bookings).where(mine).values(memory_mib=left) if left else _gone(taken.booking))
    detail = f"{taken.memory_mib} MiB on {found.host}, kept for {found.name}; {left} MiB are left"
    told = Told("booking.redeemed", "booking", found.id, detail, by=run.by)
    tx.tell(told._replace(plan=run.plan, run=run.id))


def ended(tx: Tx) -> int:
    """Return how many bookings there are whose time is over."""
    query = select(func.count()).select_from(bookings).where(bookings.c.until <= tx.now)
    return tx.count(query)


def drop_ended(tx: Tx) -> tuple[Booking, ...]:
    """Forget the bookings whose time is over and return them."""
    over = bookings.c.until <= tx.now
    found = tuple(from_row(row, Booking) for row in tx.rows(select(bookings).where(over)))
    if found:
        tx.run(delete(bookings).where(over))
    for one in found:
        tx.tell(Told("booking.ended", "booking", one.id, f"room for {one.name}"))
    return found


def booked_mib(tx: Tx) -> dict[HostId, int]:
    """Return how much memory of each host is kept, in MiB."""
    total = func.sum(bookings.c.memory_mib).label("total")
    rows = tx.rows(select(bookings.c.host, total).group_by(bookings.c.host))
    return {HostId(row.host): int(row.total) for row in rows}
