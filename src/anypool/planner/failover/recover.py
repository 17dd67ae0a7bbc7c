"""What happens after a failure: every VM that it stops, in order, with its host or its reason.

Two ways of placing are tried. The first spreads; if it leaves a VM without a host, the second
packs tightly, and counts where it loses fewer VMs, those of higher priority first.
"""

from collections.abc import Iterable, Iterator, Mapping
from heapq import heapreplace

from anypool.model import (
    HOLDS_MEMORY,
    Capability,
    Claim,
    HostId,
    HostState,
    Inventory,
    Service,
    StateReason,
    Vm,
    VmCopy,
    VmId,
)
from anypool.plan import CostModel, Reason, reason
from anypool.planner.failover.failure import Failure
from anypool.planner.failover.ground import Ground
from anypool.planner.failover.left import at_rest, left_down
from anypool.planner.failover.order import LEVELS, NEVER, Needed, Order
from anypool.planner.failover.recovery import Fate, Recovery
from anypool.planner.failover.seek import Search
from anypool.planner.rules import NO_RULES, Rulebook

SLOTS = 8
"""Starts that are reckoned to go on at one time."""

START_MS = CostModel().short_ms
_MOVING = (StateReason.INCOMING, StateReason.MIGRATING)


def plan_recovery(
    inventory: Inventory,
    failure: Failure,
    rules: Rulebook = NO_RULES,
    services: Iterable[Service] = (),
    *,
    earnest: bool = False,
) -> Recovery:
    """Return what happens after a failure; to be begun only with the proof that hosts are dead.

    In `earnest` VMs are left down that nobody here starts elsewhere; else all are to find room.
    """
    order = Order(inventory, rules, services)
    return recover(Ground(inventory, rules, earnest=earnest), order, failure)


def recover(ground: Ground, order: Order, failure: Failure) -> Recovery:
    """Return what happens after a failure, on ground that may serve for many."""
    if failure.datastore is not None:
        return _without_datastore(ground, order, failure)
    vms = _stopped(ground.inventory, order, failure.hosts)
    dead = frozenset(ground.row_of[host] for host in failure.hosts if host in ground.row_of)
    spread = _Attempt(ground, order, dead, tight=False).go(vms)
    best = spread
    if spread.stuck:
        packed = _Attempt(ground, order, dead, tight=True).go(vms)
        best = min(spread, packed, key=lambda attempt: attempt.losses())
    return Recovery(failure=failure, fates=_timed(order, best.fates), trail=spread.search.ended())


def _stopped(inventory: Inventory, order: Order, hosts: Iterable[HostId]) -> list[Vm]:
    found = [
        inventory.vms[key]
        for host in hosts
        for key in inventory.claims.get(host, Claim()).vms
        if inventory.vms[key].state in HOLDS_MEMORY
    ]
    return sorted(found, key=order.key)


def lost_with(
    ground: Ground, order: Order, failure: Failure, vms: Iterable[VmId]
) -> Iterator[Fate]:
    """Yield the fate of those among some VMs that run, when a datastore under them is lost."""
    inventory, store = ground.inventory, failure.datastore
    record = None if store is None else inventory.datastores.get(store)
    why = reason("fail.datastore", datastore=failure.name if record is None else record.name)
    for key in vms:
        vm = inventory.vms[key]
        if vm.host is not None and vm.state in HOLDS_MEMORY:
            yield Fate(vm=vm.id, home=vm.host, level=order.level(vm.id), why=why)


def _without_datastore(ground: Ground, order: Order, failure: Failure) -> Recovery:
    vms = ground.disks_on(failure.datastore)
    fates = sorted(lost_with(ground, order, failure, vms), key=lambda fate: (fate.level, fate.vm))
    return Recovery(failure=failure, fates=tuple(fates))


class _Attempt:
    """One way of placing all VMs of a failure."""

    def __init__(self, ground: Ground, order: Order, dead: frozenset[int], *, tight: bool) -> None:
        self.search = Search(ground, dead, tight=tight)
        self.fates: list[Fate] = []
        self.stuck = False
        self._ground = ground
        self._order = order
        self._waiting: set[VmId] = set()
        self._left: dict[VmId, Vm] = {}

    def go(self, vms: list[Vm]) -> "_Attempt":
        """Place the VMs in their order."""
        self._waiting = {vm.id for vm in vms}
        stopped = frozenset(self._waiting)
        for vm in vms:
            self.fates.append(self._fate(vm, stopped))
            self._waiting.discard(vm.id)
        for number, fate in enumerate(self.fates):
            if fate.vm in self._left and not fate.left:
                self.fates[number] = self._with_room(self._left[fate.vm], fate)
        return self

    def losses(self) -> tuple[int, ...]:
        """Return how many VMs of each priority find no host."""
        counts = [0] * len(LEVELS)
        for fate in self.fates:
            counts[fate.level] += fate.host is None
        return tuple(counts)

    def _fate(self, vm: Vm, stopped: frozenset[VmId]) -> Fate:
        assert vm.host is not None
        home, level = vm.host, self._order.level(vm.id)
        needs = self._order.needs(vm.id)
        why = self._left_down(vm) or self._kept_down(vm, level, needs, stopped)
        if why is not None:
            return Fate(vm=vm.id, home=home, level=level, why=why)
        lane = self._ground.lane(vm)
        if lane.members <= self.search.dead:
            self.search.trail.closed = True
            why = self._ground.against(vm, self.search.dead)
            return Fate(vm=vm.id, home=home, level=level, why=why)
        found = self.search.place(vm, lane)
        if found is None:
            self.stuck = True
            why, near = self.search.against(vm, lane)
            return Fate(vm=vm.id, home=home, level=level, why=why, near=near)
        row, how = found
        if (why := self._unable(row)) is not None:
            self._left[vm.id] = vm
            return Fate(vm.id, home, level, why=why, near=self._ground.ids[row], left=True)
        homes, after = self.search.homes, tuple[VmId, ...]()
        if needs:
            before = {key for one in needs for key in one.vms & stopped if key in homes}
            after = tuple(sorted(before))
        return Fate(vm.id, home, level, self._ground.ids[row], how, 0, after)

    def _left_down(self, vm: Vm) -> Reason | None:
        why = left_down(vm, self._ground.inventory) if self._ground.earnest else None
        if why is not None:
            self._left[vm.id] = vm
        return why

    def _with_room(self, vm: Vm, fate: Fate) -> Fate:
        """Say where a VM that is left down would have a place beside all others."""
        lane = self._ground.lane(vm)
        if lane.members <= self.search.dead:
            self.search.trail.closed = True
            return fate
        found = self.search.place(vm, lane)
        return fate if found is None else fate._replace(near=self._ground.ids[found[0]], left=True)

    def _kept_down(
        self, vm: Vm, level: int, needs: tuple[Needed, ...], stopped: frozenset[VmId]
    ) -> Reason | None:
        """Return why a VM is not to be started anywhere, whatever room there is."""
        if level == NEVER:
            return reason("fail.disabled")
        if not vm.copies and not needs and vm.reason is StateReason.NONE:
            return None
        if vm.reason in _MOVING:
            return reason("vm.in-motion", vm=vm.name)
        live = [one for one in vm.copies if not (self._is_dark(one.host) or self._rests(one))]
        if live:
            return reason("vm.copies", vm=vm.name, count=len(live))
        for one in needs:
            if self._gone(one, stopped):
                return reason("fail.needs", component=one.component)
        return None

    def _is_dark(self, host: HostId) -> bool:
        """Return whether a host fails here, or is off already: a copy there can be proven dead."""
        row = self._ground.row_of.get(host)
        if row is None:
            return False
        self.search.trail.seen |= 1 << row
        return row in self.search.dead or self._ground.inventory.hosts[host].state is HostState.OFF

    def _unable(self, row: int) -> Reason | None:
        host = self._ground.hosts[row]
        if not self._ground.earnest or Capability.VM_ADOPT in host.capabilities:
            return None
        return reason("ha.cannot-adopt", host=host.name)

    def _rests(self, copy: VmCopy) -> bool:
        inventory = self._ground.inventory
        return self._ground.earnest and at_rest(copy, inventory, frozenset())

    def _gone(self, needed: Needed, stopped: frozenset[VmId]) -> bool:
        """Return whether the failure stops all that is left of a component, for good.

        One that is left down may be started by a person: nobody waits for it.
        """
        lost, known = needed.vms & stopped, (self.search.homes, self._waiting, self._left)
        if not lost or any(vm in some for vm in lost for some in known):
            return False
        vms = self._ground.inventory.vms
        return not any(vms[vm].state in HOLDS_MEMORY for vm in needed.vms - stopped)


def _timed(order: Order, fates: list[Fate]) -> tuple[Fate, ...]:
    """Return the fates with the time of each start, as many at once as there are slots.

    A VM waits for all of higher priority, and for those it names, to be ready.
    """
    free = [0] * SLOTS
    ready: dict[VmId, int] = {}
    gate = latest = level = 0
    timed: list[Fate] = []
    for fate in fates:
        if fate.host is None:
            timed.append(fate)
            continue
        if fate.level != level:
            gate, level = latest, fate.level
        begin = max(gate, free[0], _ready(ready, fate.after))
        heapreplace(free, begin + START_MS)
        ready[fate.vm] = begin + START_MS + order.wait_ms(fate.vm)
        latest = max(latest, ready[fate.vm])
        timed.append(fate._replace(starts_ms=begin))
    return tuple(timed)


def _ready(ready: Mapping[VmId, int], vms: tuple[VmId, ...]) -> int:
    return max((ready[vm] for vm in vms), default=0) if vms else 0
