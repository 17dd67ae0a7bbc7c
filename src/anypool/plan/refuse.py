"""Errors that carry their reason, so that they can be said in every language."""

from typing import Any, TypeVar

from anypool.errors import AnypoolError
from anypool.plan.reason import Reason, plain
from anypool.plan.words import say

E = TypeVar("E", bound=AnypoolError)


def refuse(kind: type[E], why: Reason, hint: Reason | None = None, **more: Any) -> E:
    """Return an error that says why in English and keeps the reason beside it."""
    error = kind(say(why), hint="" if hint is None else say(hint), **more)
    error.why, error.way_out = why, hint
    return error


def why_of(error: AnypoolError) -> Reason:
    """Return the reason an error carries, or its words as they are."""
    return error.why if isinstance(error.why, Reason) else plain(error.message)


def way_out_of(error: AnypoolError) -> Reason | None:
    """Return the hint an error carries, or its words as they are; None for no hint."""
    if isinstance(error.way_out, Reason):
        return error.way_out
    return plain(error.hint) if error.hint else None
