"""Who acts: carried along with a request, so that each write can say on whose behalf it is.

The service layer says who and what when it asks for permission; the store writes it into
the audit trail in the same transaction as the effect. Threads of the engine act for
nobody, and name the run they work for themselves.
"""

from contextvars import ContextVar

from msgspec import Struct


class Act(Struct, frozen=True, kw_only=True, gc=False):
    """A person or program (`who`, by which `proof`) that does something it was allowed to."""

    who: str
    role: str
    proof: str
    deed: str


_act: ContextVar[Act | None] = ContextVar("act", default=None)
_request: ContextVar[str] = ContextVar("request", default="")


def begin(act: Act | None) -> None:
    """Say who acts from now on in this context; None for nobody."""
    _act.set(act)


def current() -> Act | None:
    """Return who acts in this context."""
    return _act.get()


def set_request(request: str) -> None:
    """Say which request is answered in this context; nobody acts at its beginning."""
    _request.set(request)
    _act.set(None)


def request() -> str:
    """Return the id of the request that is answered in this context, "" outside of one."""
    return _request.get()
