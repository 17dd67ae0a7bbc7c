"""What a VM used lately: the figures that planners spread over hosts."""

from msgspec import Struct


class Usage(Struct, frozen=True, kw_only=True, gc=False):
    """What one VM used at busy times of late; -1 where nobody measured.

    `cpu_percent` is of one CPU, the others are bytes a second in both directions.
    """

    cpu_percent: float = -1.0
    network_bytes_s: float = -1.0
    disk_bytes_s: float = -1.0


UNMEASURED = Usage()
