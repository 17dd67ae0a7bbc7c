"""How busy hosts and VMs are: counters turned into rates, kept beside the inventory."""

import math
from collections.abc import Mapping

from msgspec import Struct

from anypool.model import HostId, Load, VmId
from anypool.model.metric import METRIC_NAMES


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


class Sample(Struct, frozen=True, gc=False):
    """One reading of the counters and when it was made.

    `at` is seconds since 1970; `steady` is of a clock that nobody sets.
    """

    at: float
    load: Load
    steady: float = 0.0


def measured(old: Sample | None, new: Sample) -> tuple[float, ...]:
    """Return the load between two samples, one value for each of `model.metric.METRICS`.

    NaN is what nobody knows: rates before the second reading, and that of a counter which
    went back because what it counts was started anew.
    """
    before, after = (new.load if old is None else old.load), new.load
    seconds = 0.0 if old is None else new.steady - old.steady

    def per_second(name: str) -> float:
        grown: int = getattr(after, name) - getattr(before, name)
        return grown / seconds if seconds > 0 and grown >= 0 else math.nan

    return (
        per_second("cpu_ns") / 1e7,
        float(after.memory_used_mib),
        per_second("disk_read_bytes"),
        per_second("disk_written_bytes"),
        per_second("net_received_bytes"),
        per_second("net_sent_bytes"),
    )


def rate(at: float, values: tuple[float, ...]) -> LoadRate:
    """Return what was measured as a record; what is not known counts as 0."""
    known = {
        name: 0.0 if math.isnan(v) else v for name, v in zip(METRIC_NAMES, values, strict=True)
    }
    memory = int(known.pop("memory_used_mib"))
    return LoadRate(at=at, memory_used_mib=memory, **known)


def key_of(load: Load) -> HostId | VmId | None:
    """Return what a reading is about."""
    return load.vm if load.vm is not None else load.host


Loads = Mapping[HostId | VmId, LoadRate]
