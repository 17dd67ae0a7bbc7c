"""Datastores, and the volumes on them."""

from enum import StrEnum

from msgspec import Struct

from anypool.model.ids import DatastoreId, EndpointId


class Locking(StrEnum):
    """Whether two hosts that open one volume for writing stop each other."""

    EFFECTIVE = "effective"
    NONE = "none"
    UNKNOWN = "unknown"


class Datastore(Struct, frozen=True, kw_only=True, gc=False):
    """A place for volumes; one id on every host that sees the same place.

    `shared` is true when its marker was seen, so that several hosts can agree on it.
    `locking` is an administrator's statement and stays UNKNOWN until made, except where the
    platform itself locks. `place` and `labels` are the platform's own, as of a host.
    """

    id: DatastoreId
    name: str
    kind: str = "dir"
    path: str = ""
    shared: bool = False
    locking: Locking = Locking.UNKNOWN
    capacity_bytes: int = 0
    free_bytes: int = 0
    endpoints: frozenset[EndpointId] = frozenset()
    tags: frozenset[str] = frozenset()
    place: str = ""
    labels: frozenset[str] = frozenset()


class Volume(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One virtual disk; `base` is the volume it is a linked clone of.

    `stamp` stays the same while nobody writes to the volume; "" where the platform tells
    nothing like that, and for linked clones, which somebody writes to all the time.
    """

    datastore: DatastoreId
    name: str
    path: str = ""
    format: str = "raw"
    size_bytes: int = 0
    used_bytes: int = 0
    base: str = ""
    stamp: str = ""
