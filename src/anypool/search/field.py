"""What can be asked about a record: typed fields, and joins to other records."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any, Generic, TypeVar

from msgspec import Struct

from anypool.model import Inventory
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

    Free text looks into the fields marked `free`.
    """

    name: str
    kind: Kind
    get: Callable[[R, Inventory], Any]
    doc: str
    values: tuple[str, ...] = ()
    free: bool = False


class Join(Struct, Generic[R], frozen=True):
    """A way from a record to records of another noun."""

    name: str
    noun: Noun
    get: Callable[[R, Inventory], Iterable[Any]]
    doc: str


class Table(Struct, Generic[R], frozen=True):
    """All that can be asked about one noun."""

    fields: tuple[Field[R], ...]
    joins: tuple[Join[R], ...] = ()
    rows: Callable[[Inventory], Iterable[R]] = lambda _: ()
