"""Whether what a plan assumed still holds."""

from typing import assert_never

from anypool.model import HostId, HostState, Inventory
from anypool.plan.plan import Condition, HostOpen, MemoryFree, Step, VmAbsent, VmIs


def broken(step: Step, inventory: Inventory) -> str:
    """Return the first assumption of a step that no longer holds, in words; empty if all hold."""
    for condition in step.valid_while:
        if why := _broken(condition, inventory):
            return why
    return ""


def _broken(condition: Condition, inventory: Inventory) -> str:
    match condition:
        case VmIs(vm=vm_id):
            return _vm_moved(inventory, condition) if vm_id in inventory.vms else f"{vm_id} is gone"
        case VmAbsent(vm=vm_id):
            return f"{vm_id} exists" if vm_id in inventory.vms else ""
        case HostOpen(host=host):
            return _host_closed(inventory, host)
        case MemoryFree(host=host, memory_mib=need):
            if host not in inventory.hosts:
                return f"{host} is gone"
            free = inventory.memory_free_mib(host)
            return "" if free >= need else f"{host} has {free} MiB free, {need} needed"
        case _:
            assert_never(condition)


def _vm_moved(inventory: Inventory, condition: VmIs) -> str:
    vm = inventory.vms[condition.vm]
    if vm.host != condition.host:
        return f"{vm.name} is not on {condition.host} any more"
    return "" if vm.state in condition.states else f"{vm.name} is {vm.state}"


def _host_closed(inventory: Inventory, host_id: HostId) -> str:
    host = inventory.hosts.get(host_id)
    if host is None:
        return f"{host_id} is gone"
    if host.state is not HostState.UP:
        return f"{host.name} is {host.state}"
    return f"{host.name} is in maintenance" if host.maintenance else ""
