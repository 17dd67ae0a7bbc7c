"""What we wrote into a platform, apart from what somebody asked us to make there."""

from enum import StrEnum

from msgspec import Struct

from anypool.model.ids import DatastoreId, VmId


class TraceKind(StrEnum):
    """MARKER and MAKING are small volumes; VM and SNAPSHOT are words in a description.

    TOKEN is a host's note of who gives it orders.
    """

    MARKER = "marker"
    MAKING = "making"
    TOKEN = "token"
    VM = "vm"
    SNAPSHOT = "snapshot"


class Trace(Struct, frozen=True, kw_only=True, gc=False):
    """One thing of ours: `name` is a volume's or a snapshot's, `place` the datastore's.

    `vm` is the VM whose description, or whose snapshot's, bears our words.
    """

    kind: TraceKind
    name: str
    datastore: DatastoreId | None = None
    place: str = ""
    vm: VmId | None = None
