"""Which VMs start again where, now that it is proven that they run nowhere.

The places and the order are those of `planner.failover`; what is added is the proof, and that
one plan holds the VMs of one priority: the next is planned when those run, or took too long.
"""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from anypool.model import (
    VM_DOWN,
    Capability,
    DatastoreId,
    Host,
    HostId,
    HostState,
    Inventory,
    Proof,
    SaidGone,
    Service,
    StateReason,
    Vm,
    VmCopy,
    VmId,
    VmState,
)
from anypool.plan import (
    Action,
    AwaitReady,
    HostOpen,
    MemoryFree,
    Plan,
    Reason,
    Refusal,
    StartAfterFailure,
    StartVm,
    Step,
    VmIs,
    digest,
    reason,
    say,
)
from anypool.planner.failover import LEVELS, Fate, Ground, Order, of_hosts, recover, why_there
from anypool.planner.failover.left import at_rest, left_down, left_to_platform, unfit
from anypool.planner.failover.order import NEVER
from anypool.planner.ha.anew import wish_of
from anypool.planner.ha.astray import by_vm
from anypool.planner.ha.way import Way, way
from anypool.planner.place import Wanted, choose, refusal
from anypool.planner.rules import Rulebook

_LOST = VM_DOWN | {VmState.UNKNOWN}


class Task(Struct, frozen=True, kw_only=True):
    """What is to run again: `vms` of hosts that are dead or say that they are gone.

    `proofs` are about whole hosts. `maybe` are silent hosts on which a VM may have been started
    too: that it does not run there is to be proven as well. `seen_at` is when the others were
    seen to be gone, `homes` where each ran last. With `all_levels` VMs of lower priority wait
    for none above them. `failed` says how often VMs failed where they were: they go elsewhere.
    """

    vms: frozenset[VmId]
    proofs: tuple[Proof, ...] = ()
    seen_at: float = 0.0
    all_levels: bool = False
    maybe: tuple[tuple[VmId, HostId], ...] = ()
    homes: Mapping[VmId, HostId] = {}
    failed: Mapping[VmId, int] = {}


class Again(Struct, frozen=True, kw_only=True):
    """The plan for what starts now, None if nothing does; what stays down and why; what waits."""

    plan: Plan | None
    down: dict[VmId, Reason]
    waits: frozenset[VmId] = frozenset()


def start_again(
    inventory: Inventory, task: Task, rules: Rulebook, services: Iterable[Service] = ()
) -> Again:
    """Return the steps that start VMs again, those of the highest priority that has a place."""
    made = _Making(inventory, task, rules, tuple(services))
    made.in_place(first=True)
    made.after_failure()
    made.in_place()
    return made.done()


class _Made(Struct, frozen=True):
    """A start that could be: of which VM, of which priority, after which others."""

    vm: Vm
    level: int
    action: StartVm | StartAfterFailure
    why: Reason
    after: tuple[VmId, ...] = ()
    way: Way | None = None


class _Making:
    """One plan in the making."""

    def __init__(
        self, inventory: Inventory, task: Task, rules: Rulebook, services: tuple[Service, ...]
    ) -> None:
        self._inventory = inventory
        self._task = task
        self._rules = rules
        self._proofs = {one.host: one for one in task.proofs}
        self._dead = frozenset(self._proofs)
        self._maybe = by_vm(task.maybe)
        self._world = as_it_was(inventory, task, self._dead)
        self._order = Order(self._world, rules, services)
        self._starts: list[_Made] = []
        self.down: dict[VmId, Reason] = {}

    def after_failure(self) -> None:
        """Find places for the VMs of dead hosts."""
        if not self._dead:
            return
        ground = Ground(self._world, self._rules.bound_to(self._world), earnest=True)
        for fate in recover(ground, self._order, of_hosts(self._dead)).fates:
            if fate.vm not in self._task.vms:
                continue
            vm = self._world.vms[fate.vm]
            why = left_down(vm, self._world) or self._in_doubt(vm.id) or self._unproven(vm)
            if why is None and fate.host is None:
                why = why_there(fate)
            if why is not None:
                self.down[vm.id] = why
            elif fate.host is not None:
                self._elsewhere(vm, fate.host, fate)

    def in_place(self, *, first: bool = False) -> None:
        """Find places for the VMs that a living host says are gone: there, or else elsewhere.

        Those that have no choice come `first`, unless a VM of a dead host matters more.
        """
        vms = (self._inventory.vms.get(key) for key in self._task.vms - self._placed())
        gone = [vm for vm in vms if vm is not None and vm.state in VM_DOWN]
        gone = [self._world.vms[vm.id] for vm in gone if vm.host not in self._dead]
        if first:
            most = self._most()
            gone = [vm for vm in gone if self._is_bound(vm) and self._order.level(vm.id) <= most]
        for vm in sorted(gone, key=self._turn):
            home = self._inventory.hosts.get(vm.host) if vm.host is not None else None
            if home is None or home.id in self._dead or home.state is not HostState.UP:
                continue
            proven = tuple(one for one in vm.copies if one.host not in self._dead)
            vm = replace(vm, copies=proven) if proven != vm.copies else vm
            why = self._in_doubt(vm.id) or self._kept_down(vm)
            if why is None and vm.id in self._task.failed and self._away(vm, home):
                continue
            if why is None and not self._back(vm, home):
                why = self._at_home(vm, home)
            if why is not None:
                self.down[vm.id] = why

    def _placed(self) -> frozenset[VmId]:
        return frozenset(one.vm.id for one in self._starts)

    def _most(self) -> int:
        """Return the priority of the VM of a dead host that matters most, as a level."""
        there = (vm.id for host in self._dead for vm in self._world.vms_on(host))
        return min((self._order.level(vm) for vm in there if vm in self._task.vms), default=-1)

    def _in_doubt(self, vm: VmId) -> Reason | None:
        """Return which silent hosts must be proven not to run a VM, None if there are none."""
        hosts = sorted(self._maybe.get(vm, set()) - self._dead)
        if not hosts:
            return None
        return reason(
            "ha.may-run-on", hosts=tuple(self._inventory.hosts[key].name for key in hosts)
        )

    def _also(self, vm: VmId) -> tuple[Proof, ...]:
        """Return the proofs that silent hosts do not run a VM that nobody saw end."""
        hosts = self._maybe.get(vm, set()) & self._dead
        return tuple(self._proofs[key] for key in sorted(hosts))

    def _turn(self, vm: Vm) -> tuple[int, int, bool, int, str]:
        """Return by what VMs are sorted: of one priority, those go first that have no choice."""
        level, depth, size, key = self._order.key(vm)
        return level, depth, not self._is_bound(vm), size, key

    def _is_bound(self, vm: Vm) -> bool:
        """Return whether a VM can start nowhere but where it is."""
        keys = (one.datastore or DatastoreId("") for one in vm.disks)
        stores = map(self._inventory.datastores.get, keys)
        local = any(store is not None and not store.shared for store in stores)
        return local or unfit(vm) is not None or self._rules.pinned(vm.id) is not None

    def _unproven(self, vm: Vm) -> Reason | None:
        """Return that a copy is on a host about which nothing is proven."""
        count = sum(copy.host not in self._dead for copy in vm.copies)
        return reason("vm.copies", vm=vm.name, count=count) if count else None

    def _kept_down(self, vm: Vm) -> Reason | None:
        if (left := left_to_platform(vm, self._world)) is not None:
            return left
        if self._order.level(vm.id) == NEVER:
            return reason("fail.disabled")
        if vm.copies:
            return reason("vm.copies", vm=vm.name, count=len(vm.copies))
        if vm.twins:
            return reason("vm.twins", vm=vm.name, count=len(vm.twins))
        return None

    def _back(self, vm: Vm, home: Host) -> bool:
        """Start a VM where it ran last, if another host is named first that has an old copy."""
        last = self._inventory.hosts.get(self._task.homes.get(vm.id, home.id))
        if last is None or last.id == home.id or unfit(vm) is not None:
            return False
        needs = self._rules.needs(self._world, vm)
        if refusal(self._world, vm, last) is not None or needs.refusal(last) is not None:
            return False
        proof = SaidGone(host=home.id, vm=vm.id, at=self._task.seen_at)
        action = StartAfterFailure(
            wish=wish_of(vm), host=last.id, home=home.id, proof=proof, also=self._also(vm.id)
        )
        why = reason("ha.same-place", priority=LEVELS[self._order.level(vm.id)])
        self._take(vm, action, why, ())
        return True

    def _at_home(self, vm: Vm, home: Host) -> Reason | None:
        """Start a VM where it is defined, or else where it fits best; return why not."""
        needs = self._rules.needs(self._world, vm)
        against = refusal(self._world, vm, home) or needs.refusal(home)
        if against is None:
            why = reason("ha.same-place", priority=LEVELS[self._order.level(vm.id)])
            self._take(vm, StartVm(vm=vm.id, host=home.id), why, ())
            return None
        if self._away(vm, home) or self._instead(vm, home):
            return None
        return against

    def _instead(self, vm: Vm, home: Host) -> bool:
        """Start a VM that has no other place where another one makes way for it."""
        made = way(self._world, vm, home, self._rules) if self._is_bound(vm) else None
        if made is None or made.vm.id in self._placed():
            return False
        self._world = self._world.with_vm(replace(made.vm, host=made.action.target))
        why = reason("ha.same-place", priority=LEVELS[self._order.level(vm.id)])
        self._take(vm, StartVm(vm=vm.id, host=home.id), why, (), made)
        return True

    def _away(self, vm: Vm, home: Host) -> bool:
        """Start a VM that its host says is gone where it fits best elsewhere, if it does."""
        if unfit(vm) is not None or self._rules.pinned(vm.id) is not None:
            return False
        found = choose(self._world, vm, Wanted(rules=self._rules, avoid=frozenset({home.id})))
        if found.host is None or found.why is None or not self._adopts(found.host):
            return False
        how = found.why
        if (count := self._task.failed.get(vm.id)) is not None:
            how = reason("ha.failed-here", count=count, how=how)
        proof = SaidGone(host=home.id, vm=vm.id, at=self._task.seen_at)
        action = StartAfterFailure(
            wish=wish_of(vm), host=found.host, home=home.id, proof=proof, also=self._also(vm.id)
        )
        self._take(vm, action, self._told(vm, how), ())
        return True

    def _elsewhere(self, vm: Vm, host: HostId, fate: Fate) -> None:
        others = {copy.host for copy in vm.copies} & self._dead
        action = StartAfterFailure(
            wish=wish_of(vm),
            host=host,
            home=fate.home,
            proof=self._proofs[fate.home],
            also=tuple(self._proofs[key] for key in sorted(others - {fate.home})),
        )
        self._take(vm, action, self._told(vm, why_there(fate)), fate.after)

    def _adopts(self, host: HostId) -> bool:
        return Capability.VM_ADOPT in self._inventory.hosts[host].capabilities

    def _told(self, vm: Vm, how: Reason) -> Reason:
        return reason("ha.restart", how=how, priority=LEVELS[self._order.level(vm.id)])

    def _take(
        self,
        vm: Vm,
        action: StartVm | StartAfterFailure,
        why: Reason,
        after: tuple[VmId, ...],
        way: Way | None = None,
    ) -> None:
        self._starts.append(_Made(vm, self._order.level(vm.id), action, why, after, way))
        there = replace(vm, host=action.host, state=VmState.RUNNING, copies=())
        self._world = self._world.with_vm(there)

    def done(self) -> Again:
        """Return what came out."""
        first = min((one.level for one in self._starts), default=0)
        now = [one for one in self._starts if self._task.all_levels or one.level == first]
        waits = frozenset(one.vm.id for one in self._starts) - {one.vm.id for one in now}
        steps: list[Step] = []
        ends: dict[VmId, int] = {}
        for one in sorted(now, key=lambda made: made.level):
            after = frozenset(ends[vm] for vm in one.after if vm in ends)
            for action, why, valid in self._steps(one):
                number = len(steps) + 1
                steps.append(
                    Step(number=number, action=action, why=why, after=after, valid_while=valid)
                )
                after = frozenset({number})
            ends[one.vm.id] = len(steps)
        if not steps:
            return Again(plan=None, down=self.down, waits=waits)
        return Again(plan=self._plan(now, tuple(steps)), down=self.down, waits=waits)

    def _steps(
        self, one: _Made
    ) -> Iterator[tuple[Action, Reason, tuple[VmIs | HostOpen | MemoryFree, ...]]]:
        vm, host = one.vm, one.action.host
        if one.way is not None:
            yield one.way.action, one.way.why, one.way.valid_while
        states = VM_DOWN if isinstance(one.action, StartVm) else _LOST
        home = one.action.host if isinstance(one.action, StartVm) else one.action.home
        valid = (
            VmIs(vm=vm.id, host=home, states=states),
            HostOpen(host=host),
            MemoryFree(host=host, memory_mib=vm.memory_mib),
        )
        yield one.action, one.why, valid
        ready = self._order.ready(vm.id)
        if ready is not None:
            wait = AwaitReady(vm=vm.id, host=host, name=vm.name, ready=ready[0], probe=ready[1])
            yield wait, reason("ha.ready"), ()

    def _plan(self, now: list[_Made], steps: tuple[Step, ...]) -> Plan:
        homes = {one.vm.host for one in now if one.vm.host is not None}
        names = tuple(sorted(self._inventory.hosts[home].name for home in homes))
        aim = reason("aim.restart", count=len(now), hosts=names)
        rejected = tuple(
            Refusal(vm=vm, host=self._home(vm), why=why) for vm, why in sorted(self.down.items())
        )
        based_on = digest(self._inventory)
        return Plan(goal=say(aim), aim=aim, steps=steps, rejected=rejected, based_on=based_on)

    def _home(self, vm: VmId) -> HostId:
        return self._inventory.vms[vm].host or HostId("")


def as_it_was(inventory: Inventory, task: Task, dead: frozenset[HostId]) -> Inventory:
    """Return a pool in which of all VMs on dead hosts those run that are to run again.

    They have a copy also where they may have been started before.
    """
    changes: dict[VmId, Vm | None] = {}
    for host in dead & inventory.hosts.keys():
        for vm in inventory.vms_on(host):
            state = VmState.UNKNOWN if vm.id in task.vms else VmState.STOPPED
            if (vm.state, vm.reason) != (state, StateReason.NONE):
                changes[vm.id] = replace(vm, state=state, reason=StateReason.NONE)
    for key in task.vms & inventory.vms.keys():
        known = changes.get(key) or inventory.vms[key]
        kept = tuple(one for one in known.copies if not at_rest(one, inventory, dead))
        if kept != known.copies:
            changes[key] = replace(known, copies=kept)
    for key, place in task.maybe:
        there = changes.get(key) or inventory.vms.get(key)
        if there is not None and place not in (there.host, *(one.host for one in there.copies)):
            copy = VmCopy(host=place, state=VmState.UNKNOWN)
            changes[key] = replace(there, copies=(*there.copies, copy))
    return inventory.patched_vms(changes) if changes else inventory
