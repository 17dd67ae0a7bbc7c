"""Ranges of addresses that profiles take theirs from, and the book of all that were given."""

from collections.abc import Sequence

from msgspec import Struct

from anypool.engine import Engine
from anypool.errors import Invalid, NotFound
from anypool.model.address import (
    LARGEST,
    VM_MACS,
    Address,
    AddressKind,
    AddressRange,
    number_of,
    overlap,
    text_of,
    why_unmanaged,
)
from anypool.service.access import Deed, Principal, require
from anypool.service.names import checked_name, checked_text


class KnownRange(Struct, frozen=True, kw_only=True):
    """A range, and the addresses of it that are reserved or rest."""

    range: AddressRange
    given: tuple[Address, ...]


class NewRange(Struct, frozen=True, kw_only=True):
    """A range to be: `last` or how many (`count`)."""

    name: str
    kind: AddressKind
    first: str
    last: str = ""
    count: int = 0
    description: str = ""


class Addresses:
    """The use cases of ranges."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list(self, by: Principal) -> Sequence[KnownRange]:
        """Return all ranges by name."""
        require(by, Deed.READ)
        book = self._engine.servers.profiles.book()
        return [_known(one, book) for one in self._engine.servers.profiles.ranges()]

    def get(self, by: Principal, key: str) -> KnownRange:
        """Return one range; raise `NotFound`."""
        for found in self.list(by):
            if found.range.id == key:
                return found
        hint = "`anypool address-range list` shows them"
        raise NotFound(f"there is no range {key[:80]!r}", hint=hint)

    def add(self, by: Principal, asked: NewRange) -> KnownRange:
        """Keep a new range; raise `Invalid`, or `Conflict` where it overlaps another."""
        require(by, Deed.MANAGE_PROFILES)
        made = _checked(asked)
        self._engine.servers.profiles.add_range(made, by.name)
        return KnownRange(range=made, given=())

    def remove(self, by: Principal, key: str) -> None:
        """Forget a range; raise `NotFound`, or `Conflict` while an address of it is not free."""
        require(by, Deed.MANAGE_PROFILES)
        self._engine.servers.profiles.remove_range(key, by.name)


def _known(one: AddressRange, book: Sequence[Address]) -> KnownRange:
    first, last = one.bounds
    mine = (
        found
        for found in book
        if found.kind is one.kind and first <= number_of(one.kind, found.address) <= last
    )
    return KnownRange(range=one, given=tuple(mine))


def _checked(asked: NewRange) -> AddressRange:
    checked_name(asked.name, "a range")
    kind = asked.kind
    if kind is AddressKind.IQN:
        hint = "a profile is given the name of its initiator, or makes one of its own name"
        raise Invalid("names of initiators have no ranges", hint=hint)
    if bool(asked.last) == bool(asked.count):
        raise Invalid("a range has a last address or a count", hint="give one of the two")
    first = _number(kind, asked.first)
    last = _number(kind, asked.last) if asked.last else first + asked.count - 1
    if last < first:
        raise Invalid("the range ends before it begins", hint="exchange first and last")
    if last - first >= LARGEST:
        raise Invalid(f"a range has at most {LARGEST} addresses", hint="make several")
    for number in (first, last):
        _check_managed(kind, number)
    if kind is AddressKind.MAC and overlap((first, last), VM_MACS):
        hint = "such as 02:00:00:00:00:00; 52:54:00 is where new VMs get theirs"
        raise Invalid("the range reaches into that of VMs", hint=hint)
    return AddressRange(
        id=asked.name,
        kind=kind,
        first=text_of(kind, first),
        last=text_of(kind, last),
        description=checked_text(asked.description, "the description", 400),
    )


_EXAMPLES = {AddressKind.MAC: "02:00:00:00:01:00", AddressKind.WWN: "50:01:23:45:00:00:01:00"}


def _number(kind: AddressKind, text: str) -> int:
    try:
        return number_of(kind, text)
    except ValueError as error:
        hint = f"write it as {_EXAMPLES[kind]}"
        raise Invalid(str(error), hint=hint) from error


def _check_managed(kind: AddressKind, number: int) -> None:
    if why := why_unmanaged(kind, number):
        try:
            text = text_of(kind, number)
        except OverflowError:
            text = "the last address"
        hint = f"such as {_EXAMPLES[kind]}"
        raise Invalid(f"{text} cannot be given to servers: {why}", hint=hint)
