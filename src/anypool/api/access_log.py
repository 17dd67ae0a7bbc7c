"""A line in the log for each request that changes something, or fails: who, what, how long."""

import time

import structlog
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from anypool.api.gate import Caller

_QUIET = frozenset({"GET", "HEAD", "OPTIONS"})

_log = structlog.get_logger("anypool.api")


class AccessLog(ASGIMiddleware):
    """Write the line when the answer begins; queries and bodies are left out."""

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass the request on and look at its answer."""
        begun = time.monotonic()

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                _write(
                    scope,
                    message["status"],
                    dict(message["headers"]),
                    round(1000 * (time.monotonic() - begun)),
                )
            await send(message)

        await next_app(scope, receive, watched)


def _write(scope: Scope, status: int, headers: dict[bytes, bytes], took_ms: int) -> None:
    if scope.get("method") in _QUIET and status < 500:
        return
    caller = scope.get("user")
    operation = headers.get(b"location", b"").decode().partition("/operations/")[2]
    _log.info(
        "request",
        method=scope.get("method"),
        path=scope["path"],
        status=status,
        by=caller.principal.name if isinstance(caller, Caller) else "",
        took_ms=took_ms,
        **({"operation": operation} if operation else {}),
    )
