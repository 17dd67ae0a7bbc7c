"""Hosts that a query leaves or takes out."""

from anypool.model import HostId, Inventory, VmId
from anypool.search.parser import parse
from anypool.search.syntax import Noun


def hosts_matching(query: str, inventory: Inventory) -> frozenset[HostId]:
    """Return the hosts that match a query, none for an empty one; raise `Invalid`."""
    if not query.strip():
        return frozenset()
    found = parse(query, Noun.HOST).filter(inventory.hosts.values(), inventory)
    return frozenset(host.id for host in found)


def vms_matching(query: str, inventory: Inventory) -> frozenset[VmId]:
    """Return the VMs that match a query, none for an empty one; raise `Invalid`."""
    if not query.strip():
        return frozenset()
    found = parse(query, Noun.VM).filter(inventory.vms.values(), inventory)
    return frozenset(vm.id for vm in found)
