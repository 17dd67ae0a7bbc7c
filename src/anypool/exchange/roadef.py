"""The text format of the machine reassignment problem: a model, and assignments beside it.

Whole numbers between white space, as the ROADEF/EURO challenge of 2012 defined them: resources,
machines, services, processes, balances, weights. An assignment is one machine for each process.
"""

import re
import warnings
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from anypool.errors import Invalid
from anypool.planner.reassign import Ints, Problem, check_start

HINT = "see the format in the documentation of `anypool plan balance --from roadef`"
LARGEST = 2**32 - 1
LARGEST_COST = 2.0**60
_NUMBER = re.compile(r"\d{1,18}")


class Numbers:
    """The numbers of a text in order; each is taken once, errors bear the line."""

    def __init__(self, text: str, name: str) -> None:
        """Take a text apart; raise `Invalid` where something is no whole number."""
        self._text = text
        self._name = name
        self._at = 0
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                self._all: Ints = np.fromstring(text, dtype=np.int64, sep=" ")
            except (DeprecationWarning, ValueError):
                raise self._strange() from None
        if self._all.size and not text.strip():
            self._all = self._all[:0]  # numpy reads white space alone as a number
        wrong = (self._all < 0) | (self._all > LARGEST)
        if wrong.any():
            raise self.wrong(int(np.argmax(wrong)), f"a number is not in 0 to {LARGEST}")

    def take(self, count: int, what: str) -> Ints:
        """Return the next numbers; raise `Invalid` where the text ends before them."""
        end = self._at + count
        if end > self._all.size:
            last = self._text.rstrip().count("\n") + 1
            raise Invalid(
                f"{self._name}, line {last}: the file ends where {what} must follow", hint=HINT
            )
        found = self._all[self._at : end]
        self._at = end
        return found

    def one(self, what: str) -> int:
        """Return the next number."""
        return int(self.take(1, what)[0])

    def limit(self, end: int, what: str, *, of: Iterable[int] | None = None) -> None:
        """Raise `Invalid` unless the numbers taken last are below `end`.

        `of` are their distances from the number that is next, one for each to be looked at.
        """
        for back in (1,) if of is None else of:
            value = int(self._all[self._at - back])
            if value >= end:
                raise self.wrong(
                    self._at - back, f"{what} {value} is not there, the last one is {end - 1}"
                )

    def finish(self) -> None:
        """Raise `Invalid` if numbers are left."""
        left = self._all.size - self._at
        if left:
            raise self.wrong(self._at, f"{left} more numbers than the file needs")

    def wrong(self, index: int, message: str) -> Invalid:
        """Return an error about a number."""
        seen = 0
        for line, words in enumerate(self._text.split("\n"), start=1):
            seen += len(words.split())
            if seen > index:
                return Invalid(f"{self._name}, line {line}: {message}", hint=HINT)
        return Invalid(f"{self._name}: {message}", hint=HINT)

    def _strange(self) -> Invalid:
        for line, words in enumerate(self._text.split("\n"), start=1):
            for word in words.split():
                if not _NUMBER.fullmatch(word):
                    text = f"{word[:20]!r} is not a whole number of zero or more"
                    return Invalid(f"{self._name}, line {line}: {text}", hint=HINT)
        return Invalid(f"{self._name}: this is not whole numbers between white space", hint=HINT)
