"""What is left to a platform that decides by itself: there, policies only recommend."""

from collections.abc import Iterable

from anypool.model import Balance, HostId, Inventory, Matter, PowerSaving, VmId

CODES = {Matter.BALANCE: "watch.platform-balances", Matter.POWER: "watch.platform-powers"}
"""What is said of a plan that is only recommended because of that."""


def matter_of(rule: Balance | PowerSaving) -> Matter:
    """Return what a rule would decide."""
    return Matter.BALANCE if isinstance(rule, Balance) else Matter.POWER


def deciding(inventory: Inventory, hosts: Iterable[HostId], matter: Matter) -> tuple[str, ...]:
    """Return the clusters, or lone hosts, whose platform decides a matter by itself, by name."""
    known = (inventory.hosts[host] for host in hosts if host in inventory.hosts)
    return tuple(
        sorted({one.cluster or one.name for one in known if matter in one.platform_decides})
    )


def moved_by_platform(inventory: Inventory, vms: Iterable[VmId]) -> frozenset[VmId]:
    """Return the VMs that their platform moves by itself."""
    return frozenset(vm for vm in vms if vm in inventory.vms and inventory.vms[vm].platform_moves)
