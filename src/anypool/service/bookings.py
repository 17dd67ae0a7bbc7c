"""Bookings: room that is kept on a host for a VM to come."""

from uuid import uuid4

from msgspec import Struct

from anypool.engine import Engine
from anypool.errors import Invalid
from anypool.model import Booking, BookingId, Disk, Inventory, Nic, Vm, VmId
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.names import checked_name, checked_tags
from anypool.service.wishes import checked_memory, checked_vcpus

LONGEST_S = 86_400.0


class NewBooking(Struct, frozen=True, kw_only=True):
    """The VM to come: what it needs of a host, and for how many seconds that is kept."""

    name: str
    memory_mib: int
    vcpus: int = 1
    cpu_model: str = ""
    datastores: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    for_s: float = 600.0


class Bookings:
    """The use cases of bookings."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list(self, by: Principal) -> tuple[Booking, ...]:
        """Return all bookings, oldest first."""
        require(by, Deed.READ)
        return self._engine.bookings.all()

    def get(self, by: Principal, key: str) -> Booking:
        """Return one booking; raise `NotFound`."""
        require(by, Deed.READ)
        return self._engine.bookings.get(BookingId(key))

    def make(self, by: Principal, asked: NewBooking) -> Booking:
        """Keep room on the best host; raise `Invalid`, `NotFound`, or `NoPlan` with reasons."""
        require(by, Deed.OPERATE_VM)
        if not 1 <= asked.for_s <= LONGEST_S:
            hint = f"1 to {LONGEST_S:.0f} seconds"
            raise Invalid(f"room cannot be kept for {asked.for_s:g} s", hint=hint)
        vm = _wished(asked, self._engine.inventory)
        return self._engine.bookings.make(vm, by.name, asked.for_s)

    def drop(self, by: Principal, key: str) -> Booking:
        """End a booking before its time; raise `NotFound`."""
        require(by, Deed.OPERATE_VM)
        return self._engine.bookings.drop(BookingId(key), by.name)


def _wished(asked: NewBooking, inventory: Inventory) -> Vm:
    checked_name(asked.name, "a VM")
    stores = (find.datastore(inventory, key) for key in asked.datastores)
    networks = (find.network(inventory, key) for key in asked.networks)
    return Vm(
        id=VmId(str(uuid4())),
        name=asked.name,
        host=None,
        vcpus=checked_vcpus(asked.vcpus),
        memory_mib=checked_memory(asked.memory_mib),
        cpu_model=asked.cpu_model,
        disks=tuple(Disk(target="", volume="", datastore=store.id) for store in stores),
        nics=tuple(Nic(mac="", network=network.id) for network in networks),
        tags=checked_tags(asked.tags),
    )
