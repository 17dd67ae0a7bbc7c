"""Where a VM may run that nobody saw end: another tool may have moved it to a silent host.

That a host answers without a VM, or with a stopped copy after it was away, says that the VM is
not there; it does not say that it is nowhere. A host that we do not hear may have been given it.
"""

from collections.abc import Callable, Iterable

from msgspec import Struct

from anypool.model import VM_DOWN, Host, HostId, HostState, Inventory, Proof, Vm, VmId, VmState
from anypool.model.proof import proven_since

SEEN_S = 5.0
"""A host that told of its VMs until so long before its proven death died with them on it."""

Finds = Callable[[Vm], tuple[HostId, ...]]
"""Where a VM may run beside the hosts that know it."""


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


def reach(vm: Vm, hosts: Iterable[Host], home: Host | None) -> Iterable[Host]:
    """Return the hosts, beside those that know a VM, to which it could have been moved."""
    known = {vm.host, *(copy.host for copy in vm.copies)}
    return (one for one in hosts if one.id not in known and could_have(vm, one, home))


def silent_in_reach(vm: Vm, inventory: Inventory) -> tuple[HostId, ...]:
    """Return the silent hosts that could have a VM and do not say so, by id."""
    home = None if vm.host is None else inventory.hosts.get(vm.host)
    silent = (one for one in inventory.hosts.values() if one.state is not HostState.UP)
    return tuple(sorted(one.id for one in reach(vm, silent, home)))


def seen_to_the_end(vm: Vm, last: Callable[[HostId], Last], now: float) -> bool:
    """Return whether a VM that is down or silent can be nowhere but where it is known.

    It was seen to end; or its host told of it until it died. As long as nothing proves that
    host dead, it counts as dying now.
    """
    if vm.unseen or vm.host is None:
        return False
    if vm.state in VM_DOWN:
        return True
    if vm.state is not VmState.UNKNOWN:
        return True
    end = last(vm.host)
    died_at = end.off_at or now if end.proof is None else proven_since(end.proof)
    return end.told_at > 0 and died_at - end.told_at <= SEEN_S


def may_run_on(
    vm: Vm, inventory: Inventory, last: Callable[[HostId], Last], now: float
) -> tuple[HostId, ...]:
    """Return the silent hosts that must be proven not to run a VM, beside those that know it."""
    if seen_to_the_end(vm, last, now):
        return ()
    return silent_in_reach(vm, inventory)


def in_doubt(
    vm: VmId, where: Iterable[tuple[VmId, HostId]], proven: Iterable[HostId]
) -> list[HostId]:
    """Return the hosts on which a VM may run and that nothing proves not to run it, by id."""
    cleared = frozenset(proven)
    return sorted({host for one, host in where if one == vm and host not in cleared})
