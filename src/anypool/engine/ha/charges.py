"""Charges: which VMs are to run, and which of them do not although nobody stopped them.

A VM that is seen to run on a guarded host, or that we started there, is a charge until somebody
stops or deletes it. It belongs to the host where it ran last, and what becomes of it there
decides, whatever copies others have: that it is stopped on a host that answered all the while
means that somebody stopped it. That it is stopped on a host that was away, and so ended unseen,
means that the host took it down. A paused copy elsewhere, as a migration leaves one, changes
nothing: it never ran there.
"""

from collections import deque
from collections.abc import Iterable

from msgspec.structs import replace

from anypool.engine.observing.vitals import Settled
from anypool.model import (
    VM_ALIVE,
    VM_DOWN,
    Claim,
    EndpointId,
    HostId,
    HostState,
    Inventory,
    StateReason,
    Vm,
    VmCopy,
    VmId,
    VmState,
)
from anypool.plan.servereffect import lent
from anypool.store import Store, ha
from anypool.store.ha import Charge

STEADY_S = 600.0
"""A VM that ran for so long after it was started again counts as one that was never lost."""
RAN_S = 60.0
"""A start after which a VM ran for so long was a good one: what ends it then is news."""
GONE_S = 3600.0
"""A VM that no host knows any more for so long was deleted, and not moved by another tool."""


class Charges:
    """The charges of all guarded hosts; used by one thread, but for `hear` and `miss`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[VmId, Charge] = {}
        self._of_host: dict[HostId, set[VmId]] = {}
        self._seen: Inventory | None = None
        self._steady: set[HostId] = set()
        self._lost: set[VmId] = set()
        self._taken: set[VmId] = set()
        self._good: dict[VmId, int] = {}
        self._ran: set[VmId] = set()
        self._news: deque[Settled] = deque()
        self._missed: deque[EndpointId] = deque()
        self._silent: set[EndpointId] = set()
        self._stopping: set[VmId] = set()
        self._gone: dict[VmId, float] = {}

    def begin(self) -> None:
        """Know what the records say; no host was seen to answer yet."""
        self._news.clear()
        self._missed.clear()
        self._silent.clear()
        self._stopping.clear()
        with self._store.reading() as tx:
            known = ha.charges(tx)
        self._known, self._of_host, self._seen = {}, {}, None
        self._learn({one.vm: one for one in known}, ())
        self._steady, self._lost, self._taken, self._good = set(), set(), set(), {}
        self._ran = set()
        self._gone = {}

    def hear(self, settled: Iterable[Settled]) -> None:
        """Take note of what runs have written: where VMs were brought, and which are stopped."""
        self._news.extend(settled)

    def miss(self, endpoint: EndpointId) -> None:
        """Take note that an endpoint fell silent, if only between two looks."""
        self._missed.append(endpoint)

    def settle(self) -> None:
        """Know what was heard. What is observed after that is later than the runs saw it."""
        while self._missed:
            self._silent.add(self._missed.popleft())
        while self._news:
            one = self._news[0]
            charge = self._known.get(one.vm)
            (self._stopping.add if one.begun else self._stopping.discard)(one.vm)
            if one.host is None:
                self.release(one.vm)
            elif charge is not None and charge.host != one.host:
                self._learn({one.vm: replace(charge, host=one.host)}, ())
            elif charge is None and one.started_at:
                self._learn({one.vm: Charge(vm=one.vm, host=one.host, since=one.started_at)}, ())
            self._news.popleft()
            self._seen = None  # what is there is looked at once more

    def all(self) -> tuple[Charge, ...]:
        """Return all charges by VM."""
        return tuple(self._known[key] for key in sorted(self._known))

    def get(self, vm: VmId) -> Charge | None:
        """Return the charge of a VM, None if it is not to run."""
        return self._known.get(vm)

    def failed(self, vm: VmId, *, host_lost: bool = False) -> int:
        """Return how many starts in a row failed: those after which it did not run for `RAN_S`.

        With `host_lost` its host ended what ran: that start did not fail, but those before it
        did. A manager that has just begun takes all starts for failed that it did not see.
        """
        charge = self._known.get(vm)
        good = self._good.get(vm, 0) + (host_lost and vm in self._ran)
        return 0 if charge is None else max(0, charge.tries - good)

    def any_on(self, host: HostId) -> bool:
        """Return whether a VM that is to run was seen on a host last."""
        return bool(self._of_host.get(host))

    def lost(self, hosts: Iterable[HostId], inventory: Inventory) -> tuple[VmId, ...]:
        """Return the charges of hosts that run nowhere as far as is known, and nobody stopped."""
        mine = frozenset(hosts)
        silent = [key for key in mine if is_silent(key, inventory)]
        found = {vm for key in silent for vm in self._of_host.get(key, ())}
        gone_to = (inventory.claims[key].vms for key in silent if key in inventory.claims)
        found |= {vm for vms in gone_to for vm in vms & self._known.keys()}
        found |= {vm for vm in self._lost if self._known[vm].host in mine}
        return tuple(sorted(vm for vm in found if _is_down(inventory.vms.get(vm))))

    def places(self, vms: Iterable[VmId]) -> list[tuple[VmId, HostId]]:
        """Return where VMs last ran, by what was kept of it."""
        return [(vm, self._known[vm].host) for vm in vms if vm in self._known]

    def look(self, hosts: Iterable[HostId], inventory: Inventory, now: float) -> None:
        """Take note of what runs on guarded hosts, and of what somebody stopped or deleted."""
        changed = self._run_on(frozenset(hosts), inventory, now)
        if inventory is self._seen:
            self._keep(changed, ())
            return
        mine: dict[HostId, set[VmId]] = {}
        for key in sorted(frozenset(hosts) & inventory.hosts.keys()):
            if inventory.hosts[key].endpoint in self._silent:
                self._steady.discard(key)
            if is_silent(key, inventory):
                self._steady.discard(key)
            else:
                mine[key] = self._at_host(key, inventory, now, changed)
        # What any of them took down is known before what is stopped elsewhere is judged.
        dropped = [vm for key in mine for vm in mine[key] if self._ended(inventory.vms[vm], key)]
        self._gone = {vm: self._gone.get(vm, now) for vm in self._known if vm not in inventory.vms}
        dropped += [vm for vm, since in self._gone.items() if now - since > GONE_S]
        self._keep(changed, sorted(dropped))
        self._silent.clear()
        self._seen = inventory

    def _at_host(
        self, key: HostId, inventory: Inventory, now: float, changed: dict[VmId, Charge]
    ) -> set[VmId]:
        """Take note of what lives on a host that answers; return its charges, and those there."""
        there = inventory.claims.get(key, Claim()).vms
        for vm in there:
            self._see(inventory.vms[vm], key, now, changed)
        mine = self._of_host.get(key, set()) & inventory.vms.keys()
        mine |= there & self._known.keys()
        if key not in self._steady:
            vms = (inventory.vms[vm] for vm in mine)
            self._lost |= {vm.id for vm in vms if _is_down(vm) or _at(vm, key) in VM_DOWN}
            self._steady.add(key)
        return mine

    def taking(
        self, vms: Iterable[VmId], hosts: Iterable[HostId], under_way: frozenset[VmId]
    ) -> None:
        """Take note that we stop VMs on hosts so that they start elsewhere: they stay charges.

        So do those that something is under way for.
        """
        mine = {vm for host in hosts for vm in self._of_host.get(host, ())}
        self._taken = (self._taken - (mine - under_way)) | set(vms)

    def tried(self, vms: Iterable[VmId], now: float) -> None:
        """Take note that VMs are about to be started again."""
        known = {vm: one for vm in vms if (one := self._known.get(vm)) is not None}
        self._ran -= known.keys()
        tries = {vm: replace(one, tries=one.tries + 1, since=now) for vm, one in known.items()}
        self._keep(tries, ())

    def release(self, vm: VmId) -> bool:
        """Forget that a VM is to run; return whether it was."""
        known = vm in self._known
        self._keep({}, (vm,) if known else ())
        return known

    def _run_on(
        self, hosts: frozenset[HostId], inventory: Inventory, now: float
    ) -> dict[VmId, Charge]:
        """Take note of what runs on for long that was started again; return what is over."""
        steady: dict[VmId, Charge] = {}
        for vm, charge in self._known.items():
            known = inventory.vms.get(vm) if charge.tries and charge.host in hosts else None
            if known is None or known.host != charge.host or known.state is not VmState.RUNNING:
                continue
            if now - charge.since >= RAN_S:
                self._good[vm] = charge.tries
            if now - charge.since > STEADY_S:
                steady[vm] = replace(charge, tries=0)
                self._good.pop(vm, None)
        return steady

    def _see(self, vm: Vm, host: HostId, now: float, changed: dict[VmId, Charge]) -> None:
        """Take note of a VM that lives on a host: it belongs there, unless it never ran there."""
        charge = self._known.get(vm.id)
        if vm.state not in VM_ALIVE or vm.id in self._stopping:
            return
        if vm.state is VmState.PAUSED and (charge is None or _at(vm, charge.host) is not None):
            return
        self._lost.discard(vm.id)
        self._ran.add(vm.id)
        if charge is None or charge.host != host:
            tries = 0 if charge is None else charge.tries
            changed[vm.id] = Charge(vm=vm.id, host=host, since=now, tries=tries)

    def _ended(self, vm: Vm, host: HostId) -> bool:
        """Return whether somebody stopped a charge on a host: where it ran last, or went since."""
        home = self._known[vm.id].host
        if vm.state in VM_ALIVE and (home != host or vm.state is not VmState.PAUSED):
            return False
        if home != host and _at(vm, home) is not None:
            return False
        state = _at(vm, host)
        if state not in VM_DOWN:
            return False
        unseen = _ended_unseen(vm, host) if home == host else vm.is_astray
        if state is VmState.CRASHED or unseen or vm.id in self._taken:
            self._lost.add(vm.id)
        return vm.id not in self._lost

    def _keep(self, changed: dict[VmId, Charge], dropped: Iterable[VmId]) -> None:
        gone = [self._known[vm] for vm in dropped]
        if not changed and not gone:
            return
        with self._store.writing() as tx:
            ha.put_charges(tx, changed.values(), gone)
        self._learn(changed, (one.vm for one in gone))

    def _learn(self, changed: dict[VmId, Charge], dropped: Iterable[VmId]) -> None:
        gone = tuple(dropped)
        for vm in (*changed, *gone):
            if (old := self._known.pop(vm, None)) is not None:
                self._of_host[old.host].discard(vm)
        for vm, one in changed.items():
            self._known[vm] = one
            self._of_host.setdefault(one.host, set()).add(vm)
        self._lost -= set(gone)
        self._ran -= set(gone)
        self._good = {vm: count for vm, count in self._good.items() if vm in self._known}


def is_silent(key: HostId, inventory: Inventory) -> bool:
    """Return whether a host that is known does not answer, and may have VMs."""
    host = inventory.hosts.get(key)
    if host is None or host.state is HostState.UP:
        return False
    return key not in lent(inventory.profiles.values())


def _is_down(vm: Vm | None) -> bool:
    """Return whether a VM that is known runs nowhere, as far as anybody says."""
    return vm is not None and vm.state not in VM_ALIVE


def _at(vm: Vm, host: HostId) -> VmState | None:
    """Return how a VM is on a host, None if it is not there, or left there for another one."""
    copy = _copy(vm, host)
    if copy is None:
        return None
    left = copy.state in VM_DOWN and copy.reason is StateReason.MIGRATED and vm.copies
    return None if left else copy.state


def _ended_unseen(vm: Vm, host: HostId) -> bool:
    """Return whether nobody saw the copy on a host end."""
    copy = _copy(vm, host)
    return copy is not None and copy.unseen


def _copy(vm: Vm, host: HostId) -> Vm | VmCopy | None:
    """Return the copy of a VM on a host, None if none is known there."""
    if vm.host == host:
        return vm
    return next((one for one in vm.copies if one.host == host), None)
