"""How busy VMs are over the week, from the loads that are kept in full."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from anypool.model import HOURS, Curve, VmId
from anypool.model.curve import FIRST_HOUR, HOUR_S
from anypool.model.metric import GAP, METRIC_NAMES, Codes, values_of

METRIC = "cpu_percent"
_PLACE = METRIC_NAMES.index(METRIC)


class Kept(Protocol):
    """The hours that are kept of some objects."""

    def hour(self, hour: int) -> Iterator[tuple[int, Codes]]:
        """Yield the codes of each object that has any in an hour since 1970, by its place."""


def curves(kept: Kept, vms: list[VmId], span: range, percentile: float) -> dict[VmId, Curve]:
    """Return the curve of each VM of which anything is kept in some hours since 1970, by its id.

    In each hour of the week, `percentile` of the readings of all weeks are not above it. `vms`
    are in the order of `kept`.
    """
    high = np.full((len(vms), HOURS), np.nan)
    mean = np.full((len(vms), HOURS), np.nan)
    for at in range(HOURS):
        hours = [hour for hour in span if (hour + FIRST_HOUR) % HOURS == at]
        high[:, at], mean[:, at] = spread(_gathered(kept, hours, len(vms)), percentile)
    known = np.isfinite(high).any(axis=1)
    return {vm: Curve(high=high[row], mean=mean[row]) for row, vm in enumerate(vms) if known[row]}


def whole_hours(since: float, until: float) -> range:
    """Return the hours since 1970 that begin within a time."""
    return range(-(-int(since) // HOUR_S), int(until) // HOUR_S + 1)


def _gathered(kept: Kept, hours: list[int], size: int) -> Codes:
    """Return all codes of some hours, a row for each object; where it has fewer there are gaps."""
    parts = [dict(kept.hour(hour)) for hour in hours]
    wide = sum(max((len(codes) for codes in part.values()), default=0) for part in parts)
    found = np.full((size, wide), GAP, dtype=np.uint16)
    begin = 0
    for part in parts:
        for row, codes in part.items():
            found[row, begin : begin + len(codes)] = codes
        begin += max((len(codes) for codes in part.values()), default=0)
    return found


def spread(codes: Codes, percentile: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what a percentile of the codes of each row stands for, and their mean; NaN if none."""
    counts = (codes != GAP).sum(axis=1)
    high, mean = np.full(len(codes), np.nan), np.full(len(codes), np.nan)
    there = np.flatnonzero(counts)
    if not there.size:
        return high, mean
    ordered, counts = np.sort(codes[there], axis=1), counts[there]
    rank = np.maximum(np.ceil(percentile / 100 * counts).astype(np.int64), 1)
    place = codes.shape[1] - counts + rank - 1
    high[there] = values_of(_PLACE, ordered[np.arange(len(there)), place])
    values = np.where(ordered == GAP, 0.0, values_of(_PLACE, ordered))
    mean[there] = values.sum(axis=1) / counts
    return high, mean
