"""The routes of address ranges."""

from typing import Annotated

from litestar import delete, get, post
from litestar.params import JSONBody
from msgspec import Meta, Struct

from anypool.api.asking import By, Key, Use
from anypool.api.vms import Text
from anypool.model import Inventory
from anypool.model.address import LARGEST, AddressKind, AddressState
from anypool.service.addresses import KnownRange, NewRange


class RangeBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A range to be, from `first` to `last`, or so many (`count`)."""

    name: Text
    kind: AddressKind
    first: Text
    last: Text = ""
    count: Annotated[int, Meta(ge=0, le=LARGEST)] = 0
    description: Text = ""


class AddressView(Struct, frozen=True, kw_only=True):
    """One address that is reserved or rests; `profile` is a name, or the id of one that is gone."""

    address: str
    state: str
    profile: str
    use: str
    since: float
    until: float


class RangeView(Struct, frozen=True, kw_only=True):
    """A range; `free` is what is neither reserved nor resting in the book."""

    name: str
    kind: str
    first: str
    last: str
    description: str
    size: int
    reserved: int
    resting: int
    free: int
    addresses: tuple[AddressView, ...]


class RangesView(Struct, frozen=True, kw_only=True):
    """All ranges by name."""

    items: tuple[RangeView, ...]
    total: int


def range_view(known: KnownRange, inventory: Inventory, *, whole: bool) -> RangeView:
    """Return a range as it is shown, with its addresses if it is shown alone."""
    one, given = known.range, known.given
    reserved = sum(found.state is AddressState.RESERVED for found in given)
    names = {profile.id: profile.name for profile in inventory.profiles.values()}
    shown = tuple(
        AddressView(
            address=found.address,
            state=found.state,
            profile=names.get(found.profile, found.profile),
            use=found.use,
            since=found.since,
            until=found.until,
        )
        for found in (given if whole else ())
    )
    return RangeView(
        name=one.id,
        kind=one.kind,
        first=one.first,
        last=one.last,
        description=one.description,
        size=one.size,
        reserved=reserved,
        resting=len(given) - reserved,
        free=one.size - len(given),
        addresses=shown,
    )


@get("/address-ranges", sync_to_thread=True)
def list_ranges(services: Use, by: By) -> RangesView:
    """List the ranges that profiles take their addresses from."""
    inventory = services.pool.inventory(by)
    found = tuple(range_view(one, inventory, whole=False) for one in services.addresses.list(by))
    return RangesView(items=found, total=len(found))


@get("/address-ranges/{key:str}", sync_to_thread=True)
def get_range(services: Use, by: By, key: Key) -> RangeView:
    """Show a range, and each address of it that is reserved or rests."""
    return range_view(services.addresses.get(by, key), services.pool.inventory(by), whole=True)


@post("/address-ranges", status_code=201, sync_to_thread=True)
def add_range(services: Use, by: By, data: JSONBody[RangeBody]) -> RangeView:
    """Add a range of addresses that are ours to give."""
    asked = NewRange(
        name=data.name,
        kind=data.kind,
        first=data.first,
        last=data.last,
        count=data.count,
        description=data.description,
    )
    made = services.addresses.add(by, asked)
    return range_view(made, services.pool.inventory(by), whole=True)


@delete("/address-ranges/{key:str}", status_code=204, sync_to_thread=True)
def remove_range(services: Use, by: By, key: Key) -> None:
    """Remove a range; refused while an address of it is in use, reserved or resting."""
    services.addresses.remove(by, key)


ROUTES = (list_ranges, get_range, add_range, remove_range)
