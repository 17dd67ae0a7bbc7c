"""Before any handler: who asks, from where, and with parameters that exist."""

from collections.abc import Callable
from functools import partial
from hmac import compare_digest
from typing import Any

import anyio.to_thread
from litestar.datastructures import Headers
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from anypool.api.origin import check_host, check_origin, proves_own_page
from anypool.errors import Denied, Invalid, NotLoggedIn
from anypool.service import Principal, Services
from anypool.service.logins import csrf_of

COOKIE = "anypool_session"
CSRF_HEADER = "x-anypool-csrf"
ANONYMOUS = "anonymous"
"""A handler whose `opt` says so answers those who did not log in; all others refuse."""
ANY_QUERY = "any_query"
"""A handler whose `opt` says so takes any query parameters: they are for the page itself."""
SECRET = "secret"
"""A handler whose `opt` says so answers with a secret, which must not be kept."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Caller:
    """Who sent a request, and the way to ask again whether that still holds."""

    def __init__(self, principal: Principal, check: Callable[[], Principal], session: str) -> None:
        self.principal = principal
        self.check = check
        self.session = session


class Gate(ASGIMiddleware):
    """Refuse what does not belong here, and put the caller into the scope."""

    scopes = ("http", "websocket")  # type: ignore[assignment]

    def __init__(
        self, services: Services, names: frozenset[str], known: Callable[[Scope], frozenset[str]]
    ) -> None:
        self._services = services
        self._names = names
        self._known = known

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass on a request that is in order; raise from `anypool.errors` for any other."""
        headers = Headers.from_scope(scope)
        check_host(headers, self._names)
        websocket = "method" not in scope
        if websocket or scope.get("method") not in _SAFE:
            check_origin(headers)
        opt: dict[str, Any] = scope["route_handler"].opt
        if not opt.get(ANY_QUERY):
            _check_query(scope, self._known(scope))
        if not opt.get(ANONYMOUS):
            scope["user"] = await self._caller(scope, headers)
        await next_app(scope, receive, send)

    async def _caller(self, scope: Scope, headers: Headers) -> Caller:
        session = session_of(headers)
        if token := _bearer(headers):
            check, session = partial(self._services.logins.by_token, token), ""
        elif session:
            check = partial(self._services.logins.by_session, session)
        else:
            raise NotLoggedIn("say who you are first", hint="send a token, or log in")
        principal = await anyio.to_thread.run_sync(check)
        if session:
            _check_forgery(scope, headers, session)
        return Caller(principal, check, session)


def session_of(headers: Headers) -> str:
    """Return the secret in the session cookie, "" if there is none."""
    pairs = (one.partition("=") for one in headers.get("cookie", "").split(";"))
    return next((value.strip() for name, _, value in pairs if name.strip() == COOKIE), "")


def _bearer(headers: Headers) -> str:
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def _check_forgery(scope: Scope, headers: Headers, session: str) -> None:
    if "method" not in scope:
        if not proves_own_page(headers):
            raise Denied("a websocket with a session needs an Origin of ours")
        return
    if scope.get("method") in _SAFE or proves_own_page(headers):
        return
    if not compare_digest(headers.get(CSRF_HEADER, "").encode(), csrf_of(session).encode()):
        hint = f"send the `csrf` that the login returned as {CSRF_HEADER}"
        raise Denied("the request does not prove that it comes from our own page", hint=hint)


def _check_query(scope: Scope, known: frozenset[str]) -> None:
    raw: bytes = scope["query_string"]
    for part in raw.decode("latin-1").split("&"):
        name = part.partition("=")[0]
        if name and name not in known:
            hint = f"there are: {', '.join(sorted(known))}" if known else "there are none here"
            raise Invalid(f"unknown query parameter {name[:80]!r}", hint=hint)
