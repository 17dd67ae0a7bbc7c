"""An hour of loads that is still open, of all objects together, in memory.

Each slot is one array [metric, object], as long as there were objects then; a sample of an
object costs twelve bytes and no Python object.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anypool.model.metric import COUNT, GAP, Codes, Values, to_codes

_ROOM = 256


class Readings(NamedTuple):
    """What was measured of some objects: [metric, object], NaN where it is not known."""

    names: Sequence[str]
    values: Values


class Hour:
    """The slots of one hour; `at` is hours since 1970. Not safe for threads by itself."""

    def __init__(self, at: int, step_s: int) -> None:
        self.at = at
        self.step_s = step_s
        self.names: list[str] = []
        self.slots: dict[int, Codes] = {}
        self.unsaved: set[int] = set()
        self.tails: list[int] = []
        self._rows: dict[str, int] = {}
        self._slot = -1
        self._sums: Values = np.zeros((COUNT, _ROOM))
        self._seen: NDArray[np.uint16] = np.zeros((COUNT, _ROOM), np.uint16)

    def add(self, slot: int, readings: Readings) -> None:
        """Add readings to a slot; it becomes the current one, and the one before is finished."""
        if slot != self._slot:
            self.finish()
            self._slot = slot
        rows = [self._row(name) for name in readings.names]
        values = readings.values
        known = np.isfinite(values)
        self._sums[:, rows] += np.where(known, values, 0.0)
        self._seen[:, rows] += known

    def finish(self) -> None:
        """Turn what was read in the current slot into codes: its means."""
        size = len(self.names)
        seen = self._seen[:, :size]
        if not seen.any():
            return
        with np.errstate(invalid="ignore", divide="ignore"):
            codes = to_codes(self._sums[:, :size] / seen)
        self.put(self._slot, codes)
        self.unsaved.add(self._slot)
        self._sums[:] = 0.0
        self._seen[:] = 0

    def finish_before(self, slot: int) -> None:
        """Finish the current slot if another one has begun."""
        if slot != self._slot:
            self.finish()

    def put(self, slot: int, codes: Codes) -> None:
        """Lay codes over what a slot has: gaps hide nothing."""
        old = self.slots.get(slot)
        if old is not None:
            codes = codes.copy()
            kept = codes[:, : old.shape[1]]
            np.copyto(kept, old, where=kept == GAP)
        self.slots[slot] = codes

    def series(self, name: str) -> Codes | None:
        """Return [metric, slot] of one object, None if it is not known here."""
        row = self._rows.get(name)
        return None if row is None else self.block(row, row + 1)[0]

    def block(self, start: int, end: int) -> Codes:
        """Return [object, metric, slot] of some rows of `names`."""
        made = np.zeros((end - start, COUNT, 3600 // self.step_s), np.uint16)
        for slot, codes in self.slots.items():
            part = codes[:, start:end]
            made[: part.shape[1], :, slot] = part.T
        return made

    def blocks(self, size: int) -> Iterator[tuple[Sequence[str], Codes]]:
        """Yield all objects with their codes, `size` at a time."""
        for start in range(0, len(self.names), size):
            names = self.names[start : start + size]
            yield names, self.block(start, start + len(names))

    def _row(self, name: str) -> int:
        row = self._rows.get(name)
        if row is None:
            row = self._rows[name] = len(self.names)
            self.names.append(name)
            if row >= self._sums.shape[1]:
                self._sums = np.pad(self._sums, ((0, 0), (0, row)))
                self._seen = np.pad(self._seen, ((0, 0), (0, row)))
        return row
