"""How busy VMs are over the week, from the loads that are kept in full."""

import numpy as np
from numpy.typing import NDArray

from anypool.engine.history import History, Span
from anypool.model import HOURS, Curve, VmId
from anypool.model.curve import FIRST_HOUR, HOUR_S
from anypool.model.metric import METRIC_NAMES, values_of

METRIC = "cpu_percent"
_PLACE = METRIC_NAMES.index(METRIC)


def curves(history: History, vms: list[VmId], span: Span, percentile: float) -> dict[VmId, Curve]:
    """Return the curve of each VM of which anything is kept in a span, by its id.

    In each hour of the week, `percentile` of the readings of all weeks are not above it.
    """
    found = history.readings(sorted(vms), METRIC, span)
    return {
        VmId(name): curve_of(times, codes, percentile) for name, times, codes in found if times.size
    }


def curve_of(times: NDArray[np.int64], codes: NDArray[np.uint16], percentile: float) -> Curve:
    """Return the curve of readings: seconds since 1970, and codes of the CPU."""
    hours = (times // HOUR_S + FIRST_HOUR) % HOURS
    order = np.lexsort((codes, hours))
    hours, values = hours[order], values_of(_PLACE, codes[order])
    counts = np.bincount(hours, minlength=HOURS)
    there = counts > 0
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rank = np.ceil(percentile / 100 * counts).astype(np.int64)
    high, mean = np.full(HOURS, np.nan), np.full(HOURS, np.nan)
    high[there] = values[(first + np.maximum(rank, 1) - 1)[there]]
    mean[there] = np.bincount(hours, values, HOURS)[there] / counts[there]
    return Curve(high=high, mean=mean)
