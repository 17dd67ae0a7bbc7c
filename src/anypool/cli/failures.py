"""Errors on the way to people: from problem documents, to exit codes and one line."""

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from anypool.cli.terminal import clean, err
from anypool.errors import (
    AnypoolError,
    Busy,
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

EXIT_CODES: dict[type[AnypoolError], int] = {
    Invalid: 2,
    NotFound: 3,
    Denied: 4,
    Conflict: 5,
    Busy: 5,
    NoPlan: 6,
    Unreachable: 7,
    Rejected: 8,
    NotSupported: 8,
    OutcomeUnknown: 9,
    StoreFailed: 10,
    AnypoolError: 1,
}
"""Exit code by class of error; the nearest class decides."""

EXIT_MEANINGS: dict[int, str] = {
    0: "done",
    1: "the operation failed, or an error of another kind",
    2: "the command or the request is wrong",
    3: "no such object",
    4: "not logged in, or not allowed",
    5: "conflict, or somebody else is at work",
    6: "no plan reaches the wish",
    7: "manager or endpoint not reachable",
    8: "refused or not supported by the platform",
    9: "outcome unknown",
    10: "the database failed",
    130: "interrupted",
}

_CLASSES: dict[str, type[AnypoolError]] = {
    "invalid": Invalid,
    "no-plan": NoPlan,
    "not-found": NotFound,
    "denied": Denied,
    "not-logged-in": NotLoggedIn,
    "not-supported": NotSupported,
    "conflict": Conflict,
    "stale": Stale,
    "busy": Busy,
    "unreachable": Unreachable,
    "rejected": Rejected,
    "outcome-unknown": OutcomeUnknown,
    "store-failed": StoreFailed,
}
_BY_STATUS: dict[int, type[AnypoolError]] = {
    400: Invalid,
    401: NotLoggedIn,
    403: Denied,
    404: NotFound,
    405: Invalid,
    409: Conflict,
    412: Stale,
    422: Invalid,
    429: Busy,
    502: Rejected,
    503: Unreachable,
    504: OutcomeUnknown,
    507: StoreFailed,
}


def error_of(status: int, problem: Mapping[str, Any]) -> AnypoolError:
    """Return the error a problem document stands for; by its type, else by the status."""
    name = str(problem.get("type", "")).rpartition(":")[2]
    kind = _CLASSES.get(name) or _BY_STATUS.get(status, AnypoolError)
    message = str(problem.get("detail") or problem.get("title") or f"the manager said {status}")
    hint = str(problem.get("hint", ""))
    if kind is NotLoggedIn and not hint:
        hint = "log in again with `anypool login`"
    if kind is NoPlan:
        refusals = {str(key): str(why) for key, why in dict(problem.get("refusals", {})).items()}
        return NoPlan(message, hint=hint, refusals=refusals)
    return kind(message, hint=hint)


def exit_code(error: AnypoolError) -> int:
    """Return the exit code of an error."""
    return next(EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES)


def show(error: AnypoolError) -> None:
    """Print an error on standard error: what is wrong, the refusals, and what to do next."""
    console = err()
    console.print(Text("anypool: ", style="bold red") + Text(clean(error.message)))
    if isinstance(error, NoPlan) and error.refusals:
        width = max(map(len, error.refusals))
        for candidate, why in sorted(error.refusals.items()):
            console.print(Text(f"  {clean(candidate):<{width}}  {clean(why)}"))
    if error.hint:
        console.print(Text("hint: ", style="bold") + Text(clean(error.hint)))
