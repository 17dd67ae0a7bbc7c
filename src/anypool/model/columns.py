"""The inventory as arrays, for planners that look at every host or VM at once."""

from collections.abc import Mapping
from enum import IntFlag
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from anypool.model.host import Host, HostState
from anypool.model.ids import HostId, VmId
from anypool.model.inventory import Claim, Inventory
from anypool.model.vm import HOLDS_MEMORY, Vm

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
        self.ids: list[str] = []
        self.row_of: dict[str, int] = {}
        self.used: NDArray[np.bool_] = np.zeros(room, np.bool_)
        for name, kind in self.KINDS.items():
            setattr(self, name, np.zeros(room, kind))

    def _put(self, key: str, values: Mapping[str, Any]) -> None:
        row = self.row_of.get(key)
        if row is None:
            row = self.row_of[key] = len(self.ids)
            self.ids.append(key)
            self.used[row] = True
        for name, value in values.items():
            getattr(self, name)[row] = value


class HostColumns(_Columns):
    """Hosts in a row each, as many as there is room for: sizes in MiB, `flags` of `HostFlag`."""

    KINDS: ClassVar[Mapping[str, Any]] = {
        "memory_mib": np.int64, "memory_free_mib": np.int64, "cpus": np.int32,
        "vcpus": np.int32, "vms": np.int32, "flags": np.uint8,
    }  # fmt: skip
    memory_mib: NDArray[np.int64]
    memory_free_mib: NDArray[np.int64]
    cpus: NDArray[np.int32]
    vcpus: NDArray[np.int32]
    vms: NDArray[np.int32]
    flags: NDArray[np.uint8]

    def take(self, key: HostId, host: Host, claim: Claim) -> None:
        """Take what is known of a host now."""
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
    """VMs in a row each; `host` is a row of the hosts, `holds` whether it takes its memory."""

    KINDS: ClassVar[Mapping[str, Any]] = {
        "memory_mib": np.int64, "vcpus": np.int32, "host": np.int32, "holds": np.bool_,
    }  # fmt: skip
    memory_mib: NDArray[np.int64]
    vcpus: NDArray[np.int32]
    host: NDArray[np.int32]
    holds: NDArray[np.bool_]

    def take(self, key: VmId, vm: Vm, host_rows: Mapping[str, int]) -> None:
        """Take what is known of a VM."""
        values = {
            "memory_mib": vm.memory_mib,
            "vcpus": vm.vcpus,
            "host": NOWHERE if vm.host is None else host_rows.get(vm.host, NOWHERE),
            "holds": vm.state in HOLDS_MEMORY,
        }
        self._put(key, values)


class Columns:
    """The arrays of one inventory."""

    def __init__(self, inventory: Inventory) -> None:
        self.hosts = HostColumns(len(inventory.hosts))
        self.vms = VmColumns(len(inventory.vms))
        for key, host in inventory.hosts.items():
            self.hosts.take(key, host, inventory.claims.get(key, Claim()))
        for vm, record in inventory.vms.items():
            self.vms.take(vm, record, self.hosts.row_of)
