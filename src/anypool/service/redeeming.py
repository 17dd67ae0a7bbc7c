"""What of a booking new VMs take: all on its host, and no more than it keeps."""

from msgspec.structs import replace

from anypool.errors import Conflict, Invalid
from anypool.model import Booking, Inventory, VmWish
from anypool.plan import Redeemed
from anypool.service import find
from anypool.service.wishes import NewVm


def on_its_host(asked: NewVm, booking: Booking, inventory: Inventory) -> NewVm:
    """Return what is asked for, on the host of a booking.

    Raise `Conflict` if another host is named, `Invalid` if the VMs are not to be started.
    """
    if not asked.start:
        hint = "leave the booking out, or let the VM start"
        raise Invalid("a VM that is not started takes no room that was kept", hint=hint)
    kept = find.host(inventory, booking.host)
    if asked.host is not None and (named := find.host(inventory, asked.host)).id != kept.id:
        where = f"on {kept.name} in pool {kept.pool}"
        there = f"{named.name} in pool {named.pool}" if named.pool != kept.pool else named.name
        hint = "leave the host out, or the booking"
        raise Conflict(f"{booking.id} keeps room {where}, not on {there}", hint=hint)
    return replace(asked, host=kept.id)


def redeemed(booking: Booking, made: tuple[VmWish, ...]) -> Redeemed:
    """Return what VMs take of a booking; raise `Conflict` if it keeps less."""
    needed = sum(wish.memory_mib for wish in made)
    if needed > booking.memory_mib:
        who = made[0].name if len(made) == 1 else f"{len(made)} VMs"
        raise Conflict(
            f"{booking.id} keeps {booking.memory_mib} MiB, {who} would need {needed} MiB",
            hint="ask for less memory, or book the room that is needed",
        )
    return Redeemed(booking=booking.id, host=booking.host, memory_mib=needed)
