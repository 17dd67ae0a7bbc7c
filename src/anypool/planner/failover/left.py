"""Which VMs are left down after a failure, whatever room there is: asked by all that foresee it."""

from anypool.model import VM_DOWN, HostId, HostState, Inventory, Matter, Vm, VmCopy
from anypool.plan import Reason, reason


def left_down(vm: Vm, inventory: Inventory) -> Reason | None:
    """Return why nobody here starts a VM elsewhere once its host is dead, None if that is done."""
    return left_to_platform(vm, inventory) or unfit(vm)


def left_to_platform(vm: Vm, inventory: Inventory) -> Reason | None:
    """Return that the platform of a VM's host restarts it by itself, and nobody else does."""
    home = None if vm.host is None else inventory.hosts.get(vm.host)
    if home is None or Matter.RESTART not in home.platform_decides:
        return None
    return reason("ha.platform", host=home.cluster or home.name)


def unfit(vm: Vm) -> Reason | None:
    """Return why a VM cannot be defined anew on another host, None if it can."""
    if vm.twins:
        return reason("vm.twins", vm=vm.name, count=len(vm.twins))
    if not vm.made_by:
        return reason("ha.not-ours")
    if vm.snapshots:
        return reason("ha.snapshots", count=len(vm.snapshots))
    if any(disk.datastore is None for disk in vm.disks):
        return reason("ha.disk-nowhere")
    return None


def at_rest(copy: VmCopy, inventory: Inventory, dead: frozenset[HostId]) -> bool:
    """Return whether a copy is a mere definition on a host that answers."""
    host = inventory.hosts.get(copy.host)
    up = host is not None and host.state is HostState.UP and copy.host not in dead
    return up and copy.state in VM_DOWN
