"""The storage lease of a host, as another host reads it from a shared datastore."""

from enum import StrEnum

from msgspec import Struct

from anypool.model.ids import DatastoreId, HostId


class WatchdogKind(StrEnum):
    """What resets a host that stands still: as it was read back there once it was armed.

    `SOFTWARE` stands still with the kernel. A `STAND_IN` is a process, for labs.
    """

    NONE = "none"
    SOFTWARE = "software"
    STAND_IN = "stand-in"
    HARDWARE = "hardware"


class StorageLease(Struct, frozen=True, kw_only=True, gc=False):
    """What a host's warden last wrote; there is no time in it, readers measure on their own.

    `boot` and `epoch` are its life, `sequence` grows with each renewal in all of them. Between
    renewals pass `renew_s`. `limit_s` after the last one the host ends its VMs, and its watchdog
    resets it `watchdog_s` after it was last fed. `bound_s` is after how long unchanged all that
    has happened, with a margin.
    """

    host: HostId
    datastore: DatastoreId
    boot: str
    epoch: int
    sequence: int
    renew_s: float
    limit_s: float
    bound_s: float
    watchdog: WatchdogKind = WatchdogKind.NONE
    watchdog_s: float = 0.0
    identity: str = ""

    @property
    def stands_at(self) -> tuple[str, int, int]:
        """Where it stands; what is renewed stands elsewhere afterwards."""
        return self.boot, self.epoch, self.sequence
