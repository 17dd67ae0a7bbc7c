"""One column of a table of records: a number for each row, a dictionary of what they mean."""

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable
from itertools import chain
from operator import ne
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anypool.search.haystack import Haystack

Mask = NDArray[np.bool_]

_FEW = 64


class Growing:
    """An array to whose end rows are added, mostly without copying it."""

    def __init__(self, kind: type[np.generic]) -> None:
        self._room: NDArray[Any] = np.zeros(0, kind)
        self._rows = 0

    @property
    def all(self) -> NDArray[Any]:
        """Return the array, for reading."""
        return self._room[: self._rows]

    def fill(self, values: NDArray[Any]) -> None:
        """Replace everything."""
        self._room, self._rows = values, len(values)

    def put(self, row: int, value: Any) -> None:
        """Set one row, which may be the next after the last."""
        if row == len(self._room):
            more = np.zeros(len(self._room) // 4 + 16, self._room.dtype)
            self._room = np.concatenate([self._room, more])
        self._rows = max(self._rows, row + 1)
        self._room[row] = value


class Place(NamedTuple):
    """Where a value stands among the ranks of a column; not `exact` is just before `rank`."""

    rank: int
    exact: bool


class Order:
    """Values by code in the order of their ranks, kept by inserting what is new."""

    def __init__(self) -> None:
        self._ranks: list[Any] = []
        self._codes: NDArray[np.int64] = np.zeros(0, np.int64)
        self._first: Mask = np.zeros(0, np.bool_)
        self._by_code: NDArray[np.int64] = np.zeros(0, np.int64)

    def extend(self, fresh: Iterable[tuple[Any, int]]) -> None:
        """Take in the ranks of codes that are new; few are cheap, many are sorted anew."""
        added = list(fresh)
        if not added:
            return
        if len(added) > _FEW:
            unsorted = [*self._ranks, *(rank for rank, _ in added)]
            codes = np.array([*self._codes.tolist(), *(code for _, code in added)], np.int64)
            places = sorted(range(len(unsorted)), key=unsorted.__getitem__)
            self._codes = codes[places]
            self._ranks = ranks = [unsorted[place] for place in places]
            firsts = map(ne, ranks[1:], ranks)
            self._first = np.fromiter(chain((True,), firsts), np.bool_, len(ranks))
        else:
            for rank, code in added:
                self._insert(rank, code)
        numbers = np.where(self._first, np.arange(len(self._ranks)), 0)
        self._by_code = np.empty(len(self._ranks), np.int64)
        self._by_code[self._codes] = np.maximum.accumulate(numbers)

    def _insert(self, rank: Any, code: int) -> None:
        at = bisect_left(self._ranks, rank)
        known = at < len(self._ranks) and self._ranks[at] == rank
        self._ranks.insert(at, rank)
        self._codes = np.insert(self._codes, at, code)
        self._first = np.insert(self._first, at, True)
        if known:
            self._first[at + 1] = False

    @property
    def by_code(self) -> NDArray[np.int64]:
        """Return the rank of each code; equal values have equal ranks, below `len`."""
        return self._by_code

    def place(self, rank: Any) -> Place:
        """Return where a value would stand."""
        at = bisect_left(self._ranks, rank)
        return Place(at, at < len(self._ranks) and self._ranks[at] == rank)


class Column:
    """What all rows have in one respect: `codes[row]` is an index into `values`.

    `key` is what of a record the value depends on; rows with equal keys share a code. The
    value is the key itself, or with `witness` the first record that has the key.
    """

    def __init__(self, key: Callable[[Any], Hashable], *, witness: bool = False) -> None:
        self._key = key
        self._witness = witness
        self._known: dict[Hashable, int] = {}
        self._folded: list[Any] = []
        self._haystack = Haystack()
        self.values: list[Any] = []
        self._codes = Growing(np.int32)
        self._order: Order | None = None
        self._ordered = 0

    def fill(self, records: Iterable[Any]) -> None:
        """Take all rows anew; None is a row without a record, which must not be looked at."""
        every = list(records)
        anybody = next((record for record in every if record is not None), None)
        if anybody is not None:
            every = [anybody if record is None else record for record in every]
        keys = [] if anybody is None else list(map(self._key, every))
        known: dict[Hashable, int] = {}
        codes = [known.setdefault(key, len(known)) for key in keys] or [0] * len(every)
        self._known = known
        self.values = list(known)
        if self._witness:
            first = dict(zip(reversed(keys), reversed(every), strict=False))
            self.values = [first[key] for key in known]
        self._folded = []
        self._haystack = Haystack()
        self._order, self._ordered = None, 0
        self._codes.fill(np.array(codes, np.int32))

    def put(self, row: int, record: Any) -> None:
        """Take one row's new record."""
        self._codes.put(row, self._code(record))

    @property
    def codes(self) -> NDArray[Any]:
        """Return the code of each row."""
        return self._codes.all

    @property
    def worn(self) -> bool:
        """Return whether most values are of rows that are long gone: `fill` it again."""
        return len(self.values) > 2 * len(self.codes) + 1024

    def order(self, rank: Callable[[Any], Any]) -> Order:
        """Return the order of the values by rank, which must be the same function each time."""
        if self._order is None:
            self._order, self._ordered = Order(), 0
        fresh = range(self._ordered, len(self.values))
        self._order.extend((rank(self.values[code]), code) for code in fresh)
        self._ordered = len(self.values)
        return self._order

    def folded(self) -> list[Any]:
        """Return the values, texts or sets of texts, in the form that ignores case."""
        self._folded += map(folded, self.values[len(self._folded) :])
        return self._folded

    def holding(self, word: str) -> Mask:
        """Return which rows have a word, which ignores case already, in their texts."""
        self._haystack.extend(self.folded())
        return self.spread(self._haystack.holding(word))

    def where(self, test: Callable[[Any], bool], values: list[Any]) -> Mask:
        """Return which rows pass a test, made once for each of `values`, which are by code."""
        return self.spread(np.fromiter(map(test, values), np.bool_, len(values)))

    def counts(self, rows: Mask) -> NDArray[np.int64]:
        """Return for each code how many of some rows have it."""
        return np.bincount(self.codes[rows], minlength=len(self.values))

    def spread(self, by_code: NDArray[Any]) -> NDArray[Any]:
        """Return for each row what an array has for its code."""
        if not len(by_code):
            return np.zeros(len(self.codes), by_code.dtype)
        found: NDArray[Any] = by_code[self.codes]
        return found

    def _code(self, record: Any) -> int:
        key = self._key(record)
        code = self._known.get(key)
        if code is None:
            code = self._known[key] = len(self.values)
            self.values.append(record if self._witness else key)
        return code


def folded(value: Any) -> Any:
    """Return a text, or a set of texts, in the form that ignores case."""
    return value.casefold() if isinstance(value, str) else frozenset(map(str.casefold, value))
