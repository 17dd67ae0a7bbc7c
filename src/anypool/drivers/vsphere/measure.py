"""Counters of hosts and running VMs, out of the rates that vCenter keeps.

vCenter tells averages of twenty seconds. They are summed up here over the time between two
questions, so that what comes out grows as counters of other platforms do.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pyVmomi import vim

from anypool.drivers.vsphere import properties
from anypool.drivers.vsphere.connect import Session
from anypool.drivers.vsphere.hosts import state_of as host_state
from anypool.drivers.vsphere.inventory import Inventory
from anypool.drivers.vsphere.mirror import Entry
from anypool.drivers.vsphere.part import Part
from anypool.drivers.vsphere.vms import state_of as vm_state
from anypool.model import HostId, HostState, Load, VmId, VmState

INTERVAL_S = 20
FRESH_S = 15.0
"""Averages are asked for no oftener."""
AT_ONCE = 250
"""Things in one question."""
_NS = 1_000_000_000
_KIB_PER_MIB = 1024
_WHOLE = 10_000  # vSphere writes hundredths of a percent

CPU, MEMORY, READ, WRITTEN, RECEIVED, SENT = range(6)
_HOST = (
    "cpu.usage.average",
    "mem.consumed.average",
    "disk.read.average",
    "disk.write.average",
    "net.received.average",
    "net.transmitted.average",
)
_VM = (
    *_HOST[:READ],
    "virtualDisk.read.average",
    "virtualDisk.write.average",
    *_HOST[RECEIVED:],
)
_OF_EACH = "virtualDisk."
"""What vCenter tells of each part only, and not of all together."""


Key = HostId | VmId


class Thing(NamedTuple):
    """A host or VM to be measured, and what it has at most."""

    reference: Any
    cpus: int
    memory_mib: int
    host: HostId | None = None
    vm: VmId | None = None

    @property
    def key(self) -> Key:
        """Its id."""
        return self.host or self.vm or VmId("")


class Statistics(Part):
    """The operation that measures."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._numbers: dict[str, int] = {}
        self._known: dict[Key, list[int]] = {}
        self._sums: dict[Key, list[float]] = {}
        self._asked_at = 0.0
        self._told_at = 0.0

    def measure(self) -> tuple[Load, ...]:
        """Tell the counters of everything that is up; its averages are asked for when due."""
        self.mirror.catch_up()
        seen = self.inventory()
        things = [*self._hosts(seen), *self._vms(seen)]
        now = time.monotonic()
        if now - self._asked_at >= FRESH_S:
            self._asked_at = now
            self._known = {}
        there = {thing.key for thing in things}
        self._known = {key: rates for key, rates in self._known.items() if key in there}
        self._sums = {key: sums for key, sums in self._sums.items() if key in there}
        new = [thing for thing in things if thing.key not in self._known]
        for start in range(0, len(new), AT_ONCE):
            self._known |= dict(self._rates(new[start : start + AT_ONCE]))
        passed_s = now - self._told_at if self._told_at else 0.0
        self._told_at = now
        return tuple(
            self._load(thing, self._known[thing.key], passed_s)
            for thing in things
            if thing.key in self._known
        )

    def _hosts(self, seen: Inventory) -> Iterator[Thing]:
        for moid, entry in seen.of(properties.HOST):
            hardware = entry.get("summary.hardware")
            if host_state(entry) is not HostState.UP or hardware is None:
                continue
            yield Thing(
                self._object(moid, entry),
                int(hardware.numCpuThreads or 1),
                int(hardware.memorySize or 0) >> 20,
                host=seen.host_ids[moid],
            )

    def _vms(self, seen: Inventory) -> Iterator[Thing]:
        for moid, entry in seen.of(properties.VM):
            if vm_state(seen, entry) is not VmState.RUNNING:
                continue
            yield Thing(
                self._object(moid, entry),
                int(entry.get("config.hardware.numCPU") or 1),
                int(entry.get("config.hardware.memoryMB") or 0),
                vm=seen.who.ids[moid],
            )

    def _object(self, moid: str, entry: Entry) -> Any:
        return self.session.object(properties.KINDS[entry.kind], moid)

    def _rates(self, things: Sequence[Thing]) -> Iterator[tuple[Key, list[int]]]:
        answers = self.session.read("ask for counters", lambda root: self._query(root, things))
        known = {thing.reference._moId: thing for thing in things}
        for answer in answers or ():
            thing = known.get(answer.entity._moId)
            if thing is None or not answer.sampleInfo:
                continue
            names = [self._numbers[name] for name in (_HOST if thing.host else _VM)]
            rates = [0] * len(names)
            for series in answer.value or ():
                if series.id.counterId in names and series.value:
                    rates[names.index(series.id.counterId)] += max(0, int(series.value[0]))
            yield thing.key, rates

    def _query(self, root: Any, things: Sequence[Thing]) -> Any:
        manager = root.perfManager
        if not self._numbers:
            self._numbers = {
                f"{one.groupInfo.key}.{one.nameInfo.key}.{one.rollupType}": one.key
                for one in manager.perfCounter
            }
        wanted = {True: self._metrics(_HOST), False: self._metrics(_VM)}
        specs = [
            vim.PerformanceManager.QuerySpec(
                entity=thing.reference,
                metricId=wanted[thing.host is not None],
                intervalId=INTERVAL_S,
                maxSample=1,
            )
            for thing in things
        ]
        return manager.QueryPerf(specs)

    def _metrics(self, names: Sequence[str]) -> list[Any]:
        return [
            vim.PerformanceManager.MetricId(
                counterId=self._numbers[name], instance="*" if name.startswith(_OF_EACH) else ""
            )
            for name in names
        ]

    def _load(self, thing: Thing, rates: Sequence[int], passed_s: float) -> Load:
        sums = self._sums.setdefault(thing.key, [0.0] * len(rates))
        for number, rate in enumerate(rates):
            sums[number] += rate * passed_s
        consumed_mib = rates[MEMORY] // _KIB_PER_MIB
        return Load(
            host=thing.host,
            vm=thing.vm,
            cpu_ns=int(sums[CPU] / _WHOLE * thing.cpus * _NS),
            memory_used_mib=min(consumed_mib, thing.memory_mib),
            disk_read_bytes=int(sums[READ] * 1024),
            disk_written_bytes=int(sums[WRITTEN] * 1024),
            net_received_bytes=int(sums[RECEIVED] * 1024),
            net_sent_bytes=int(sums[SENT] * 1024),
        )
