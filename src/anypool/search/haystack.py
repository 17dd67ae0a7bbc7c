"""Many texts as one, so that finding the few that contain a word does not look at each."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BETWEEN = "\0"
_FEW = 16
"""Where more than one text in so many contains the word, each is looked at after all."""


class Haystack:
    """Texts, or sets of texts, by number; they are only ever added to."""

    def __init__(self) -> None:
        self._values: list[Any] = []
        self._text = _BETWEEN
        self._starts: list[NDArray[np.int64]] = []
        self._owners: list[NDArray[np.int64]] = []

    def extend(self, values: Sequence[Any]) -> None:
        """Take in what `values` has beyond what was taken before."""
        fresh = values[len(self._values) :]
        if not fresh:
            return
        first = len(self._values)
        pieces = [(item, first + at) for at, value in enumerate(fresh) for item in _items(value)]
        self._values.extend(fresh)
        lengths = np.array([len(text) + 1 for text, _ in pieces], np.int64)
        self._starts.append(len(self._text) + np.cumsum(lengths) - lengths)
        self._owners.append(np.array([owner for _, owner in pieces], np.int64))
        self._text += "".join(f"{text}{_BETWEEN}" for text, _ in pieces)
        if len(self._starts) > _FEW:
            self._starts = [np.concatenate(self._starts)]
            self._owners = [np.concatenate(self._owners)]

    def holding(self, word: str) -> NDArray[np.bool_]:
        """Return for each number whether the word is in its text, or in one of its texts."""
        places = self._places(word) if word and _BETWEEN not in word else None
        if places is None:
            found = (any(word in item for item in _items(value)) for value in self._values)
            return np.fromiter(found, np.bool_, len(self._values))
        held = np.zeros(len(self._values), np.bool_)
        if places:
            starts, owners = np.concatenate(self._starts), np.concatenate(self._owners)
            held[owners[np.searchsorted(starts, places, side="right") - 1]] = True
        return held

    def _places(self, word: str) -> list[int] | None:
        """Return where the word is, once in each text that has it; None if that is too often."""
        most = len(self._values) // _FEW + _FEW
        text = self._text
        places: list[int] = []
        at = text.find(word)
        while at >= 0:
            places.append(at)
            if len(places) > most:
                return None
            at = text.find(word, text.find(_BETWEEN, at))
        return places


def _items(value: Any) -> Iterable[str]:
    return (value,) if isinstance(value, str) else value
