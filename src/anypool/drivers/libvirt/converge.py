"""How long a pause a migration may end with: short first, longer only when it must be.

A transfer goes over the memory again and again; each time what is left is what the guest
wrote meanwhile. While that shrinks, patience leads to the short pause. When it no longer
does, only a longer pause ends the migration. Pure arithmetic; `transfer` feeds it.
"""

from msgspec import Struct
from msgspec.structs import replace

SHRINKS = 0.9
"""An iteration that leaves less than this share of the one before is progress."""
PATIENCE = 2
"""So many iterations without progress are borne before the pause is raised."""
STEP = 1.6
"""How much a pause grows at once, unless half of what is needed is more."""


class Reading(Struct, frozen=True, kw_only=True, gc=False):
    """What the platform says in mid-transfer; `iteration` counts from 1."""

    iteration: int
    left_bytes: int
    bytes_per_s: int


class Patience(Struct, frozen=True, kw_only=True, gc=False):
    """The pause allowed now, never above `limit_ms`, and what it was judged by.

    The peaks are the most that was left in this and in the last iteration; `stuck` counts
    the iterations since the last progress.
    """

    pause_ms: int
    limit_ms: int
    iteration: int = 0
    peak_bytes: int = 0
    last_peak_bytes: int = 0
    stuck: int = 0


def heed(patience: Patience, reading: Reading) -> Patience:
    """Take a reading in; the pause rises by at most one step per iteration."""
    if reading.iteration <= patience.iteration:
        return replace(patience, peak_bytes=max(patience.peak_bytes, reading.left_bytes))
    before, done = patience.last_peak_bytes, patience.peak_bytes
    progress = not before or done < before * SHRINKS
    stuck = 0 if progress else patience.stuck + 1
    following = replace(
        patience,
        iteration=reading.iteration,
        peak_bytes=reading.left_bytes,
        last_peak_bytes=done,
        stuck=stuck,
    )
    if stuck < PATIENCE:
        return following
    return replace(following, stuck=0, pause_ms=_longer(patience, done, reading.bytes_per_s))


def _longer(patience: Patience, left_bytes: int, bytes_per_s: int) -> int:
    needed_ms = left_bytes * 1000 // bytes_per_s + 1 if bytes_per_s else 0
    longer_ms = max(round(patience.pause_ms * STEP) + 1, needed_ms // 2)
    return max(patience.pause_ms, min(longer_ms, patience.limit_ms))
