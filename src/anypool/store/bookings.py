"""Room that is kept on hosts for VMs to come."""

from collections.abc import Sequence

from sqlalchemy import delete, func, select

from anypool.model import Booking, BookingId, HostId
from anypool.store.kept_tables import bookings
from anypool.store.tx import Told, Tx, from_row, to_row

_ADD = bookings.insert()


def add(tx: Tx, made: Sequence[Booking]) -> None:
    """Keep bookings; the caller tells the audit trail, on behalf of each who asked."""
    tx.run(_ADD, [to_row(one) for one in made])


def told(made: Booking) -> Told:
    """Return what the audit trail says of a new booking."""
    detail = f"{made.memory_mib} MiB on {made.host} for {made.name}"
    return Told("booking.made", "booking", made.id, detail, by=made.by)


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
        tx.run(delete(bookings).where(bookings.c.id == key))
        tx.tell(Told("booking.dropped", "booking", key, f"room for {found.name}", by=by))
    return found


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
