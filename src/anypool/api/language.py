"""In which language the answer to a request is: the best of `Accept-Language`, else English."""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send
from msgspec import Struct

from anypool.errors import AnypoolError
from anypool.plan import LANGUAGES, Reason, say, way_out_of, why_of

DEFAULT = "en"
_spoken: ContextVar[str] = ContextVar("language", default=DEFAULT)


class FactView(Struct, frozen=True, kw_only=True):
    """A fact of a reason; `kind` says what it is and in which unit."""

    name: str
    kind: str
    value: Any


class ReasonView(Struct, frozen=True, kw_only=True):
    """Why, as a value: a code of the catalogue and its facts, some of which are reasons too."""

    code: str
    facts: tuple[FactView, ...]


def reason_view(why: Reason | None) -> ReasonView | None:
    """Return a reason as it is shown to programs, None if there is none."""
    if why is None:
        return None
    facts = tuple(FactView(name=n, kind=k, value=_value(v)) for n, k, v in why.kinds())
    return ReasonView(code=why.code, facts=facts)


def _value(value: Any) -> Any:
    if isinstance(value, Reason):
        return reason_view(value)
    return tuple(map(_value, value)) if isinstance(value, tuple) else value


def told(why: Reason | None, words: str = "") -> str:
    """Return a reason in the language of this request; `words` where there is none."""
    return words if why is None else say(why, _spoken.get())


def language() -> str:
    """Return the language of this request."""
    return _spoken.get()


def told_error(error: AnypoolError) -> tuple[str, str]:
    """Return the message and the hint of an error in the language of this request."""
    return told(why_of(error)), told(way_out_of(error))


def chosen(accepted: str) -> str:
    """Return the best language there is for an `Accept-Language` header."""
    wanted = sorted(_weighed(accepted).items(), key=lambda one: -one[1])
    known = (tag.lower().partition("-")[0] for tag, _ in wanted)
    return next((tag for tag in known if tag in LANGUAGES), DEFAULT)


def _weighed(accepted: str) -> Mapping[str, float]:
    """Return the tags of an `Accept-Language` header with their weights, in their order."""
    found: dict[str, float] = {}
    for part in accepted[:1000].split(","):
        tag, _, weight = part.strip().partition(";q=")
        try:
            found[tag.strip()] = float(weight or "1")
        except ValueError:
            continue
    return {tag: weight for tag, weight in found.items() if tag and weight > 0}


class Language(ASGIMiddleware):
    """Sets the language of each request, which is a task with a context of its own."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Set it, and pass the request on."""
        headers = {name.lower(): value for name, value in scope.get("headers", [])}
        accepted = headers.get(b"accept-language", b"").decode("latin-1")
        _spoken.set(chosen(accepted))
        await next_app(scope, receive, send)
