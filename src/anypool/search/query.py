"""A query: what is searched, the condition, the order and how many."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from msgspec import Struct

from anypool.model import Inventory
from anypool.search.compiler import predicate, sort_key
from anypool.search.syntax import Expression, Noun, SortKey, paths_of, written

R = TypeVar("R")


class Query(Struct, frozen=True, kw_only=True, gc=False):
    """A parsed query; `str` of it parses to an equal one."""

    noun: Noun
    where: Expression | None = None
    order: tuple[SortKey, ...] = ()
    limit: int | None = None

    def __str__(self) -> str:
        words = [str(self.noun)]
        if self.where is not None:
            words += ["where", written(self.where)]
        if self.order:
            words += ["order by", ", ".join(map(str, self.order))]
        if self.limit is not None:
            words += ["limit", str(self.limit)]
        return " ".join(words)

    @property
    def paths(self) -> frozenset[tuple[str, ...]]:
        """The fields that the condition compares, each with the joins that lead to it."""
        return frozenset() if self.where is None else paths_of(self.where)

    def test(self, inventory: Inventory, now: float = 0.0) -> Callable[[Any], bool]:
        """Return a function that says whether a record satisfies the condition.

        `now` is in seconds since 1970, needed for relative times only.
        """
        if self.where is None:
            return lambda _: True
        holds = predicate(self.where, self.noun, now)
        return lambda record: holds(record, inventory)

    def filter(self, rows: Iterable[R], inventory: Inventory, now: float = 0.0) -> list[R]:
        """Return the rows that satisfy the condition, ordered and limited.

        Rows of equal rank, and all rows of a query without order, stay in their order.
        """
        kept = self.sorted(filter(self.test(inventory, now), rows), inventory)
        return kept if self.limit is None else kept[: self.limit]

    def sorted(self, rows: Iterable[R], inventory: Inventory) -> list[R]:
        """Return the rows in the order asked for, without looking at the condition."""
        found = list(rows)
        for key in reversed(self.order):
            rank = sort_key(key, self.noun)
            found.sort(key=lambda row: rank(row, inventory), reverse=key.descending)
        return found
