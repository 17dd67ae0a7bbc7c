"""A search over rows: a page of what it finds, how much that is, and what it has in common."""

from typing import Any

import numpy as np
from msgspec import Struct

from anypool.errors import Invalid
from anypool.search.column import Mask
from anypool.search.mask import mask
from anypool.search.query import Query
from anypool.search.ranking import Numbers, Ranking
from anypool.search.rows import Rows
from anypool.search.summary import MOST_FACETS, Facet, facet, totals

Mark = tuple[Any, ...]


class Found(Struct, frozen=True, kw_only=True):
    """One page; `total` and `totals` are of all that satisfies the query.

    `mark` stands for the last record of the page, None if none follows.
    """

    records: tuple[Any, ...]
    total: int
    totals: dict[str, int]
    facets: tuple[Facet, ...] = ()
    mark: Mark | None = None


def find(
    query: Query,
    rows: Rows,
    *,
    most: int,
    after: Mark | int | None = None,
    facets: tuple[str, ...] = (),
) -> Found:
    """Return at most `most` records in the query's order, from those after a mark on.

    With a number in place of a mark as many are left out: for whoever jumps into the middle.

    A row stays before or after a mark as long as its own values do not change: whatever
    else comes or goes. Raises `Invalid` for an unknown field and `ValueError` for a mark
    that is of another order.
    """
    if len(facets) > MOST_FACETS:
        raise Invalid(f"{len(facets)} facets are too many", hint=f"ask for {MOST_FACETS} at most")
    ranking = Ranking(query.order, rows)
    chosen = mask(query.where, rows, 0.0)
    if query.limit is not None:
        chosen = _first(chosen, ranking.numbers, query.limit)
    following = chosen
    skip = after if isinstance(after, int) else 0
    if isinstance(after, tuple):
        following = chosen & (ranking.numbers > ranking.after(after))
    shown, more = _smallest(np.flatnonzero(following), ranking.numbers, skip + most)
    shown = shown[skip:]
    return Found(
        records=tuple(rows.records[row] for row in shown),
        total=int(np.count_nonzero(chosen)),
        totals=totals(rows, chosen),
        facets=tuple(facet(name, rows, chosen) for name in facets),
        mark=ranking.mark(shown[-1]) if more and shown else None,
    )


def _first(chosen: Mask, numbers: Numbers, limit: int) -> Mask:
    """Return the first rows of those chosen."""
    kept, _ = _smallest(np.flatnonzero(chosen), numbers, limit)
    first = np.zeros(len(chosen), np.bool_)
    first[kept] = True
    return first


def _smallest(candidates: Numbers, numbers: Numbers, most: int) -> tuple[list[int], bool]:
    """Return the rows with the smallest numbers in their order, and whether there are more."""
    mine = numbers[candidates]
    more = len(mine) > most
    if more and most:
        few = np.argpartition(mine, most - 1)[:most]
        candidates, mine = candidates[few], mine[few]
    return candidates[np.argsort(mine)][:most].tolist(), more
