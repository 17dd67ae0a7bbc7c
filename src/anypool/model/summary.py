"""What is left of many measured values of one metric: a histogram that can be added up.

The histogram counts in bins of eight codes, so a percentile that is read from it is off by
at most 2 % of itself plus 2 % of the metric's floor, however many summaries were added.
Minimum, maximum and mean are those of the codes.
"""

from collections.abc import Iterable

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from anypool.model.metric import GAP, Codes, Values, value_of

BIN = 8
"""Codes in a bin."""


class Percentiles(Struct, frozen=True, kw_only=True, gc=False):
    """What is needed to plan with a load; all None and `count` 0 where nobody measured."""

    count: int = 0
    mean: float | None = None
    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    max: float | None = None


class Summary(Struct, frozen=True, kw_only=True):
    """Values of one metric: how many, their sum, the lowest and highest code, counts by bin."""

    count: int = 0
    total: float = 0.0
    low: int = 0
    high: int = 0
    bins: NDArray[np.uint16] = np.zeros(0, np.uint16)
    counts: NDArray[np.uint32] = np.zeros(0, np.uint32)


def summed(codes: Codes, values: Values) -> Summary:
    """Return the summary of one metric's codes and their values; gaps do not count."""
    known = codes != GAP
    found = codes[known]
    if not found.size:
        return Summary()
    bins, counts = np.unique(found // BIN, return_counts=True)
    return Summary(
        count=int(found.size),
        total=float(values[known].sum()),
        low=int(found.min()),
        high=int(found.max()),
        bins=bins.astype(np.uint16),
        counts=counts.astype(np.uint32),
    )


def merged(parts: Iterable[Summary]) -> Summary:
    """Return the summary of all values that the parts were made of."""
    known = [part for part in parts if part.count]
    if not known:
        return Summary()
    bins, place = np.unique(np.concatenate([part.bins for part in known]), return_inverse=True)
    weights = np.concatenate([part.counts for part in known])
    return Summary(
        count=sum(part.count for part in known),
        total=sum(part.total for part in known),
        low=min(part.low for part in known),
        high=max(part.high for part in known),
        bins=bins.astype(np.uint16),
        counts=np.bincount(place, weights).astype(np.uint32),
    )


def percentile(summary: Summary, metric: int, percent: float) -> float | None:
    """Return the value that `percent` of the values do not exceed; None if there are none.

    `metric` is its place in `METRICS`.
    """
    if not summary.count:
        return None
    rank = max(1, int(np.ceil(summary.count * percent / 100)))
    place = int(np.searchsorted(np.cumsum(summary.counts), rank))
    middle = float(summary.bins[place]) * BIN + (BIN - 1) / 2
    return value_of(metric, min(max(middle, summary.low), summary.high))


def percentiles(summary: Summary, metric: int) -> Percentiles:
    """Return the percentiles of a metric, by its place in `METRICS`."""
    if not summary.count:
        return Percentiles()
    p50, p90, p95, p99 = (percentile(summary, metric, at) for at in (50, 90, 95, 99))
    return Percentiles(
        count=summary.count,
        mean=summary.total / summary.count,
        p50=p50,
        p90=p90,
        p95=p95,
        p99=p99,
        max=value_of(metric, summary.high),
    )
