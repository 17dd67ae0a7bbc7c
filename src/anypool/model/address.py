"""Addresses that profiles give to servers: MACs and WWNs from managed ranges, names of initiators.

An address is written in lower-case hex with colons, a MAC of six bytes and a WWN of eight. A
managed MAC is locally administered and unicast, so that no vendor has given it to anybody; a
managed WWN is of NAA format 2 or 5.
"""

from enum import StrEnum

from msgspec import Struct

from anypool.model.ids import ProfileId

VM_MACS = (0x52_54_00_00_00_00, 0x52_54_00_FF_FF_FF)
"""The MACs that new VMs are given: no range for servers may reach into them."""
LARGEST = 1 << 24


class AddressKind(StrEnum):
    """What an address is; `IQN` is the name of an iSCSI initiator, which has no ranges."""

    MAC = "mac"
    WWN = "wwn"
    IQN = "iqn"


_BYTES = {AddressKind.MAC: 6, AddressKind.WWN: 8}


class AddressState(StrEnum):
    """RESERVED for a profile, or RESTING: it was given back, and waits until it is given again."""

    RESERVED = "reserved"
    RESTING = "resting"


class AddressRange(Struct, frozen=True, kw_only=True, gc=False):
    """Addresses that are ours to give; `first` and `last` belong to it. `id` is its name."""

    id: str
    kind: AddressKind
    first: str
    last: str
    description: str = ""

    @property
    def name(self) -> str:
        """Its id, which is its name."""
        return self.id

    @property
    def bounds(self) -> tuple[int, int]:
        """First and last as numbers."""
        return number_of(self.kind, self.first), number_of(self.kind, self.last)

    @property
    def size(self) -> int:
        """How many addresses it has."""
        first, last = self.bounds
        return last - first + 1


class Address(Struct, frozen=True, kw_only=True, gc=False):
    """One address in the book: whose it is or was, what for (`nic1`, `hba1`, `hba1.node`).

    `since` is when it came into its state and `until` when its rest is over (seconds since
    1970, 0 for one that does not rest).
    """

    kind: AddressKind
    address: str
    state: AddressState
    profile: ProfileId
    use: str
    since: float
    until: float = 0.0


def number_of(kind: AddressKind, text: str) -> int:
    """Return an address as a number; raise `ValueError` for what is none."""
    size = _BYTES[kind]
    plain = text.strip().lower().replace("-", "").replace(":", "").replace(".", "")
    if len(plain) != 2 * size or set(plain) - set("0123456789abcdef"):
        raise ValueError(f"{text[:40]!r} is no {kind.upper()}")
    return int(plain, 16)


def text_of(kind: AddressKind, number: int) -> str:
    """Return an address as it is written."""
    return number.to_bytes(_BYTES[kind], "big").hex(":")


def why_unmanaged(kind: AddressKind, number: int) -> str:
    """Return why an address cannot be given by us, "" if it can."""
    first = number >> (8 * (_BYTES[kind] - 1))
    if kind is AddressKind.MAC:
        if first & 1:
            return "it is a group address"
        return "" if first & 2 else "it is not locally administered: the second digit is 2, 6, a, e"
    return "" if first >> 4 in (2, 5) else "it is of no NAA format 2 or 5: it begins with 2 or 5"


def overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Return whether two ranges have an address in common."""
    return one[0] <= other[1] and other[0] <= one[1]
