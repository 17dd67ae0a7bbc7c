"""Headers on every answer, so that a browser does nothing we did not mean."""

from collections.abc import Callable

from litestar.types import ASGIApp, Message, Receive, Scope, Send

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)

HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", _CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)

SIMULATED: tuple[bytes, bytes] = (b"x-anypool-simulated", b"true")
"""On every answer of a demo."""

RESTORED = b"x-anypool-unread"
"""On every answer while endpoints are read-only since a restore: how many."""

_HSTS = (b"strict-transport-security", b"max-age=31536000")


class SecurityHeaders:
    """Add the headers; what comes from `/api` is not kept by any cache."""

    def __init__(
        self, app: ASGIApp, *, simulated: bool = False, awaited: Callable[[], int] = lambda: 0
    ) -> None:
        self._app = app
        self._awaited = awaited
        self._always = (*HEADERS, SIMULATED) if simulated else HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its answer back with more headers."""
        if "method" not in scope:
            await self._app(scope, receive, send)
            return
        extra = list(self._always)
        if scope["path"].startswith("/api/"):
            extra.append((b"cache-control", b"no-store"))
        if left := self._awaited():
            extra.append((RESTORED, str(left).encode()))
        if scope["scheme"] == "https":
            extra.append(_HSTS)

        async def enriched(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        await self._app(scope, receive, enriched)
