"""The routes of bookings."""

from typing import Annotated

from litestar import Response, delete, get, post
from litestar.params import JSONBody
from msgspec import Meta, Struct

from anypool.api.asking import By, Key, Use
from anypool.api.vms import Text
from anypool.model import Booking, Inventory
from anypool.service.bookings import LONGEST_S, NewBooking


class BookingBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The VM to come, what it needs of a host, and for how many seconds that is kept."""

    name: Text
    memory_mib: int
    vcpus: int = 1
    cpu_model: Text = ""
    datastores: Annotated[tuple[Text, ...], Meta(max_length=100)] = ()
    networks: Annotated[tuple[Text, ...], Meta(max_length=100)] = ()
    tags: Annotated[tuple[Text, ...], Meta(max_length=100)] = ()
    for_s: Annotated[float, Meta(ge=1, le=LONGEST_S)] = 600.0


class BookingView(Struct, frozen=True, kw_only=True):
    """Room that is kept: `until` is when that ends, `host` a name, `host_id` its id."""

    id: str
    name: str
    host: str
    host_id: str
    memory_mib: int
    vcpus: int
    by: str
    made_at: float
    until: float


class BookingsView(Struct, frozen=True, kw_only=True):
    """All bookings, oldest first."""

    items: tuple[BookingView, ...]
    total: int


def booking_view(one: Booking, inventory: Inventory) -> BookingView:
    """Return a booking as it is shown."""
    host = inventory.hosts.get(one.host)
    return BookingView(
        id=one.id,
        name=one.name,
        host=one.host if host is None else host.name,
        host_id=one.host,
        memory_mib=one.memory_mib,
        vcpus=one.vcpus,
        by=one.by,
        made_at=one.made_at,
        until=one.until,
    )


@get("/bookings", sync_to_thread=True)
def list_bookings(services: Use, by: By) -> BookingsView:
    """List the room that is kept for VMs to come, oldest first."""
    inventory = services.pool.inventory(by)
    found = tuple(booking_view(one, inventory) for one in services.bookings.list(by))
    return BookingsView(items=found, total=len(found))


@get("/bookings/{key:str}", sync_to_thread=True)
def get_booking(services: Use, by: By, key: Key) -> BookingView:
    """Show one booking."""
    return booking_view(services.bookings.get(by, key), services.pool.inventory(by))


@post("/bookings", status_code=201, sync_to_thread=True)
def make_booking(services: Use, by: By, data: JSONBody[BookingBody]) -> Response[BookingView]:
    """Keep room on the best host for a VM to come; it is stored once this is answered."""
    asked = NewBooking(
        name=data.name,
        memory_mib=data.memory_mib,
        vcpus=data.vcpus,
        cpu_model=data.cpu_model,
        datastores=data.datastores,
        networks=data.networks,
        tags=data.tags,
        for_s=data.for_s,
    )
    made = services.bookings.make(by, asked)
    shown = booking_view(made, services.pool.inventory(by))
    return Response(shown, status_code=201, headers={"Location": f"/api/v1/bookings/{made.id}"})


@delete("/bookings/{key:str}", status_code=204, sync_to_thread=True)
def drop_booking(services: Use, by: By, key: Key) -> None:
    """End a booking before its time; the room is free again."""
    services.bookings.drop(by, key)


ROUTES = (list_bookings, get_booking, make_booking, drop_booking)
