"""How busy hosts and VMs are: counters turned into rates, kept beside the inventory."""

from collections.abc import Mapping

from msgspec import Struct

from anypool.model import HostId, Load, VmId


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
    """One reading of the counters and when it was made."""

    at: float
    load: Load


def rate(old: Sample | None, new: Sample) -> LoadRate:
    """Return the load between two samples; counters that went back count as fresh."""
    before, after = (new.load if old is None else old.load), new.load
    seconds = 0.0 if old is None else new.at - old.at

    def per_second(name: str) -> float:
        grown: int = getattr(after, name) - getattr(before, name)
        return grown / seconds if seconds > 0 and grown > 0 else 0.0

    return LoadRate(
        at=new.at,
        cpu_percent=per_second("cpu_ns") / 1e7,
        memory_used_mib=after.memory_used_mib,
        disk_read_bytes_s=per_second("disk_read_bytes"),
        disk_written_bytes_s=per_second("disk_written_bytes"),
        net_received_bytes_s=per_second("net_received_bytes"),
        net_sent_bytes_s=per_second("net_sent_bytes"),
    )


def key_of(load: Load) -> HostId | VmId | None:
    """Return what a reading is about."""
    return load.vm if load.vm is not None else load.host


Loads = Mapping[HostId | VmId, LoadRate]
