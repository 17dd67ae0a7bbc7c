"""Datastores, the volumes on them, and images that VMs are made from."""

from enum import StrEnum

from msgspec import Struct

from anypool.model.ids import DatastoreId, EndpointId, ImageId
from anypool.model.vm import Boot


class Locking(StrEnum):
    """Whether two hosts that open one volume for writing stop each other."""

    EFFECTIVE = "effective"
    NONE = "none"
    UNKNOWN = "unknown"


class Datastore(Struct, frozen=True, kw_only=True, gc=False):
    """A place for volumes; one id on every host that sees the same place.

    `shared` is true when its marker was seen, so that several hosts can agree on it.
    `locking` is an administrator's statement and stays UNKNOWN until made.
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


class Volume(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One virtual disk; `base` is the volume it is a linked clone of."""

    datastore: DatastoreId
    name: str
    path: str = ""
    format: str = "raw"
    size_bytes: int = 0
    used_bytes: int = 0
    base: str = ""


class Image(Struct, frozen=True, kw_only=True, gc=False):
    """An immutable master: the volume `volume` on `datastore`, and how VMs of it start."""

    id: ImageId
    name: str
    datastore: DatastoreId
    volume: str
    format: str = "qcow2"
    size_bytes: int = 0
    boot: Boot | None = None
    memory_mib: int = 512
    description: str = ""
