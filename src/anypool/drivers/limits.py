"""How long calls to endpoints may take, and how much one of them may ask for at once."""

from collections.abc import Mapping

from msgspec import Struct, field

from anypool.drivers.wire import FRAME_BYTES, SIGNATURES

DEADLINES_S: dict[str, float] = {
    **dict.fromkeys(SIGNATURES, 60.0),
    "info": 15.0,
    "observe_vms": 30.0,
    "changes": 20.0,
    "measure": 30.0,
    "console": 15.0,
    "migration": 20.0,
    "job": 20.0,
    "reaches": 15.0,
    "leases": 15.0,
    "agents": 30.0,
    "digest": 30.0,
    **dict.fromkeys(("hardware", "sensors", "hardware_log", "prove_writes"), 130.0),
    **dict.fromkeys(("apply_identity", "withdraw_identity"), 130.0),
    "create_vm": 120.0,
    "change_image": 1800.0,
    "adopt_vm": 120.0,
    "attach_disk": 120.0,
    "create_snapshot": 300.0,
    "revert_snapshot": 300.0,
    "delete_snapshot": 300.0,
}
"""Seconds until a call is given up, on top of what it was asked to wait."""


class Limits(Struct, frozen=True, kw_only=True):
    """How much a worker, and how much one endpoint, may take.

    `calls` is how many calls of one endpoint are under way at once. Pauses after an
    overrun start at `pause_s`, double and end at `pause_max_s`; after `probation_s`
    without another one the endpoint goes back to a shared worker. `own_workers` is how
    many endpoints may have a worker of their own at once. `copy_bytes_s` is the slowest that
    the copy of a disk may go.
    """

    deadlines_s: Mapping[str, float] = field(default_factory=DEADLINES_S.copy)
    frame_bytes: int = FRAME_BYTES
    calls: int = 16
    pause_s: float = 1.0
    pause_max_s: float = 300.0
    probation_s: float = 60.0
    own_workers: int = 16
    copy_bytes_s: int = 5_000_000

    def deadline_s(self, operation: str, arguments: tuple[object, ...]) -> float:
        """Return how many seconds a call may take, with what it waits for and copies."""
        signature = SIGNATURES[operation]
        asked_s = signature.wait_s(arguments)
        copying_s = signature.copied_bytes(arguments) / self.copy_bytes_s
        return self.deadlines_s[operation] + asked_s + copying_s


USUAL = Limits()
