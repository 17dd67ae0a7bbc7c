"""An independent judge of plans that switch hosts off: is there room for failures afterwards.

Like `plan.check` it shares no code with the planners. It knows what every planner must obey:
if a host fails, what it held cannot be more than what is free on the others. So what it
objects to is broken; what it lets pass is for `planner.failover`.
"""

from collections import defaultdict

from anypool.model import Bound, Failover, Host, HostId, Inventory, Strength, Vm, VmId
from anypool.plan.action import MigrateVm, PowerOffHost
from anypool.plan.plan import Plan
from anypool.plan.reason import Reason, reason

_HOLDS = ("running", "paused", "suspended", "unknown")


def of_capacity(plan: Plan, inventory: Inventory, bounds: tuple[Bound, ...]) -> tuple[Reason, ...]:
    """Return each failover policy that is a must and has no room left once hosts are off.

    One that had none before either is not held against the plan.
    """
    off = frozenset(str(s.action.host) for s in plan.steps if isinstance(s.action, PowerOffHost))
    if not off:
        return ()
    there = {vm.id: vm.host for vm in inventory.vms.values() if vm.state in _HOLDS}
    after = dict(there)
    for step in plan.steps:
        if isinstance(step.action, MigrateVm):
            after[step.action.vm] = step.action.target
    found: list[Reason] = []
    for bound in bounds:
        if not isinstance(bound.rule, Failover) or bound.strength is not Strength.MUST:
            continue
        short = _short(inventory, bound, _held(inventory, after, bounds), off)
        if short > 0 >= _short(inventory, bound, _held(inventory, there, bounds), frozenset()):
            failures = bound.rule.failures
            found.append(
                reason("spare.short", policy=bound.policy, failures=failures, missing=short)
            )
    return tuple(found)


def _held(
    inventory: Inventory, places: dict[VmId, HostId | None], bounds: tuple[Bound, ...]
) -> dict[str, tuple[int, int]]:
    """Return the memory in use on each host, and that of its VMs that may restart elsewhere.

    A VM that a rule names is not counted: what the rule leaves is not known here.
    """
    ruled = {vm for one in bounds if one.strength is Strength.MUST for vm in one.vms}
    used: dict[str, int] = defaultdict(int)
    moving: dict[str, int] = defaultdict(int)
    for vm in inventory.vms.values():
        host = places.get(vm.id)
        if host is None:
            continue
        used[host] += vm.memory_mib
        elsewhere = (h for h in inventory.hosts.values() if h.id != host and _takes(h, vm))
        if vm.id not in ruled and any(elsewhere):
            moving[host] += vm.memory_mib
    return {host: (used[host], moving[host]) for host in used}


def _takes(host: Host, vm: Vm) -> bool:
    """Return whether a host has what a VM needs, however full it is."""
    return (
        {disk.datastore for disk in vm.disks if disk.datastore is not None} <= host.datastores
        and {nic.network for nic in vm.nics} <= host.networks
        and (not vm.cpu_model or vm.cpu_model in host.cpu_models)
        and vm.memory_mib <= host.usable_mib
    )


def _short(
    inventory: Inventory, bound: Bound, held: dict[str, tuple[int, int]], off: frozenset[str]
) -> int:
    """Return what memory lacks, in MiB, if one host fails, or less than nothing."""
    assert isinstance(bound.rule, Failover)
    free: dict[str, int] = {}
    for host in inventory.hosts.values():
        if host.state == "up" and not host.maintenance and host.id not in off:
            room = host.usable_mib - held.get(host.id, (0, 0))[0]
            free[host.id] = max(0, room)
    total = sum(free.values())
    fails = [host for host in bound.hosts if host in free] if bound.rule.failures else []
    lacks = (held.get(host, (0, 0))[1] - (total - free[host]) for host in fails)
    return max(lacks, default=0)
