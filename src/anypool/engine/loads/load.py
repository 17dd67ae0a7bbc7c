"""How busy hosts and VMs are: counters turned into rates, kept beside the inventory.

All objects of an endpoint are reckoned with at once, as [metric, object]; a record of one
of them is made when somebody asks for it.
"""

from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from anypool.model import EndpointId, HostId, Load, PMap, VmId
from anypool.model.metric import COUNT, METRIC_NAMES, Values

Key = HostId | VmId

_COUNTERS = attrgetter("cpu_ns", "memory_used_mib", "disk_read_bytes", "disk_written_bytes",
                       "net_received_bytes", "net_sent_bytes")  # fmt: skip
_CPU, _MEMORY = 0, 1
_NS_PERCENT = 1e7


class LoadRate(Struct, frozen=True, kw_only=True, gc=False):
    """The load over the last interval; rates are per second, `cpu_percent` of one CPU.

    `at` is seconds since 1970. Before the second reading all rates are 0.
    """

    at: float
    cpu_percent: float = 0.0
    memory_used_mib: int = 0
    disk_read_bytes_s: float = 0.0
    disk_written_bytes_s: float = 0.0
    net_received_bytes_s: float = 0.0
    net_sent_bytes_s: float = 0.0


class Sample:
    """One reading of the counters of an endpoint, [counter, row], and when it was made.

    `at` is seconds since 1970; `steady` is of a clock that nobody sets.
    """

    def __init__(self, at: float, steady: float, loads: Iterable[Load] = ()) -> None:
        found = {key: load for load in loads if (key := key_of(load)) is not None}
        self.at = at
        self.steady = steady
        self.rows = {key: row for row, key in enumerate(found)}
        counters = [_COUNTERS(load) for load in found.values()]
        self.counters: Values = np.array(counters, np.float64).reshape(-1, COUNT).T


class Measured(Struct, frozen=True, gc=False):
    """A sample, and the rates since the one before it: [metric, row], NaN where not known."""

    sample: Sample
    rates: Values

    def of(self, key: Key) -> LoadRate:
        """Return the load of one object; what is not known counts as 0."""
        values = np.nan_to_num(self.rates[:, self.sample.rows[key]], posinf=np.inf).tolist()
        known = dict(zip(METRIC_NAMES, values, strict=True))
        memory = int(known.pop("memory_used_mib"))
        return LoadRate(at=self.sample.at, memory_used_mib=memory, **known)


class Loads(Mapping[Key, LoadRate]):
    """The last load of everything, as of one moment; `owners` is whose word counts."""

    def __init__(
        self,
        owners: PMap[Key, EndpointId] | None = None,
        last: PMap[EndpointId, Measured] | None = None,
    ) -> None:
        self.owners: PMap[Key, EndpointId] = PMap() if owners is None else owners
        self.last: PMap[EndpointId, Measured] = PMap() if last is None else last

    def __getitem__(self, key: Key) -> LoadRate:
        return self.last[self.owners[key]].of(key)

    def __iter__(self) -> Iterator[Key]:
        return iter(self.owners)

    def __len__(self) -> int:
        return len(self.owners)

    def taken(self, endpoint: EndpointId, sample: Sample) -> "Loads":
        """Return the loads with a new sample of an endpoint in place of its last one.

        The cost is that of its own objects. One of another endpoint is its own from now on.
        """
        old = self.last.get(endpoint)
        owned = np.fromiter(
            (self.owners.get(key) == endpoint for key in sample.rows), np.bool_, len(sample.rows)
        )
        changes: dict[Key, EndpointId | None] = {}
        if old is not None and old.sample.rows.keys() != sample.rows.keys():
            gone = old.sample.rows.keys() - sample.rows.keys()
            changes = {key: None for key in gone if self.owners.get(key) == endpoint}
        if not owned.all():
            changes |= {k: endpoint for k, mine in zip(sample.rows, owned, strict=True) if not mine}
        rates = measured(None if old is None else old.sample, sample, owned)
        last = self.last.patched({endpoint: Measured(sample, rates) if sample.rows else None})
        return Loads(self.owners.patched(changes) if changes else self.owners, last)


def measured(old: Sample | None, new: Sample, known: NDArray[np.bool_] | None = None) -> Values:
    """Return the loads between two samples of an endpoint, [metric, row of the new one].

    Only rows that are `known` are compared with the old sample. NaN is what nobody knows:
    rates before the second reading, and that of a counter which went back because what it
    counts was started anew.
    """
    rates = np.full(new.counters.shape, np.nan)
    seconds = 0.0 if old is None else new.steady - old.steady
    if old is not None and seconds > 0 and new.rows:
        grown = new.counters - _aligned(old, new)
        rates = np.where(grown >= 0, grown / seconds, np.nan)
        rates[_CPU] /= _NS_PERCENT
        if known is not None:
            rates[:, ~known] = np.nan
    rates[_MEMORY] = new.counters[_MEMORY]
    return rates


def _aligned(old: Sample, new: Sample) -> Values:
    """Return the counters of the old sample in the rows of the new one; NaN where it has none."""
    if list(old.rows) == list(new.rows):
        return old.counters
    wide = np.pad(old.counters, ((0, 0), (0, 1)), constant_values=np.nan)
    return wide[:, [old.rows.get(key, -1) for key in new.rows]]


def key_of(load: Load) -> Key | None:
    """Return what a reading is about."""
    return load.vm if load.vm is not None else load.host
