"""How this process takes memory from the system: few heaps for its many threads."""

import ctypes

HEAPS = 2
"""More would each keep the most they ever held, and threads that share one interpreter lock
hardly ever wait for a heap."""
_M_ARENA_MAX = -8


def share() -> bool:
    """Let all threads that begin from now on share `HEAPS` heaps; False where that is unknown.

    glibc gives each thread another one, eight for each CPU.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_ARENA_MAX, HEAPS))
