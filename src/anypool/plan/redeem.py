"""The pool as a plan finds it that redeems bookings: the room kept for it is free, for it alone."""

from collections.abc import Iterable

from msgspec.structs import replace

from anypool.model import Inventory
from anypool.plan.plan import Redeemed


def released(inventory: Inventory, redeems: Iterable[Redeemed]) -> Inventory:
    """Return an inventory without what is redeemed; of a host that keeps less, what it keeps."""
    for one in redeems:
        host = inventory.hosts.get(one.host)
        if host is not None:
            left = max(0, host.booked_mib - one.memory_mib)
            inventory = inventory.with_host(replace(host, booked_mib=left))
    return inventory
