"""A line in the log for each request that changes something, or fails: who, what, how long."""

import re
import secrets
import time

import structlog
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from anypool.api.gate import Caller
from anypool.api.metrics import REQUESTS
from anypool.service.access import in_request

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_QUIET = frozenset({"GET", "HEAD", "OPTIONS"})

_log = structlog.get_logger("anypool.api")


class AccessLog(ASGIMiddleware):
    """Write the line when the answer begins; queries and bodies are left out."""

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass the request on and look at its answer."""
        begun = time.monotonic()
        request = _id_of(scope)
        in_request(request)
        structlog.contextvars.bind_contextvars(request=request)

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                _observe(scope, message["status"], time.monotonic() - begun)
                message["headers"] = [*message["headers"], (b"x-request-id", request.encode())]
                _write(
                    scope,
                    message["status"],
                    dict(message["headers"]),
                    round(1000 * (time.monotonic() - begun)),
                )
            await send(message)

        await next_app(scope, receive, watched)


def _id_of(scope: Scope) -> str:
    """Return the id that the client gave the request, or a new one."""
    given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    return given if _ID.fullmatch(given) else secrets.token_hex(8)


def _observe(scope: Scope, status: int, took_s: float) -> None:
    route = str(scope.get("path_template", ""))
    REQUESTS.labels(str(scope.get("method", "")), route, f"{status // 100}xx").observe(took_s)


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
