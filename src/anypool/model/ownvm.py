"""The VM that a manager runs in, where that is one of the pool: known by a tag.

The manager tags its own VM when it recognises it; where it cannot, a person does. A tag is
seen by everybody: planners, searches, lists, and whoever makes a plan again later.
"""

from anypool.model.ids import HostId
from anypool.model.inventory import Inventory
from anypool.model.vm import Vm

MANAGER = "anypool:manager"


def runs_manager(vm: Vm) -> bool:
    """Say whether a manager runs in a VM."""
    return MANAGER in vm.tags


def manager_on(inventory: Inventory, host: HostId) -> Vm | None:
    """Return the VM on a host that a manager runs in, None if there is none."""
    if host not in inventory.hosts:
        return None
    return next((vm for vm in inventory.holding(host) if runs_manager(vm)), None)
