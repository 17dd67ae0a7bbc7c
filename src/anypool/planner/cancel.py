"""Whether anybody still waits for a plan: planners ask at their natural points, and end if not.

It is said once for a thread, or rather its context, by who has plans made for somebody; so no
planner need hand it on. The engine says nothing, and what it plans for itself comes to its end.
What is planned never depends on it.
"""

from collections.abc import Callable
from contextvars import ContextVar

from anypool.errors import Cancelled

Gone = Callable[[], bool]
"""Whether who asked has left; called from the thread that plans."""

_gone: ContextVar[Gone | None] = ContextVar("gone", default=None)


def wait_for(gone: Gone | None) -> None:
    """Say who waits for what is planned from now on in this context; None: whoever it is."""
    _gone.set(gone)


def check() -> None:
    """Raise `Cancelled` if who asked for a plan has left."""
    gone = _gone.get()
    if gone is not None and gone():
        raise Cancelled("who asked for this has left, and nothing was done")


def decide() -> None:
    """Check for the last time: what comes now is decided, and stays, whoever leaves."""
    check()
    _gone.set(None)
