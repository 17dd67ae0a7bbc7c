"""Room that is kept on a host for a VM that is to come."""

from msgspec import Struct

from anypool.model.ids import BookingId, HostId


class Booking(Struct, frozen=True, kw_only=True, gc=False):
    """Memory of `host` that nothing else is given until `until`, in seconds since 1970.

    `name` is that of the VM to come, `vcpus` what it will have; `by` asked at `made_at`.
    """

    id: BookingId
    name: str
    host: HostId
    memory_mib: int
    vcpus: int
    by: str
    made_at: float
    until: float
