"""One round over one policy, and what copies of VMs are left where."""

from msgspec import Struct

from anypool.engine.ha.begin import UnderWay
from anypool.engine.ha.charges import Charges, is_silent
from anypool.model import (
    VM_DOWN,
    HighAvailability,
    HostId,
    HostState,
    Inventory,
    Policy,
    Priority,
    StateReason,
    Vm,
    VmId,
    VmState,
)
from anypool.planner.failover import LEVELS, Order, of_hosts, plan_recovery
from anypool.planner.failover.left import unfit
from anypool.planner.ha.again import Task, as_it_was
from anypool.planner.ha.astray import Finds, by_vm
from anypool.planner.rules import Rulebook


class World(Struct, frozen=True, kw_only=True):
    """What all policies are looked at with; `left` are hosts that may have copies of VMs.

    `astray` says where else one may run that nobody saw end.
    """

    inventory: Inventory
    rules: Rulebook
    order: Order
    under_way: UnderWay
    charges: Charges
    left: tuple[tuple[VmId, HostId], ...]
    astray: Finds


class Round:
    """One policy with what is looked at for it.

    `lost` are its charges that run nowhere as far as is known. `holding` are those of them that
    could start elsewhere, by each silent host that may have one; `maybe` such hosts that no
    reading need name: nobody saw what came of a start there, or it was read by a manager that
    is gone, or another tool may have moved it there unseen.
    """

    def __init__(
        self,
        policy: Policy,
        hosts: frozenset[HostId],
        world: World,
    ) -> None:
        inventory = world.inventory
        assert isinstance(policy.rule, HighAvailability)
        self.rule: HighAvailability = policy.rule
        self.policy = policy
        self.hosts = hosts & inventory.hosts.keys()
        self.inventory = inventory
        self.rules = world.rules
        self.order = world.order
        self.under_way = world.under_way
        self.lost = world.charges.lost(self.hosts, inventory)
        where = [*world.left, *world.charges.places(self.lost)]
        where += [(vm, host) for vm in self.lost for host in world.astray(inventory.vms[vm])]
        self.maybe = tuple((vm, host) for vm, host in where if is_silent(host, inventory))
        self._maybe = by_vm(self.maybe)
        self.holding: dict[HostId, tuple[VmId, ...]] = {}
        for vm in self.lost:
            for key in self._silent(vm) if self._fits(vm) else ():
                self.holding[key] = (*self.holding.get(key, ()), vm)

    def fences(self, done: tuple[tuple[HostId, float], ...], now: float) -> tuple[float, ...]:
        """Return when hosts of this policy were switched off of late, or are about to be."""
        mine = [(host, at) for host, at in done if host in self.hosts]
        coming = (self.under_way.fencing & self.hosts) - {host for host, _ in mine}
        return (*(at for _, at in mine), *(now for _ in coming))

    def asked(self) -> list[HostId]:
        """Return the hosts that are judged: not those that somebody took out of service."""
        return [key for key in sorted(self.hosts) if not self._rests(key)]

    def saves(self, key: HostId) -> bool:
        """Return whether anything that a silent host may have could start elsewhere."""
        vms = frozenset(self.holding.get(key, ()))
        if any(self._answered_for(vm) for vm in vms):
            return True
        places = {key, *(place for vm in vms for place in self._named(vm))}
        world = as_it_was(self.inventory, Task(vms=vms), frozenset(places))
        made = plan_recovery(world, of_hosts(places), self.rules)
        return any(fate.vm in vms for fate in made.restarted)

    def _silent(self, vm: VmId) -> set[HostId]:
        """Return the silent hosts that may have a VM."""
        return self._named(vm) | self._maybe.get(vm, set())

    def _named(self, vm: VmId) -> set[HostId]:
        """Return the silent hosts that are known to have a VM."""
        record = self.inventory.vms[vm]
        places = [record.host, *(copy.host for copy in record.copies)]
        return {key for key in places if key is not None and is_silent(key, self.inventory)}

    def _answered_for(self, vm: VmId) -> bool:
        """Return whether a host that answers says that it has a VM, which could start there."""
        record = self.inventory.vms[vm]
        return record.host is not None and not is_silent(record.host, self.inventory)

    def _fits(self, vm: VmId) -> bool:
        never = LEVELS[self.order.level(vm)] is Priority.DISABLED
        return not never and unfit(self.inventory.vms[vm]) is None

    def _rests(self, key: HostId) -> bool:
        host = self.inventory.hosts[key]
        if host.state is HostState.UP or key in self.holding:
            return False
        return host.power_saved or host.maintenance or not is_silent(key, self.inventory)


def is_left_over(vm: VmId, host: HostId, inventory: Inventory) -> bool:
    """Return whether a host that is up has a stopped copy of a VM that runs elsewhere.

    One that somebody paused there was seen to run there, too; one that waits for a migration, or
    was held by it, was not.
    """
    known = inventory.vms.get(vm)
    if known is None or known.host == host or not _ran(known):
        return False
    there = inventory.hosts.get(host)
    if there is None or there.state is not HostState.UP:
        return False
    return any(copy.host == host and copy.state in VM_DOWN for copy in known.copies)


def _ran(vm: Vm) -> bool:
    held = vm.reason in (StateReason.INCOMING, StateReason.MIGRATING)
    return vm.state is VmState.RUNNING or (vm.state is VmState.PAUSED and not held)


def is_over(vm: VmId, host: HostId, inventory: Inventory) -> bool:
    """Return whether no copy can be left any more: none is there, or the VM runs there again."""
    known, there = inventory.vms.get(vm), inventory.hosts.get(host)
    if known is None or there is None:
        return True
    if there.state is not HostState.UP:
        return False
    if known.host == host:
        return known.state is VmState.RUNNING or not known.copies
    return all(copy.host != host for copy in known.copies)
