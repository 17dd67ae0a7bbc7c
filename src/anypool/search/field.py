"""What can be asked about a record: typed fields, and joins to other records."""

from collections.abc import Callable, Hashable, Iterable
from enum import StrEnum
from operator import attrgetter
from typing import Any, Generic, TypeVar

from msgspec import Struct

from anypool.model import Inventory, PMap
from anypool.search.syntax import Noun

R = TypeVar("R")


class Kind(StrEnum):
    """The type of a field, and with it what `Field.get` returns.

    TEXT and ENUM: str. SET: an iterable of str. NUMBER: int or float. SIZE: bytes.
    DURATION: milliseconds. BOOL: bool. TIME: seconds since 1970, 0 for never.
    """

    TEXT = "text"
    ENUM = "enum"
    SET = "set"
    NUMBER = "number"
    SIZE = "size"
    DURATION = "duration"
    BOOL = "bool"
    TIME = "time"


class Field(Struct, Generic[R], frozen=True):
    """One field; `values` lists those of an ENUM, in order when it has one.

    Free text looks into the fields marked `free`. A field whose `get` looks at hosts,
    datastores, networks or images too has a `key`: the part of the record that decides which.
    """

    name: str
    kind: Kind
    get: Callable[[R, Inventory], Any]
    doc: str
    values: tuple[str, ...] = ()
    free: bool = False
    key: Callable[[R], Hashable] | None = None


class Join(Struct, Generic[R], frozen=True):
    """A way from a record to records of another noun.

    `key` is the part of the record that decides to which; by default its id.
    """

    name: str
    noun: Noun
    get: Callable[[R, Inventory], Iterable[Any]]
    doc: str
    key: Callable[[R], Hashable] = attrgetter("id")


class Table(Struct, Generic[R], frozen=True):
    """All that can be asked about one noun.

    `maps` are the parts of the inventory that its records are made of: the records by id,
    and what else fields without a `key` look at, by the same id. The fields in `totals`
    are summed up over whatever was found.
    """

    fields: tuple[Field[R], ...]
    joins: tuple[Join[R], ...] = ()
    maps: Callable[[Inventory], tuple[PMap[Any, Any], ...]] = lambda _: ()
    totals: tuple[str, ...] = ()

    def rows(self, inventory: Inventory) -> Iterable[R]:
        """Return the records that are in the inventory; none of those that are elsewhere."""
        maps = self.maps(inventory)
        return maps[0].values() if maps else ()
