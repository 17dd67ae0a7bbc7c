"""Order hosts that would all do: the rank in each weight, times its factor, summed.

The rank of a host in a weight is the number of hosts whose value is the same or worse, as
oVirt's default selector counts it. Ranks, unlike values, do not let a column with large
numbers drown the others.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from msgspec import Struct

Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int64] | npt.NDArray[np.float64]


class Weight(Struct, frozen=True, kw_only=True):
    """A preference: `value` has a number for each host, larger is better; ranks count `factor`."""

    value: Numbers
    factor: int


def points(weights: Sequence[Weight], hosts: int) -> Ints:
    """Return the sum of rank times factor for each of so many hosts."""
    found = np.zeros(hosts, np.int64)
    for weight in weights:
        found += weight.factor * ranks(weight.value)
    return found


def ranks(value: Numbers) -> Ints:
    """Return for each host how many have the same value or a worse one, itself included."""
    count = len(value)
    order = np.argsort(value)
    inside = value[order]
    last = np.empty(count, np.int64)
    ends = np.flatnonzero(np.append(inside[1:] != inside[:-1], True)) if count else last
    last[:] = np.repeat(ends + 1, np.diff(ends, prepend=-1))
    found = np.empty(count, np.int64)
    found[order] = last
    return found


def best(value: Ints, most: int) -> Ints:
    """Return the places of the largest `most` values, largest first; of equals the first."""
    if most < len(value):
        limit = np.partition(value, len(value) - most)[len(value) - most]
        some = np.flatnonzero(value >= limit)
        return np.asarray(some[np.argsort(-value[some], kind="stable")][:most])
    return np.argsort(-value, kind="stable")
