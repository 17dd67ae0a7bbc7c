"""The inventory as arrays, for planners that look at every host or VM at once.

A host or VM keeps its row as long as it is there, and a row that is free has `used` false.
Loads are columns beside the records: they change all the time, and no plan is out of date
because of them.
"""

from collections.abc import Iterable, Mapping
from enum import IntFlag
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from anypool.model.host import Host, HostState
from anypool.model.ids import HostId, VmId
from anypool.model.inventory import Claim, Inventory
from anypool.model.vm import HOLDS_MEMORY, Vm, VmState

STATES: tuple[VmState, ...] = tuple(VmState)
"""`VmColumns.state` is a place in this."""

NOWHERE = -1
"""`VmColumns.host` of a VM that is on no host, or on one that is not known."""


class HostFlag(IntFlag):
    """What else matters about a host."""

    UP = 1
    MAINTENANCE = 2
    OBSERVE_ONLY = 4


class _Columns:
    """Rows by id, and arrays of one length whose names and types `KINDS` has."""

    KINDS: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, room: int) -> None:
        self.ids: list[str | None] = []
        self.row_of: dict[str, int] = {}
        self._free: list[int] = []
        self.used: NDArray[np.bool_] = np.zeros(room, np.bool_)
        for name, kind in self.KINDS.items():
            setattr(self, name, np.zeros(room, kind))

    def _put(self, key: str, values: Mapping[str, Any]) -> int:
        row = self.row_of.get(key)
        if row is None:
            row = self.row_of[key] = self._new_row()
            self.ids[row] = key
            self.used[row] = True
        for name, value in values.items():
            getattr(self, name)[row] = value
        return row

    def _drop(self, key: str) -> None:
        row = self.row_of.pop(key, None)
        if row is None:
            return
        self.ids[row] = None
        self.used[row] = False
        for name in self.KINDS:
            getattr(self, name)[row] = 0
        self._free.append(row)

    def _new_row(self) -> int:
        if self._free:
            return self._free.pop()
        self.ids.append(None)
        if len(self.ids) > len(self.used):
            for name in ("used", *self.KINDS):
                old = getattr(self, name)
                more = np.zeros(len(old) // 4 + 16, old.dtype)
                setattr(self, name, np.concatenate([old, more]))
        return len(self.ids) - 1

    def set_loads(self, cpu_percent: Mapping[Any, float]) -> None:
        """Take the loads of those that were measured; others keep theirs."""
        rows = [(self.row_of[key], load) for key, load in cpu_percent.items() if key in self.row_of]
        if rows:
            at, loads = zip(*rows, strict=True)
            self.cpu_percent[list(at)] = loads

    cpu_percent: NDArray[np.float32]


class HostColumns(_Columns):
    """Every host in a row: sizes in MiB, `cpu_percent` of one CPU, `flags` of `HostFlag`."""

    KINDS: ClassVar[Mapping[str, Any]] = {
        "memory_mib": np.int64, "memory_free_mib": np.int64, "cpus": np.int32,
        "vcpus": np.int32, "vms": np.int32, "flags": np.uint8, "cpu_percent": np.float32,
    }  # fmt: skip
    memory_mib: NDArray[np.int64]
    memory_free_mib: NDArray[np.int64]
    cpus: NDArray[np.int32]
    vcpus: NDArray[np.int32]
    vms: NDArray[np.int32]
    flags: NDArray[np.uint8]

    def take(self, key: HostId, host: Host | None, claim: Claim) -> None:
        """Take what is known of a host now; None is one that is gone."""
        if host is None:
            self._drop(key)
            return
        flags = HostFlag.UP if host.state is HostState.UP else HostFlag(0)
        flags |= HostFlag.MAINTENANCE if host.maintenance else HostFlag(0)
        flags |= HostFlag.OBSERVE_ONLY if host.observe_only else HostFlag(0)
        values = {
            "memory_mib": host.memory_mib,
            "memory_free_mib": host.usable_mib - claim.memory_mib,
            "cpus": host.cpus,
            "vcpus": claim.vcpus,
            "vms": len(claim.vms),
            "flags": int(flags),
        }
        self._put(key, values)

    def open(self) -> NDArray[np.bool_]:
        """Return which rows are hosts that VMs may be put on."""
        found: NDArray[np.bool_] = self.used & (self.flags == HostFlag.UP)
        return found


class VmColumns(_Columns):
    """Every VM in a row; `host` is a row of the hosts, `holds` whether it takes its memory."""

    KINDS: ClassVar[Mapping[str, Any]] = {
        "memory_mib": np.int64, "vcpus": np.int32, "host": np.int32, "state": np.int8,
        "holds": np.bool_, "cpu_percent": np.float32,
    }  # fmt: skip
    memory_mib: NDArray[np.int64]
    vcpus: NDArray[np.int32]
    host: NDArray[np.int32]
    state: NDArray[np.int8]
    holds: NDArray[np.bool_]

    def take(self, key: VmId, vm: Vm | None, host_rows: Mapping[str, int]) -> None:
        """Take what is known of a VM now; None is one that is gone."""
        if vm is None:
            self._drop(key)
            return
        values = {
            "memory_mib": vm.memory_mib,
            "vcpus": vm.vcpus,
            "host": NOWHERE if vm.host is None else host_rows.get(vm.host, NOWHERE),
            "state": STATES.index(vm.state),
            "holds": vm.state in HOLDS_MEMORY,
        }
        self._put(key, values)


class Columns:
    """The arrays of one inventory."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._hosts: HostColumns | None = HostColumns(len(inventory.hosts))
        self._vms: VmColumns | None = VmColumns(len(inventory.vms))

    @classmethod
    def of(cls, inventory: Inventory) -> "Columns":
        """Return the columns of an inventory, made anew."""
        made = cls(inventory)
        made._take(inventory.hosts, inventory.vms)
        return made

    @property
    def inventory(self) -> Inventory:
        """Return what these are the columns of."""
        return self._inventory

    @property
    def hosts(self) -> HostColumns:
        """Return the rows of hosts; raise `ValueError` once these columns were updated."""
        if self._hosts is None:
            raise ValueError("these columns were updated: use what `updated` returned")
        return self._hosts

    @property
    def vms(self) -> VmColumns:
        """Return the rows of VMs; raise `ValueError` once these columns were updated."""
        if self._vms is None:
            raise ValueError("these columns were updated: use what `updated` returned")
        return self._vms

    def updated(self, inventory: Inventory) -> "Columns":
        """Return the columns of a later inventory, at the cost of what changed since.

        The arrays are taken over, so these columns cannot be used any more.
        """
        old, hosts, vms = self._inventory, self.hosts, self.vms
        made = Columns.__new__(Columns)
        made._inventory, made._hosts, made._vms = inventory, hosts, vms
        self._hosts = self._vms = None
        touched = set(inventory.hosts.changed_since(old.hosts))
        came_or_went = [key for key in touched if (key in old.hosts) != (key in inventory.hosts)]
        moved = set(inventory.vms.changed_since(old.vms))
        for key in came_or_went:
            moved |= inventory.claims.get(key, Claim()).vms
        touched |= set(inventory.claims.changed_since(old.claims))
        made._take(touched, moved)
        return made

    def with_loads(
        self, hosts: Mapping[HostId, float] = {}, vms: Mapping[VmId, float] = {}
    ) -> "Columns":
        """Return these columns with the CPU loads that were measured, in percent of one CPU."""
        self.hosts.set_loads(hosts)
        self.vms.set_loads(vms)
        return self

    def _take(self, hosts: Iterable[HostId], vms: Iterable[VmId]) -> None:
        inventory = self._inventory
        for key in hosts:
            claim = inventory.claims.get(key, Claim())
            self.hosts.take(key, inventory.hosts.get(key), claim)
        for vm in vms:
            self.vms.take(vm, inventory.vms.get(vm), self.hosts.row_of)
