"""Which hosts could take which VM at all, worked out once for many failures.

VMs that need the same things share a lane: the hosts that have those things and are open.
Hosts are rows, in the order of their ids. Asked is whether there is room for all, or, in
`earnest`, what is done: some VMs are left down whatever room there is.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from anypool.model import (
    HOLDS_MEMORY,
    Automation,
    Balance,
    Bound,
    Claim,
    DatastoreId,
    HighAvailability,
    Host,
    HostId,
    HostState,
    Inventory,
    NetworkId,
    NoMigration,
    PowerSaving,
    Protected,
    Restart,
    Vm,
    VmId,
)
from anypool.model.policy import Replenish
from anypool.plan import Reason, reason
from anypool.planner.place import unreachable
from anypool.planner.rules import NO_RULES, Rulebook

KEPT_FREE = 8
"""A host is roomy for a VM if one part in so many of its memory stays free beside it."""

_ELSEWHERE = (
    Automation,
    Balance,
    HighAvailability,
    NoMigration,
    PowerSaving,
    Protected,
    Replenish,
    Restart,
)
"""Rules that say nothing about where a VM restarts."""


def kept_free(host: Host) -> int:
    """Return the memory in MiB that stays free on a host that is roomy."""
    return host.memory_mib // KEPT_FREE


class Need(NamedTuple):
    """What a VM needs of a host beside memory; no `stores` if a disk is on none that is known."""

    stores: frozenset[DatastoreId] | None
    networks: frozenset[NetworkId]
    arch: str
    platform: str
    cpu_model: str
    vcpus: int
    looked_at: bool
    pool: str


class Lane:
    """Rows of open hosts in order, and each with the memory beyond which it is not roomy."""

    def __init__(self, rows: tuple[int, ...], margins: dict[int, int]) -> None:
        self.rows = rows
        self.members = frozenset(rows)
        self._margin = {row: margins[row] for row in rows}
        self.margins = sorted((margin, row) for row, margin in self._margin.items())

    def refresh(self, row: int, margin: int) -> None:
        """Take a new margin of a row that is in the lane."""
        del self.margins[bisect_left(self.margins, (self._margin[row], row))]
        self._margin[row] = margin
        insort(self.margins, (margin, row))

    def roomy(self, need_mib: int) -> list[int]:
        """Return the rows, in no order, that are roomy for so much."""
        first = bisect_left(self.margins, (need_mib, -1))
        return [row for _, row in self.margins[first:]]

    def count_roomy(self, need_mib: int) -> int:
        """Return how many rows are roomy for so much."""
        return len(self.margins) - bisect_left(self.margins, (need_mib, -1))


class Ground:
    """The hosts of an inventory in rows, and the lanes of its VMs."""

    def __init__(
        self, inventory: Inventory, rules: Rulebook = NO_RULES, *, earnest: bool = False
    ) -> None:
        self.inventory = inventory
        self.rules = rules
        self.earnest = earnest
        self.ids: list[HostId] = sorted(inventory.hosts)
        self.row_of = {key: row for row, key in enumerate(self.ids)}
        self.hosts = [inventory.hosts[key] for key in self.ids]
        self.free = [inventory.memory_free_mib(key) for key in self.ids]
        self.kept = [kept_free(host) for host in self.hosts]
        self.up = frozenset(r for r, host in enumerate(self.hosts) if host.state is HostState.UP)
        self._stores: dict[DatastoreId, set[int]] = {}
        self._networks: dict[NetworkId, set[int]] = {}
        for row in self.up:
            for store in self.hosts[row].datastores:
                self._stores.setdefault(store, set()).add(row)
            for network in self.hosts[row].networks:
                self._networks.setdefault(network, set()).add(row)
        self._lanes: dict[tuple[int, ...], Lane] = {}
        self._by_need: dict[Need, Lane] = {}
        self._of_vm: dict[VmId, tuple[Vm, Lane]] = {}
        self._crossing: dict[int, list[Lane]] = {}
        self._running: dict[int, int] = {}
        self._bounds: dict[VmId, tuple[Bound, ...]] = {}
        self._disks: dict[DatastoreId, dict[VmId, None]] | None = None

    def lane(self, vm: Vm) -> Lane:
        """Return the lane of a VM."""
        known = self._of_vm.get(vm.id)
        if known is not None and known[0] is vm:
            return known[1]
        need = self._need(vm)
        lane = self._by_need.get(need)
        if lane is None:
            lane = self._by_need[need] = self._lane(need)
        self._of_vm[vm.id] = (vm, lane)
        return lane

    def bounds(self, vm: VmId) -> tuple[Bound, ...]:
        """Return the rules that have a say in where a VM restarts."""
        if (found := self._bounds.get(vm)) is None:
            binding = self.rules.binding(vm)
            found = tuple(bound for bound in binding if not isinstance(bound.rule, _ELSEWHERE))
            self._bounds[vm] = found
        return found

    def running(self, row: int) -> int:
        """Return how many VMs run or may run on a host."""
        if (count := self._running.get(row)) is None:
            there = self.inventory.claims.get(self.ids[row], Claim()).vms
            vms = self.inventory.vms
            count = self._running[row] = sum(vms[vm].state in HOLDS_MEMORY for vm in there)
        return count

    def disks_on(self, store: DatastoreId | None) -> Iterable[VmId]:
        """Return the VMs with a disk on a datastore."""
        if self._disks is None:
            self._disks = {}
            for vm in self.inventory.vms.values():
                self._note_disks(vm)
        return () if store is None else self._disks.get(store, {})

    def _note_disks(self, vm: Vm) -> None:
        for disk in vm.disks:
            if self._disks is not None and disk.datastore is not None:
                self._disks.setdefault(disk.datastore, {})[vm.id] = None

    def advance(
        self, inventory: Inventory, rules: Rulebook, rows: Iterable[int], vms: Iterable[VmId]
    ) -> None:
        """Become the ground of another inventory, of whose hosts only the claims differ.

        `rows` are those of hosts and `vms` the VMs that changed.
        """
        for vm in vms:
            before, now = self.inventory.vms.get(vm), inventory.vms.get(vm)
            for disk in () if before is None or self._disks is None else before.disks:
                if self._disks is not None and disk.datastore is not None:
                    self._disks.get(disk.datastore, {}).pop(vm, None)
            if now is not None:
                self._note_disks(now)
        self.inventory = inventory
        if rules is not self.rules:
            self.rules, self._bounds = rules, {}
        for row in rows:
            self.free[row] = inventory.memory_free_mib(self.ids[row])
            self._running.pop(row, None)
            for lane in self._crossing.get(row, ()):
                lane.refresh(row, self.free[row] - self.kept[row])

    def against(self, vm: Vm, dead: frozenset[int]) -> Reason:
        """Return the first need that no living host meets, for a VM whose lane is empty then."""
        need = self._need(vm)
        rows = self.up - dead
        if not rows:
            return reason("fail.nobody")
        rows = frozenset(row for row in rows if self.hosts[row].pool == need.pool)
        if not rows:
            return reason("fail.pool", pool=need.pool)
        for why, left in self._narrowed(vm, need, rows):
            if not left:
                return why
            rows = left
        raise AssertionError("some host can take the VM")

    def _narrowed(
        self, vm: Vm, need: Need, rows: frozenset[int]
    ) -> Iterator[tuple[Reason, frozenset[int]]]:
        """Yield each need in turn with the rows that meet it and all before it."""
        for disk in vm.disks:
            there = self._stores.get(disk.datastore, ()) if disk.datastore is not None else ()
            rows = rows.intersection(there)
            yield unreachable(self.inventory, disk), rows
        for network in sorted(need.networks):
            rows = rows.intersection(self._networks.get(network, ()))
            yield reason("host.network", network=network), rows
        yield from self._fitting(need, rows)

    def _fitting(self, need: Need, rows: frozenset[int]) -> Iterator[tuple[Reason, frozenset[int]]]:
        hosts = self.hosts
        made_for = hosts[min(rows)].platform
        rows = frozenset(row for row in rows if hosts[row].platform == need.platform)
        yield reason("host.platform", platform=made_for, need=need.platform), rows
        why = reason("host.arch", arch=hosts[min(rows)].arch, need=need.arch)
        rows = frozenset(row for row in rows if hosts[row].arch == need.arch)
        yield why, rows
        models = {row: hosts[row].cpu_models for row in rows}
        wants = need.cpu_model
        rows = frozenset(r for r in rows if not wants or not models[r] or wants in models[r])
        yield reason("host.cpu-model", model=wants), rows
        cpus = max(hosts[row].cpus for row in rows)
        rows = frozenset(row for row in rows if hosts[row].cpus >= need.vcpus)
        yield reason("host.full", vcpus=need.vcpus, cpus=cpus), rows
        first = hosts[min(rows)].name
        rows = frozenset(row for row in rows if not hosts[row].maintenance)
        yield reason("is.maintenance", host=first), rows
        pool = hosts[min(rows)].pool
        rows = frozenset(r for r in rows if need.looked_at or not hosts[r].observe_only)
        yield reason("host.observe-only", pool=pool), rows

    def _need(self, vm: Vm) -> Need:
        stores = [disk.datastore for disk in vm.disks]
        known = frozenset(store for store in stores if store is not None)
        home = None if vm.host is None else self.inventory.hosts.get(vm.host)
        return Need(
            stores=None if None in stores else known,
            networks=frozenset(nic.network for nic in vm.nics if nic.network is not None),
            arch="" if home is None else home.arch,
            platform="" if home is None else home.platform,
            cpu_model=vm.cpu_model,
            vcpus=vm.vcpus,
            looked_at=home is not None and home.observe_only,
            pool="" if home is None else home.pool,
        )

    def _lane(self, need: Need) -> Lane:
        rows = tuple(sorted(self._rows(need)))
        lane = self._lanes.get(rows)
        if lane is None:
            margins = {row: self.free[row] - self.kept[row] for row in rows}
            lane = self._lanes[rows] = Lane(rows, margins)
            for row in rows:
                self._crossing.setdefault(row, []).append(lane)
        return lane

    def _rows(self, need: Need) -> set[int]:
        if need.stores is None:
            return set()
        there = [self._stores.get(store, set()) for store in need.stores]
        there += [self._networks.get(network, set()) for network in need.networks]
        rows = set(self.up).intersection(*sorted(there, key=len)) if there else set(self.up)
        return {row for row in rows if self._takes(row, need)}

    def _takes(self, row: int, need: Need) -> bool:
        host = self.hosts[row]
        models = host.cpu_models
        return (
            host.pool == need.pool
            and host.arch == need.arch
            and host.platform == need.platform
            and (not need.cpu_model or not models or need.cpu_model in models)
            and host.cpus >= need.vcpus
            and not host.maintenance
            and (need.looked_at or not host.observe_only)
        )
