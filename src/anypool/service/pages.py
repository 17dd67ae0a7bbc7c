"""Pages of a sorted list: a slice, the total, and a cursor that finds its place again."""

import base64
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct

from anypool.errors import Invalid
from anypool.store.records import Page

T = TypeVar("T")

LARGEST = 1000

__all__ = ["LARGEST", "Ask", "Page", "encode_cursor", "page"]


class Ask(Struct, frozen=True, kw_only=True):
    """What a list is asked for: a search text, at most `limit` rows, from a cursor on."""

    query: str = ""
    limit: int = 100
    cursor: str = ""


class _Place(Struct, frozen=True, array_like=True):
    query: str
    after: str
    position: int


def page(rows: Sequence[T], key: Callable[[T], str], ask: Ask) -> Page[T]:
    """Return the rows after the cursor's one; raise `Invalid` for a cursor that is not ours.

    The row the cursor names is looked for, so that rows added before it neither repeat
    nor hide others; if it is gone, its old position is used.
    """
    begin = _begin(rows, key, ask)
    end = begin + _limited(ask.limit)
    shown = tuple(rows[begin:end])
    following = None
    if end < len(rows):
        following = encode_cursor(ask.query, key(shown[-1]), end)
    return Page(items=shown, total=len(rows), next=following)


def encode_cursor(query: str, after: str, position: int) -> str:
    """Return an opaque text for a place in the list that `query` gives."""
    raw = msgspec.json.encode(_Place(query, after, position))
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _begin(rows: Sequence[T], key: Callable[[T], str], ask: Ask) -> int:
    if not ask.cursor:
        return 0
    place = _decoded(ask.cursor)
    if place.query != ask.query:
        raise Invalid("the cursor belongs to another query", hint="start again without a cursor")
    for index in range(min(place.position, len(rows)), 0, -1):
        if key(rows[index - 1]) == place.after:
            return index
    for index in range(place.position, len(rows)):
        if key(rows[index]) == place.after:
            return index + 1
    return min(place.position, len(rows))


def _decoded(cursor: str) -> _Place:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        place = msgspec.json.decode(raw, type=_Place)
    except (ValueError, msgspec.DecodeError) as error:
        hint = "use the `next` of the page before"
        raise Invalid("the cursor is not one of ours", hint=hint) from error
    if place.position < 0:
        raise Invalid("the cursor is not one of ours", hint="use the `next` of the page before")
    return place


def _limited(limit: int) -> int:
    if not 1 <= limit <= LARGEST:
        raise Invalid(f"a page of {limit} rows is not possible", hint=f"ask for 1 to {LARGEST}")
    return limit
