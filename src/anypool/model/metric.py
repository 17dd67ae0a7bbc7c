"""What is measured of hosts and VMs, and the small numbers that a measured value is kept as.

A value is kept as a code on a logarithmic scale: the same relative error everywhere, and
almost none near zero. Code 0 is a gap: nobody measured.
"""

from typing import Any, TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Codes: TypeAlias = NDArray[np.uint16]
Values: TypeAlias = NDArray[np.float64]

STEP = 0.005
"""Distance of two codes: a kept value is off by at most 0.25 % of itself plus its floor."""

GAP = 0
_MOST = 16383  # about 1e37: whatever is more is broken, and must not break a sum


class Metric(Struct, frozen=True, gc=False):
    """One thing that is measured; below `floor` the scale becomes linear."""

    name: str
    unit: str
    floor: float


METRICS = (
    Metric("cpu_percent", "percent of one CPU", 1.0),
    Metric("memory_used_mib", "MiB", 1.0),
    Metric("disk_read_bytes_s", "bytes/s", 100.0),
    Metric("disk_written_bytes_s", "bytes/s", 100.0),
    Metric("net_received_bytes_s", "bytes/s", 100.0),
    Metric("net_sent_bytes_s", "bytes/s", 100.0),
)
METRIC_NAMES = tuple(metric.name for metric in METRICS)
COUNT = len(METRICS)

_FLOORS = np.array([metric.floor for metric in METRICS])


def to_codes(values: Values) -> Codes:
    """Return the codes of values whose first axis is the metric; NaN becomes a gap."""
    floors = _shaped(values)
    with np.errstate(invalid="ignore"):
        scaled = np.rint(np.log1p(np.maximum(values, 0.0) / floors) / STEP) + 1
    return np.where(np.isfinite(values), np.minimum(scaled, _MOST), GAP).astype(np.uint16)


def to_values(codes: Codes) -> Values:
    """Return the values of codes whose first axis is the metric; a gap becomes NaN."""
    found = np.expm1((codes.astype(np.float64) - 1) * STEP) * _shaped(codes)
    return np.where(codes == GAP, np.nan, found)


def values_of(metric: int, codes: Codes) -> Values:
    """Return what codes of one metric, by its place in `METRICS`, stand for; none is a gap."""
    return np.asarray(np.expm1((codes.astype(np.float64) - 1) * STEP) * _FLOORS[metric])


def value_of(metric: int, code: float) -> float:
    """Return what a code of one metric, by its place in `METRICS`, stands for."""
    return float(np.expm1((code - 1) * STEP) * _FLOORS[metric])


def _shaped(array: NDArray[Any]) -> Values:
    return _FLOORS.reshape((COUNT,) + (1,) * (array.ndim - 1))
