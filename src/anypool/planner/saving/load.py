"""How busy hosts are, by memory that is held and by CPUs that were used."""

from collections.abc import Iterable, Mapping

from anypool.model import HOLDS_MEMORY, UNMEASURED, Host, Inventory, Usage, Vm, VmId


def busy(inventory: Inventory, hosts: Iterable[Host], usages: Mapping[VmId, Usage]) -> float:
    """Return how busy hosts are together, in percent: of memory or of CPU, whichever is more.

    A VM that nobody measured counts with all its virtual CPUs. No hosts at all are full.
    """
    memory, cpu, has_mib, has_cpus = 0, 0.0, 0, 0
    for host in hosts:
        has_mib += max(0, host.usable_mib)
        has_cpus += max(1, host.cpus)
        for vm in inventory.vms_on(host.id):
            if vm.state in HOLDS_MEMORY:
                memory += vm.memory_mib
                cpu += _used(vm, usages)
    if not has_mib:
        return 100.0
    return max(100.0 * memory / has_mib, cpu / has_cpus)


def busiest(
    inventory: Inventory, hosts: Iterable[Host], usages: Mapping[VmId, Usage]
) -> tuple[float, str]:
    """Return how busy the busiest of some hosts is, and its name; 0 and "" for none."""
    found = ((busy(inventory, (host,), usages), host.name) for host in hosts)
    return max(found, default=(0.0, ""))


def _used(vm: Vm, usages: Mapping[VmId, Usage]) -> float:
    percent = usages.get(vm.id, UNMEASURED).cpu_percent
    return 100.0 * vm.vcpus if percent < 0 else percent
