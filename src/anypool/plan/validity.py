"""Whether what a plan assumed still holds."""

from typing import assert_never

from anypool.model import HostId, HostState, Inventory
from anypool.plan.plan import Condition, HostOpen, MemoryFree, Step, VmAbsent, VmIs
from anypool.plan.reason import Reason, reason


def broken(step: Step, inventory: Inventory) -> Reason | None:
    """Return why the first assumption of a step that no longer holds fails; None if all hold."""
    for condition in step.valid_while:
        if (why := _broken(condition, inventory)) is not None:
            return why
    return None


def _broken(condition: Condition, inventory: Inventory) -> Reason | None:
    match condition:
        case VmIs(vm=vm_id):
            there = vm_id in inventory.vms
            return _vm_moved(inventory, condition) if there else reason("broken.gone", what=vm_id)
        case VmAbsent(vm=vm_id):
            return reason("broken.exists", vm=vm_id) if vm_id in inventory.vms else None
        case HostOpen(host=host):
            return _host_closed(inventory, host)
        case MemoryFree(host=host, memory_mib=need):
            if host not in inventory.hosts:
                return reason("broken.gone", what=host)
            free = inventory.memory_free_mib(host)
            short = reason("broken.memory", host=host, free=free, need=need)
            return None if free >= need else short
        case _:
            assert_never(condition)


def _vm_moved(inventory: Inventory, condition: VmIs) -> Reason | None:
    vm = inventory.vms[condition.vm]
    if vm.host != condition.host:
        return reason("broken.moved", vm=vm.name, host=condition.host)
    if vm.state in condition.states:
        return None
    return reason("broken.state", what=vm.name, state=vm.state)


def _host_closed(inventory: Inventory, host_id: HostId) -> Reason | None:
    host = inventory.hosts.get(host_id)
    if host is None:
        return reason("broken.gone", what=host_id)
    if host.state is not HostState.UP:
        return reason("broken.state", what=host.name, state=host.state)
    return reason("broken.maintenance", host=host.name) if host.maintenance else None
