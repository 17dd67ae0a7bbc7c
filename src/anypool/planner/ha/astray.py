"""Where a VM may run that nobody saw end: another tool may have moved it to a silent host.

That a host answers without a VM, or with a stopped copy after it was away, says that the VM is
not there; it does not say that it is nowhere. A host that we do not hear may have been given it.
"""

from collections.abc import Callable, Iterable
from functools import cache
from itertools import islice
from typing import TypeAlias

from msgspec import Struct

from anypool.model import (
    DatastoreId,
    Host,
    HostId,
    HostState,
    Inventory,
    Proof,
    Vm,
    VmId,
    VmState,
)
from anypool.model.proof import proven_since
from anypool.plan.servereffect import lent

SEEN_S = 5.0
"""A host that told of its VMs until so long before its proven death died with them on it."""

MOST = 32
"""So many silent hosts are named for a VM at once."""

Finds: TypeAlias = Callable[[Vm], tuple[HostId, ...]]
"""Where a VM may run beside the hosts that know it."""
_Kind: TypeAlias = tuple[tuple[str, str, str] | None, frozenset[DatastoreId | None]]


class Last(Struct, frozen=True, gc=False):
    """When a host last told of its VMs, 0 for never; what proves it dead, if anything does yet.

    `off_at` is when its power was first read as off without a break, 0 if it was not.
    """

    told_at: float = 0.0
    off_at: float = 0.0
    proof: Proof | None = None


def could_have(vm: Vm, host: Host, home: Host | None) -> bool:
    """Return whether somebody could have moved a VM to a host: of its pool, or with its disks."""
    if home is not None and (host.arch, host.platform) != (home.arch, home.platform):
        return False
    if home is None or host.pool == home.pool:
        return True
    return any(disk.datastore in host.datastores for disk in vm.disks)


def seen_to_the_end(vm: Vm, last: Callable[[HostId], Last], now: float) -> bool:
    """Return whether a VM that is down or silent can be nowhere but where it is known.

    It was seen to end; or its host told of it until it died. As long as nothing proves that
    host dead, it counts as dying now.
    """
    if vm.is_astray or vm.host is None:
        return False
    if vm.state is not VmState.UNKNOWN:
        return True
    end = last(vm.host)
    died_at = end.off_at or now if end.proof is None else proven_since(end.proof)
    return end.told_at > 0 and died_at - end.told_at <= SEEN_S


class Astray:
    """Where the VMs of one pool may run unheard, as it is known at one moment.

    `last` says when a host last told of its VMs, and what proves it dead. Hosts in reach are
    found once for all VMs that are alike in that.
    """

    def __init__(self, inventory: Inventory, last: Callable[[HostId], Last], now: float) -> None:
        others = lent(inventory.profiles.values())
        hosts = (one for one in inventory.hosts.values() if one.id not in others)
        self._inventory = inventory
        self._silent = sorted(
            (one for one in hosts if one.state is not HostState.UP), key=lambda one: one.id
        )
        self._last = cache(last)
        self._now = now
        self._reach: dict[_Kind, tuple[HostId, ...]] = {}

    def may_run_on(self, vm: Vm) -> tuple[HostId, ...]:
        """Return the silent hosts that must be proven not to run a VM, beside those that know it.

        If nothing proves some of them dead, only those, and `MOST` of them: they are enough to
        keep it down, and others follow when these are proven.
        """
        if not self._silent or seen_to_the_end(vm, self._last, self._now):
            return ()
        known = {vm.host, *(copy.host for copy in vm.copies)}
        hosts = tuple(key for key in self._in_reach(vm) if key not in known)
        unproven = (key for key in hosts if self._last(key).proof is None)
        return tuple(islice(unproven, MOST)) or hosts

    def _in_reach(self, vm: Vm) -> tuple[HostId, ...]:
        home = None if vm.host is None else self._inventory.hosts.get(vm.host)
        about = None if home is None else (home.pool, home.arch, home.platform)
        kind = (about, frozenset(disk.datastore for disk in vm.disks))
        if kind not in self._reach:
            found = (one.id for one in self._silent if could_have(vm, one, home))
            self._reach[kind] = tuple(found)
        return self._reach[kind]


def by_vm(places: Iterable[tuple[VmId, HostId]]) -> dict[VmId, set[HostId]]:
    """Return on which hosts each VM may be."""
    found: dict[VmId, set[HostId]] = {}
    for vm, host in places:
        found.setdefault(vm, set()).add(host)
    return found
