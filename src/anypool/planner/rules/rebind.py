"""Bound rules of another inventory, at the cost of what differs between the two.

A query looks at a record, at the host a VM is on or the VMs on a host, and at datastores,
networks and images. Which records a difference can concern follows from that; all others
are bound as they were. One that looks further is asked of everybody again.
"""

from collections.abc import Iterable
from typing import TypeVar

from msgspec.structs import replace

from anypool.model import (
    HOST_SCOPED,
    Bound,
    Claim,
    Host,
    HostId,
    Inventory,
    PMap,
    Policy,
    Vm,
    VmId,
)
from anypool.planner.rules.bind import bind, queries
from anypool.search import Query

K = TypeVar("K", HostId, VmId)
R = TypeVar("R", Host, Vm)

NEAR = ("host", "vm")
"""The joins from a VM to its host and back: what is at their end is asked again in time."""
FREE_MEMORY = "memory-free"
"""The only field that looks at what is booked on a host."""


def rebound(
    bounds: Iterable[Bound], policies: Iterable[Policy], inventory: Inventory, old: Inventory
) -> tuple[Bound, ...]:
    """Return what `bind` returns for an inventory, from what it returned for the `old` one.

    A rule that binds the same is the same object.
    """
    scopes = {policy.id: policy for policy in policies}
    if not _same_places(inventory, old):
        return bind(scopes.values(), inventory)
    touched = _Touched(inventory, old)
    return tuple(_again(bound, scopes[bound.policy], touched) for bound in bounds)


def _same_places(one: Inventory, other: Inventory) -> bool:
    return (
        one.datastores is other.datastores
        and one.networks is other.networks
        and one.images is other.images
    )


class _Touched:
    """What a difference can concern: hosts and the VMs on them.

    Those of `free_` include hosts of which another part is booked, and nothing else is new.
    """

    def __init__(self, inventory: Inventory, old: Inventory) -> None:
        self.inventory = inventory
        changed = set(inventory.hosts.changed_since(old.hosts))
        booked = {key for key in changed if _only_booked(inventory, old, key)}
        vms = set(inventory.vms.changed_since(old.vms))
        homes = {vm.host for key in vms for one in (inventory, old) if (vm := one.vms.get(key))}
        homes.update(inventory.claims.changed_since(old.claims))
        self.hosts = (changed - booked).union(home for home in homes if home is not None)
        self.vms = vms.union(*(_on(host, inventory, old) for host in self.hosts))
        self.free_hosts = self.hosts | booked
        self.free_vms = self.vms.union(*(_on(host, inventory, old) for host in booked))


def _on(host: HostId, inventory: Inventory, old: Inventory) -> frozenset[VmId]:
    nobody = Claim()
    return inventory.claims.get(host, nobody).vms | old.claims.get(host, nobody).vms


def _only_booked(inventory: Inventory, old: Inventory, key: HostId) -> bool:
    now, before = inventory.hosts.get(key), old.hosts.get(key)
    if now is None or before is None:
        return False
    return replace(before, booked_mib=now.booked_mib) == now


def _again(bound: Bound, policy: Policy, touched: _Touched) -> Bound:
    scope, *others = queries(policy)
    vms, hosts, targets = bound.vms, bound.hosts, bound.targets
    if isinstance(policy.rule, HOST_SCOPED):
        hosts = _hosts(hosts, scope, touched)
    else:
        some = touched.free_vms if _asks_for_room(scope) else touched.vms
        vms = _members(vms, scope, (some, touched.inventory.vms), touched.inventory)
    if others:
        hosts = _hosts(hosts, others[0], touched)
    if len(others) > 1:
        targets = _hosts(targets, others[1], touched)
    if vms is bound.vms and hosts is bound.hosts and targets is bound.targets:
        return bound
    return replace(bound, vms=vms, hosts=hosts, targets=targets)


def _hosts(known: frozenset[HostId], query: Query, touched: _Touched) -> frozenset[HostId]:
    some = touched.free_hosts if _asks_for_room(query) else touched.hosts
    return _members(known, query, (some, touched.inventory.hosts), touched.inventory)


def _members(
    known: frozenset[K], query: Query, some: tuple[set[K], PMap[K, R]], inventory: Inventory
) -> frozenset[K]:
    """Return who is meant now, where only some of all may have become so or ceased to be."""
    touched, records = some
    keys = set(records).union(known) if _looks_far(query) else touched
    test = query.test(inventory)
    now = frozenset(key for key in keys if (one := records.get(key)) is not None and test(one))
    if now == known & keys:
        return known
    return (known - keys) | now


def _asks_for_room(query: Query) -> bool:
    return any(path[-1] == FREE_MEMORY for path in query.paths)


def _looks_far(query: Query) -> bool:
    return any(len(path) > 2 or path[0] not in NEAR for path in query.paths if len(path) > 1)
