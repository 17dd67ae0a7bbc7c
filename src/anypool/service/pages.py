"""Pages of a sorted list: a slice, the total, and a cursor that finds its place again."""

import base64
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from anypool.errors import Invalid
from anypool.search import Facet
from anypool.store.records import Page

T = TypeVar("T")
P = TypeVar("P", bound=Struct)

LARGEST = 1000

__all__ = ["LARGEST", "Ask", "Listed", "Page", "encode_cursor", "page"]


class Ask(Struct, frozen=True, kw_only=True):
    """What a list is asked for: a search text, at most `limit` rows, from a cursor on.

    `facets` are fields of which the list says how many rows have each value. `offset` rows
    are left out first; only lists of the inventory take one.
    """

    query: str = ""
    limit: int = 100
    cursor: str = ""
    offset: int = 0
    facets: tuple[str, ...] = ()


class Listed(Page[T], Generic[T], frozen=True, kw_only=True):
    """A page with sums over, and values of, all rows that match, on whatever page."""

    totals: dict[str, int]
    facets: tuple[Facet, ...] = ()


class _Mark(Struct, frozen=True, array_like=True):
    query: str
    values: tuple[Any, ...]


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
    end = begin + page_size(ask)
    shown = tuple(rows[begin:end])
    following = None
    if end < len(rows):
        following = encode_cursor(ask.query, key(shown[-1]), end)
    return Page(items=shown, total=len(rows), next=following)


def encode_cursor(query: str, after: str, position: int) -> str:
    """Return an opaque text for a place in the list that `query` gives."""
    return _text(_Place(query, after, position))


def _text(place: Struct) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _begin(rows: Sequence[T], key: Callable[[T], str], ask: Ask) -> int:
    if not ask.cursor:
        return 0
    place = _decoded(ask.cursor, _Place)
    if place.position < 0:
        raise Invalid("the cursor is not one of ours", hint="use the `next` of the page before")
    if place.query != ask.query:
        raise Invalid("the cursor belongs to another query", hint="start again without a cursor")
    for index in range(min(place.position, len(rows)), 0, -1):
        if key(rows[index - 1]) == place.after:
            return index
    for index in range(place.position, len(rows)):
        if key(rows[index]) == place.after:
            return index + 1
    return min(place.position, len(rows))


def _decoded(cursor: str, kind: type[P]) -> P:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=kind)
    except (ValueError, msgspec.DecodeError) as error:
        hint = "use the `next` of the page before"
        raise Invalid("the cursor is not one of ours", hint=hint) from error


def page_size(ask: Ask) -> int:
    """Return how many rows a page has at most; raise `Invalid`."""
    if not 1 <= ask.limit <= LARGEST:
        raise Invalid(f"a page of {ask.limit} rows is not possible", hint=f"ask for 1 to {LARGEST}")
    return ask.limit


def encode_mark(query: str, mark: tuple[Any, ...]) -> str:
    """Return an opaque text for the place after the row that has these values."""
    return _text(_Mark(query, mark))


def mark_of(ask: Ask) -> tuple[Any, ...]:
    """Return the values in a cursor; raise `Invalid` for one that is not ours."""
    found = _decoded(ask.cursor, _Mark)
    if found.query != ask.query:
        raise Invalid("the cursor belongs to another query", hint="start again without a cursor")
    return found.values
