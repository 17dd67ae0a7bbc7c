"""Errors as RFC 9457 problem documents: one table from error class to status."""

from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.background_tasks import BackgroundTask
from litestar.exceptions import HTTPException, ValidationException
from msgspec import Struct

from anypool import famine
from anypool.api.language import ReasonView, reason_view, told, told_error
from anypool.errors import (
    AnypoolError,
    Busy,
    Cancelled,
    Conflict,
    Denied,
    Invalid,
    NoPlan,
    NotFound,
    NotLoggedIn,
    NotSupported,
    OutcomeUnknown,
    Rejected,
    Stale,
    StoreFailed,
    Unreachable,
)
from anypool.plan import Reason
from anypool.service.access import request_id

MEDIA_TYPE = "application/problem+json"

_DOCUMENT = "the API document at /api/openapi.json says what is accepted"
_log = structlog.get_logger("anypool.api")


class FieldError(Struct, frozen=True, kw_only=True):
    """What is wrong with one part of the request."""

    field: str
    message: str


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a request was not carried out, and in `hint` what to do next.

    `refusals` maps each host that was considered to the reason against it. `reason` is the
    same as a value, where there is one; `request` is what the log and the audit trail call it.
    """

    type: str
    title: str
    status: int
    detail: str
    hint: str = ""
    errors: tuple[FieldError, ...] = ()
    refusals: dict[str, str] = {}
    reason: ReasonView | None = None
    request: str = ""


_STATUS: dict[type[AnypoolError], tuple[int, str]] = {
    NoPlan: (409, "No plan"),
    Invalid: (422, "Invalid request"),
    NotFound: (404, "Not found"),
    NotLoggedIn: (401, "Not logged in"),
    Denied: (403, "Not allowed"),
    NotSupported: (422, "Not supported"),
    Stale: (412, "Changed meanwhile"),
    Conflict: (409, "Conflict"),
    Busy: (409, "Busy"),
    Unreachable: (503, "Unreachable"),
    Rejected: (502, "Rejected by the platform"),
    OutcomeUnknown: (504, "Outcome unknown"),
    StoreFailed: (507, "Database failed"),
    AnypoolError: (500, "Error"),
}

_TITLES = {400: "Malformed request", 404: "Not found", 405: "Method not allowed"}
_TITLES |= {413: "Too large", 415: "Unsupported media type", 429: "Too many requests"}


def problem_of(error: AnypoolError) -> Problem:
    """Return the problem document of an error; the nearest class in the table decides."""
    kind = next(base for base in type(error).__mro__ if base in _STATUS)
    status, title = _STATUS[kind]
    detail, hint = told_error(error)
    return Problem(
        type=f"urn:anypool:problem:{_dashed(kind.__name__)}",
        title=title,
        status=status,
        detail=detail,
        hint=hint,
        refusals=_refusals(error),
        reason=reason_view(error.why) if isinstance(error.why, Reason) else None,
    )


def _refusals(error: AnypoolError) -> dict[str, str]:
    if not isinstance(error, NoPlan):
        return {}
    pairs = [(a, b) for a, b in error.against if isinstance(a, Reason) and isinstance(b, Reason)]
    return {told(where): told(why) for where, why in pairs} or error.refusals


def answer(problem: Problem, headers: dict[str, str] | None = None) -> Response[Problem]:
    """Return a problem as a response."""
    known = msgspec.structs.replace(problem, request=request_id())
    return Response(known, status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


Refused = Callable[[object, str], None]
"""Told of each refusal: who wanted what, and why not."""


def handlers(
    refused: Refused,
) -> dict[int | type[Exception], Callable[[Request[Any, Any, Any], Any], Any]]:
    """Return the exception handlers of the application."""

    def own(_: Request[Any, Any, Any], error: AnypoolError) -> Response[Problem]:
        headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, NotLoggedIn) else None
        said = answer(problem_of(error), headers)
        if isinstance(error, Denied) and error.doing is not None:
            said.background = BackgroundTask(refused, error.doing, error.message)
        return said

    return {
        AnypoolError: own,
        Cancelled: _unheard,
        HTTPException: _framework,
        Exception: _unexpected,
    }


def _unheard(_: Request[Any, Any, Any], error: Cancelled) -> Response[Problem]:
    """Return what only the log hears: the client has left."""
    kind, title = "urn:anypool:problem:cancelled", "Client left"
    return answer(Problem(type=kind, title=title, status=499, detail=str(error)))


def _framework(_: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    if isinstance(error, ValidationException):
        return answer(_invalid(error))
    if (cause := _mismatch(error)) is not None:
        return answer(problem_of(Invalid(f"the body does not fit: {cause}", hint=_DOCUMENT)))
    status = error.status_code
    title = _TITLES.get(status, "Error")
    kind = f"urn:anypool:problem:{title.lower().replace(' ', '-')}"
    detail = title if status >= 500 else str(error.detail)
    headers = {k: v for k, v in (error.headers or {}).items() if k.lower() == "allow"}
    return answer(Problem(type=kind, title=title, status=status, detail=detail), headers)


def _invalid(error: ValidationException) -> Problem:
    found = error.extra if isinstance(error.extra, list) else []
    if any(isinstance(entry, dict) and entry.get("message") == "'data'" for entry in found):
        return problem_of(Invalid("the request has no body", hint=_DOCUMENT))
    errors = tuple(
        FieldError(field=str(entry.get("key", "")), message=str(entry.get("message", "")))
        for entry in found
        if isinstance(entry, dict)
    )
    return Problem(
        type="urn:anypool:problem:invalid",
        title="Invalid request",
        status=422,
        detail="; ".join(f"{e.field}: {e.message}".lstrip(": ") for e in errors) or "invalid",
        hint=_DOCUMENT,
        errors=errors,
    )


def _mismatch(error: HTTPException) -> msgspec.ValidationError | None:
    """Return why well-formed JSON is not what was asked for, as far as that is the trouble."""
    cause = error.__cause__
    while cause is not None and not isinstance(cause, msgspec.ValidationError):
        cause = cause.__cause__
    return cause


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    why, way_out = famine.told(error)
    if why:
        _log.error("famine", path=request.url.path, why=why)
        return answer(problem_of(Unreachable(why, hint=way_out)))
    _log.error("unexpected error", path=request.url.path, exc_info=error)
    hint = "the log of the manager says more; please report it"
    return answer(
        Problem(
            type="urn:anypool:problem:defect",
            title="Defect",
            status=500,
            detail="the manager made a mistake",
            hint=hint,
        )
    )


def _dashed(name: str) -> str:
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")
