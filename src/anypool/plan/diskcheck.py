"""What speaks against moves of disks: an account of its own, shared with no planner."""

from collections.abc import Iterator

from anypool.model import Inventory
from anypool.plan.action import MoveDisks
from anypool.plan.plan import Plan
from anypool.plan.reason import Reason, reason


def of_disks(plan: Plan, inventory: Inventory) -> Iterator[Reason]:
    """Yield each move to a datastore that its host has not, or that has too little room."""
    free = {store.id: store.free_bytes for store in inventory.datastores.values()}
    for step in plan.steps:
        action = step.action
        if not isinstance(action, MoveDisks):
            continue
        host = inventory.hosts.get(action.host)
        facts = {"vm": action.vm, "datastore": action.datastore}
        if host is None or action.datastore not in free or action.datastore not in host.datastores:
            yield reason("check.move-no-datastore", **facts)
            continue
        vm = inventory.vms.get(action.vm)
        for disk in () if vm is None else vm.disks:
            if disk.datastore is not None and disk.datastore != action.datastore:
                free[action.datastore] -= disk.size_bytes
        if free[action.datastore] < 0:
            yield reason("check.move-no-room", **facts)
