"""Counters of the host and its running VMs."""

import contextlib
from collections.abc import Iterator
from typing import Any

import libvirt

from anypool.drivers.libvirt import trouble
from anypool.drivers.libvirt.part import Part
from anypool.model import Load, VmId

_KIB_PER_MIB = 1024
_GROUPS = (
    libvirt.VIR_DOMAIN_STATS_STATE
    | libvirt.VIR_DOMAIN_STATS_CPU_TOTAL
    | libvirt.VIR_DOMAIN_STATS_BALLOON
    | libvirt.VIR_DOMAIN_STATS_BLOCK
    | libvirt.VIR_DOMAIN_STATS_INTERFACE
)
_FLAGS = (
    libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE
    | libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
)


class Statistics(Part):
    """The operation that measures."""

    def measure(self) -> tuple[Load, ...]:
        """Read the counters of the host and of every running VM; the VMs' in one call."""
        with self.session.reading("read the counters") as connection:
            return (self._host_load(connection), *self._vm_loads(connection))

    def _host_load(self, connection: libvirt.virConnect) -> Load:
        cpu: dict[str, int] = {}
        memory: dict[str, int] = {}
        for ask, answer in ((connection.getCPUStats, cpu), (connection.getMemoryStats, memory)):
            with contextlib.suppress(libvirt.libvirtError):
                answer.update(ask(-1))
        kept = memory.get("free", 0) + memory.get("buffers", 0) + memory.get("cached", 0)
        busy = ("user", "kernel", "intr")
        return Load(
            host=self.platform.host,
            cpu_ns=sum(cpu.get(kind, 0) for kind in busy),
            memory_used_mib=max(0, memory.get("total", 0) - kept) // _KIB_PER_MIB,
        )

    def _vm_loads(self, connection: libvirt.virConnect) -> tuple[Load, ...]:
        try:
            found = connection.getAllDomainStats(_GROUPS, _FLAGS)
        except libvirt.libvirtError as problem:
            if not trouble.is_missing_function(problem):
                raise
            return tuple(self._one_by_one(connection))
        if any("cpu.time" in values for _, values in found):
            return tuple(_load(domain, values) for domain, values in found)
        return tuple(self._one_by_one(connection))

    def _one_by_one(self, connection: libvirt.virConnect) -> Iterator[Load]:
        for domain in connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE):
            try:
                _, _, memory_kib, _, cpu_ns = domain.info()
            except libvirt.libvirtError as problem:
                if not trouble.is_gone(problem):
                    raise
                continue
            yield Load(
                vm=VmId(domain.UUIDString()),
                cpu_ns=cpu_ns,
                memory_used_mib=memory_kib // _KIB_PER_MIB,
            )


def _load(domain: libvirt.virDomain, values: dict[str, Any]) -> Load:
    memory_kib = values.get("balloon.rss") or values.get("balloon.current", 0)
    return Load(
        vm=VmId(domain.UUIDString()),
        cpu_ns=values.get("cpu.time", 0),
        memory_used_mib=memory_kib // _KIB_PER_MIB,
        disk_read_bytes=_total(values, "block", "rd.bytes"),
        disk_written_bytes=_total(values, "block", "wr.bytes"),
        net_received_bytes=_total(values, "net", "rx.bytes"),
        net_sent_bytes=_total(values, "net", "tx.bytes"),
    )


def _total(values: dict[str, Any], group: str, counter: str) -> int:
    count = values.get(f"{group}.count", 0)
    return sum(values.get(f"{group}.{number}.{counter}", 0) for number in range(count))
