"""The death map: what every single failure would do to every VM, kept up with the pool.

Each recovery knows which changes could alter it (`Trail`). After a change only those are
planned again, those of many hosts (`MANY`) when somebody looks; the map is then the same as
one made anew, and a test holds it to that.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator

from msgspec.structs import replace

from anypool.model import (
    OF_OTHERS,
    Bound,
    Claim,
    HostId,
    Inventory,
    Restart,
    Service,
    Vm,
    VmId,
)
from anypool.planner.failover.failure import Failure, every
from anypool.planner.failover.ground import Ground, kept_free
from anypool.planner.failover.order import Order
from anypool.planner.failover.recover import lost_with, recover
from anypool.planner.failover.recovery import Change, Fate, Recovery
from anypool.planner.rules import NO_RULES, Rulebook

MANY = 100
"""A failure of more hosts, such as that of a site, is planned when it is asked for."""

Key = tuple[str, str]
"""Kind and name of a failure."""


class DeathMap:
    """All failures of an inventory with their recoveries; `advance` makes it that of another.

    In `earnest` it is what high availability will do, else whether there is room for all.
    """

    def __init__(
        self,
        inventory: Inventory,
        rules: Rulebook = NO_RULES,
        services: tuple[Service, ...] = (),
        failures: Callable[[Inventory], Iterable[Failure]] = every,
        *,
        earnest: bool = False,
    ) -> None:
        self._failures = failures
        self._earnest = earnest
        self._make(inventory, rules, services)

    @property
    def inventory(self) -> Inventory:
        """Return what this is the death map of."""
        return self._inventory

    def all(self) -> Iterator[Recovery]:
        """Yield what each failure would do: hosts, then domains, then datastores."""
        for key in self._found:
            yield self._fresh(key)

    def get(self, failure: Failure) -> Recovery:
        """Return what a failure in the map would do; raise `KeyError` for another."""
        return self._fresh((failure.kind, failure.name))

    @property
    def ground(self) -> Ground:
        """Return the hosts as all of its failures find them."""
        return self._ground

    @property
    def order(self) -> Order:
        """Return the order of restarts."""
        return self._order

    def advance(
        self, inventory: Inventory, rules: Rulebook = NO_RULES, services: tuple[Service, ...] = ()
    ) -> int:
        """Become the death map of another inventory; return how many failures were planned again.

        `rules` are those bound to that inventory.
        """
        old = self._inventory
        vms = frozenset(inventory.vms.changed_since(old.vms))
        hosts = frozenset(inventory.hosts.changed_since(old.hosts))
        named = self._renamed(rules, services)
        if named is None or self._is_another(inventory, hosts, vms):
            self._make(inventory, rules, services)
            return len(self._found)
        rules = self._rules if named is _SAME else rules
        claims = frozenset(inventory.claims.changed_since(old.claims))
        touched = self._touched_by_vms(inventory, rules, vms | named)
        touched |= self._touched_by_hosts(inventory, claims, hosts)
        self._pass_to(inventory, rules, claims, hosts, vms)
        for key in touched:
            failure = self._found[key].failure
            if len(failure.hosts) > MANY:
                self._late.add(key)
            elif failure.datastore is None:
                self._found[key] = recover(self._ground, self._order, failure)
            else:
                self._found[key] = self._patched(self._found[key], vms)
        return len(touched)

    def _make(self, inventory: Inventory, rules: Rulebook, services: tuple[Service, ...]) -> None:
        self._inventory, self._rules, self._services = inventory, rules, services
        self._order = Order(inventory, rules, services)
        self._ground = Ground(inventory, rules, earnest=self._earnest)
        self._found: dict[Key, Recovery] = {}
        self._late: set[Key] = set()
        self._of_host: dict[HostId, list[Key]] = {}
        for failure in self._failures(inventory):
            key = (failure.kind, failure.name)
            if len(failure.hosts) > MANY:
                self._found[key] = Recovery(failure=failure)
                self._late.add(key)
            else:
                self._found[key] = recover(self._ground, self._order, failure)
            for host in failure.hosts:
                self._of_host.setdefault(host, []).append(key)

    def _fresh(self, key: Key) -> Recovery:
        """Return a recovery, planned now if it was put off."""
        if key in self._late:
            failure = self._found[key].failure
            self._found[key] = recover(self._ground, self._order, failure)
            self._late.discard(key)
        return self._found[key]

    def _pass_to(
        self,
        inventory: Inventory,
        rules: Rulebook,
        claims: frozenset[HostId],
        hosts: frozenset[HostId],
        vms: frozenset[VmId],
    ) -> None:
        if hosts:
            self._ground = Ground(inventory, rules, earnest=self._earnest)
        else:
            rows = [self._ground.row_of[key] for key in claims if key in self._ground.row_of]
            self._ground.advance(inventory, rules, rows, vms)
        self._inventory, self._rules = inventory, rules

    def _is_another(
        self, inventory: Inventory, hosts: Iterable[HostId], vms: Iterable[VmId]
    ) -> bool:
        """Return whether there are other failures now, or another order of restarts."""
        old = self._inventory
        for host in hosts:
            before, now = old.hosts.get(host), inventory.hosts.get(host)
            if before is None or now is None or before.tags != now.tags:
                return True
        for store in inventory.datastores.changed_since(old.datastores):
            was, is_ = old.datastores.get(store), inventory.datastores.get(store)
            if was is None or is_ is None or (was.name, was.shared) != (is_.name, is_.shared):
                return True
        return bool(self._services) and any(
            _name(old.vms.get(vm)) != _name(inventory.vms.get(vm)) for vm in vms
        )

    def _renamed(self, rules: Rulebook, services: tuple[Service, ...]) -> frozenset[VmId] | None:
        """Return the VMs that rules bind anew or no more; None if too much has changed."""
        if services != self._services:
            return None
        if rules is self._rules or rules.bounds == self._rules.bounds:
            return _SAME
        if len(rules.bounds) != len(self._rules.bounds):
            return None
        vms: set[VmId] = set()
        for now, before in zip(rules.bounds, self._rules.bounds, strict=True):
            if now == before:
                continue
            if isinstance(now.rule, Restart) or replace(now, vms=before.vms) != before:
                return None
            vms |= now.vms ^ before.vms
        return frozenset(vms)

    def _touched_by_vms(
        self, inventory: Inventory, rules: Rulebook, vms: frozenset[VmId]
    ) -> set[Key]:
        """Return the failures that stop a VM which changed, or one whose place depends on it."""
        concerned = set(vms)
        for vm in vms:
            for book in {id(rules): rules, id(self._rules): self._rules}.values():
                for bound in book.of(vm):
                    concerned |= _with_others(bound)
            concerned |= self._order.partners(vm)
        touched: set[Key] = set()
        for world in (self._inventory, inventory):
            for vm in concerned:
                record = world.vms.get(vm)
                if record is None:
                    continue
                if record.host is not None:
                    touched.update(self._of_host.get(record.host, ()))
                if vm in vms:
                    touched.update(_stores(record))
        return touched & self._found.keys()

    def _touched_by_hosts(
        self, inventory: Inventory, claims: frozenset[HostId], hosts: frozenset[HostId]
    ) -> set[Key]:
        """Return the failures of hosts that changed, and those whose VMs may go there or leave."""
        touched = {key for host in claims | hosts for key in self._of_host.get(host, ())}
        changes = list(self._changes(inventory, claims | hosts, hosts))
        for key, found in self._found.items() if changes else ():
            if any(found.trail.minds(change) for change in changes):
                touched.add(key)
            else:
                for change in changes:
                    found.trail.shift(change)
        return touched

    def _changes(
        self, inventory: Inventory, some: frozenset[HostId], anew: frozenset[HostId]
    ) -> Iterator[Change]:
        """Yield what changed about hosts, as far as a VM that looks for a place would notice."""
        for host in some:
            row = self._ground.row_of.get(host)
            if row is None:
                continue
            was, now = (i.claims.get(host, Claim()) for i in (self._inventory, inventory))
            same = (was.memory_mib, was.vcpus) == (now.memory_mib, now.vcpus)
            if same and host not in anew:
                continue
            before, free = self._ground.free[row], inventory.memory_free_mib(host)
            kept = min(self._ground.kept[row], kept_free(inventory.hosts[host]))
            most = max(before, free)
            yield Change(row, free - before, most, most - kept, host in anew)

    def _patched(self, found: Recovery, vms: frozenset[VmId]) -> Recovery:
        """Return the loss of a datastore after some VMs changed."""
        fates = list(found.fates)
        before = {fate.vm: fate for fate in fates if fate.vm in vms}
        for fate in before.values():
            del fates[bisect_left(fates, _place(fate), key=_place)]
        there = frozenset(self._ground.disks_on(found.failure.datastore))
        for fate in lost_with(self._ground, self._order, found.failure, sorted(vms & there)):
            insort(fates, fate, key=_place)
        return Recovery(failure=found.failure, fates=tuple(fates))


_SAME: frozenset[VmId] = frozenset()


def _with_others(bound: Bound) -> frozenset[VmId]:
    return bound.vms if isinstance(bound.rule, OF_OTHERS) else _SAME


def _place(fate: Fate) -> tuple[int, str]:
    return fate.level, fate.vm


def _name(vm: Vm | None) -> str | None:
    return None if vm is None else vm.name


def _stores(vm: Vm) -> Iterator[Key]:
    for disk in vm.disks:
        if disk.datastore is not None:
            yield "datastore", disk.datastore
