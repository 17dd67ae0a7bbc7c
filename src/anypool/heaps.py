"""How this process takes memory from the system, and how it gives up what nobody can reach."""

import ctypes
import gc

HEAPS = 2
"""More would each keep the most they ever held, and threads that share one interpreter lock
hardly ever wait for a heap."""
RARELY = (2_000, 50, 500)
"""The garbage collector's thresholds: a whole round over a large pool stops everybody for 0.1 s."""
SWEEP_S = 120.0
"""So often there is a whole round all the same: until then each connection that its client left
early is kept, with its answer."""
_M_ARENA_MAX = -8


def share() -> bool:
    """Let all threads that begin from now on share `HEAPS` heaps; False where that is unknown.

    glibc gives each thread another one, eight for each CPU.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_ARENA_MAX, HEAPS))


def sweep() -> float:
    """Drop all objects that only refer to each other; return the seconds until the next time."""
    gc.collect()
    return SWEEP_S
