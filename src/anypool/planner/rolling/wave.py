"""One wave: the steps that empty some hosts together, have them serviced, and fill them again.

Everything of a host waits for its own verification: it is opened, and VMs come back, after it.
"""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from anypool.model import (
    HostId,
    HostState,
    Inventory,
    RolloutWish,
    Vm,
    VmState,
)
from anypool.plan import (
    Action,
    EnterMaintenance,
    HandOver,
    HostOpen,
    LeaveMaintenance,
    MemoryFree,
    MigrateVm,
    Plan,
    Reason,
    Refusal,
    StartVm,
    Step,
    StopVm,
    VerifyHost,
    VmIs,
    apply,
    digest,
    reason,
    say,
)
from anypool.planner import cancel
from anypool.planner.evacuate import MOVABLE, Homes, assign, homeless, move_step
from anypool.planner.failover import Spare, spares, told
from anypool.planner.place import pinned, refusal
from anypool.planner.rules import NO_RULES, Rulebook


class Terms(Struct, frozen=True):
    """What waves are planned under; `before` is how far failover policies are kept now."""

    wish: RolloutWish
    rules: Rulebook = NO_RULES
    before: tuple[Spare, ...] = ()


class Wave(Struct, frozen=True, kw_only=True):
    """Hosts that are out of service together, and the pool after their wave."""

    hosts: tuple[HostId, ...]
    steps: tuple[Step, ...]
    rejected: tuple[Refusal, ...]
    after: Inventory


class Stuck(Struct, frozen=True, kw_only=True):
    """Why hosts cannot go out of service together: what is in the way, and what would help.

    `against` are pairs of where and why; `vms` are the names of the VMs among them.
    """

    hosts: tuple[HostId, ...]
    vms: tuple[str, ...]
    against: tuple[tuple[Reason, Reason], ...]
    hint: Reason


def terms(inventory: Inventory, wish: RolloutWish, rules: Rulebook = NO_RULES) -> Terms:
    """Return the terms of a wish on an inventory."""
    kept = () if wish.waive else spares(inventory, rules.bounds, musts=True)
    return Terms(wish, rules, kept)


def plan_wave(inventory: Inventory, hosts: tuple[HostId, ...], on: Terms) -> Wave | Stuck:
    """Return the wave of these hosts, or why there is none.

    A host that is closed already is handed over as it is; what runs there leaves it before.
    """
    cancel.check()
    if (down := _down(inventory, hosts)) is not None:
        return down
    running = [vm for host in hosts for vm in _leaving(inventory, host)]
    bound = {vm.id: why for vm in running if (why := _bound(inventory, vm, on)) is not None}
    stops = [vm for vm in running if vm.id in bound and _may_stop(vm, on)]
    if held := [vm for vm in running if vm.id in bound and vm not in stops]:
        return _held(inventory, hosts, [(vm, bound[vm.id]) for vm in held], on)
    moving = [vm for vm in running if vm.id not in bound]
    closed = _closed(inventory, hosts)
    homes = assign(closed, hosts[0], moving, on.rules)
    if homes is None:
        return _homeless(closed, hosts, moving, on)
    draft = _Draft(inventory, on.wish)
    draft.empty(homes, [(vm, bound[vm.id]) for vm in stops])
    if (weak := _weaker(draft.world(_closed(inventory, hosts)), hosts, on)) is not None:
        return weak
    draft.service(hosts)
    draft.fill(homes, stops, on)
    steps = tuple(draft.steps)
    refused = (entry for _, choice in homes for entry in choice.refused)
    kept = tuple(entry for entry in refused if entry.host not in hosts)
    after = inventory
    for step in steps:
        after = apply(step.action, after)
    rejected = (*kept, *draft.rejected)
    return Wave(hosts=hosts, steps=steps, rejected=rejected, after=after)


def plan_of(wave: Wave, inventory: Inventory, pool: str) -> Plan:
    """Return a wave as a plan."""
    names = tuple(inventory.hosts[host].name for host in wave.hosts)
    aim = reason("aim.wave", pool=pool, hosts=names)
    return Plan(
        goal=say(aim),
        aim=aim,
        steps=wave.steps,
        rejected=wave.rejected,
        based_on=digest(inventory),
    )


class _Draft:
    """The steps so far, and the last one of each host."""

    def __init__(self, inventory: Inventory, wish: RolloutWish) -> None:
        self.steps: list[Step] = []
        self.rejected: list[Refusal] = []
        self._inventory = inventory
        self._wish = wish
        self._last: dict[HostId, frozenset[int]] = {}

    def empty(self, homes: Homes, stops: list[tuple[Vm, Reason]]) -> None:
        for vm, choice in homes:
            assert vm.host is not None
            step = move_step(len(self.steps) + 1, vm, vm.host, choice)
            self._append(step, vm.host)
        for vm, why in stops:
            assert vm.host is not None
            there = VmIs(vm=vm.id, host=vm.host, states=frozenset({VmState.RUNNING}))
            why = reason("wave.shut-down", why=why)
            self._append(self._step(StopVm(vm=vm.id, host=vm.host), why, there), vm.host)

    def world(self, inventory: Inventory) -> Inventory:
        """Return an inventory after the steps so far."""
        for step in self.steps:
            inventory = apply(step.action, inventory)
        return inventory

    def service(self, hosts: tuple[HostId, ...]) -> None:
        known, wish = self._inventory.hosts, self._wish
        for host in hosts:
            if not known[host].maintenance:
                why = reason("wave.empty", host=known[host].name)
                self._then(host, EnterMaintenance(host=host), why)
        for host in hosts:
            given = HandOver(host=host, return_s=wish.return_s, seen=wish.seen)
            self._then(host, given, reason("wave.handed-over"))
        for host in hosts:
            verify = VerifyHost(
                host=host,
                within_s=wish.return_s,
                hypervisor=wish.hypervisor,
                datastores=known[host].datastores,
                networks=known[host].networks,
            )
            self._then(host, verify, reason("wave.verify"))
        for host in hosts:
            self._then(host, LeaveMaintenance(host=host), reason("wave.open"))

    def fill(self, homes: Homes, stops: list[Vm], on: Terms) -> None:
        for vm in stops:
            assert vm.host is not None
            down = VmIs(vm=vm.id, host=vm.host, states=frozenset({VmState.STOPPED}))
            room = MemoryFree(host=vm.host, memory_mib=vm.memory_mib)
            conditions = (down, HostOpen(host=vm.host), room)
            start = self._step(StartVm(vm=vm.id, host=vm.host), reason("wave.start"), *conditions)
            self.steps.append(replace(start, after=self._last[vm.host]))
        if on.wish.put_back:
            self._back([vm for vm, _ in reversed(homes)], on)

    def _back(self, left: list[Vm], on: Terms) -> None:
        """Return VMs, in an order in which each is allowed; those that may not stay away."""
        world = self.world(self._inventory)
        while left:
            refused: list[tuple[Vm, Reason]] = []
            for vm in left:
                assert vm.host is not None
                there = world.vms[vm.id]
                why = pinned(world, there) or refusal(world, there, world.hosts[vm.host])
                why = why or on.rules.needs(world, there).refusal(world.hosts[vm.host])
                if why is not None:
                    refused.append((vm, why))
                    continue
                step = self._return(there, vm.host)
                world = apply(step.action, world)
                self.steps.append(step)
            if len(refused) == len(left):
                self.rejected += [Refusal(vm=vm.id, host=vm.host, why=why)
                                  for vm, why in refused if vm.host is not None]  # fmt: skip
                return
            left = [vm for vm, _ in refused]

    def _return(self, vm: Vm, home: HostId) -> Step:
        assert vm.host is not None
        conditions = (
            VmIs(vm=vm.id, host=vm.host, states=MOVABLE),
            HostOpen(host=home),
            MemoryFree(host=home, memory_mib=vm.memory_mib),
        )
        why = reason("wave.back", host=self._inventory.hosts[home].name)
        action = MigrateVm(vm=vm.id, source=vm.host, target=home)
        return replace(self._step(action, why, *conditions), after=self._last[home])

    def _then(self, host: HostId, action: Action, why: Reason) -> None:
        """Append a step that waits for all before it on the host, and for which all after wait."""
        step = replace(self._step(action, why), after=self._last.get(host, frozenset()))
        self.steps.append(step)
        self._last[host] = frozenset({step.number})

    def _append(self, step: Step, host: HostId) -> None:
        self.steps.append(step)
        self._last[host] = self._last.get(host, frozenset()) | {step.number}

    def _step(self, action: Action, why: Reason, *valid: VmIs | HostOpen | MemoryFree) -> Step:
        number = len(self.steps) + 1
        return Step(number=number, action=action, why=why, valid_while=valid)


def _leaving(inventory: Inventory, host: HostId) -> list[Vm]:
    """Return the VMs that run on a host; of one that is silent and closed nothing is known."""
    if inventory.hosts[host].state is not HostState.UP:
        return []
    return inventory.holding(host)


def _bound(inventory: Inventory, vm: Vm, on: Terms) -> Reason | None:
    return pinned(inventory, vm) or on.rules.pinned(vm.id)


def _may_stop(vm: Vm, on: Terms) -> bool:
    alone = vm.state is VmState.RUNNING and not vm.copies
    return on.wish.shut_down and alone and on.rules.protected(vm.id) is None


def _closed(inventory: Inventory, hosts: Iterable[HostId]) -> Inventory:
    for host in hosts:
        inventory = inventory.with_host(replace(inventory.hosts[host], maintenance=True))
    return inventory


def _down(inventory: Inventory, hosts: tuple[HostId, ...]) -> Stuck | None:
    """Return that some host is neither up nor closed, so that nobody knows what runs there."""
    known = [inventory.hosts[host] for host in hosts]
    down = [one for one in known if one.state is not HostState.UP and not one.maintenance]
    if not down:
        return None
    against = tuple(
        (reason("said", text=one.name), reason("is.host", host=one.name, state=one.state))
        for one in down
    )
    return Stuck(hosts=hosts, vms=(), against=against, hint=reason("hint.rollout-answer"))


def _held(
    inventory: Inventory, hosts: tuple[HostId, ...], held: list[tuple[Vm, Reason]], on: Terms
) -> Stuck:
    against = tuple((_where(inventory, vm), why) for vm, why in held)
    names = tuple(sorted(vm.name for vm, _ in held))
    hint = reason("hint.rollout-held" if on.wish.shut_down else "hint.rollout-bound")
    return Stuck(hosts=hosts, vms=names, against=against, hint=hint)


def _homeless(closed: Inventory, hosts: tuple[HostId, ...], moving: list[Vm], on: Terms) -> Stuck:
    stuck = homeless(closed, hosts[0], moving, on.rules)
    own = {closed.hosts[host].name for host in hosts}
    against = tuple(
        (where, why) for _, where, why in stuck if dict(where.facts).get("host") not in own
    )
    lacks = [dict(why.facts)["short"] for _, why in against if why.code == "host.memory"]
    short = [mib for mib in lacks if isinstance(mib, int)]
    hint = reason("hint.rollout-room", short=min(short)) if short else reason("hint.rollout-bound")
    names = tuple(sorted({name for name, _, _ in stuck} or {vm.name for vm in moving}))
    return Stuck(hosts=hosts, vms=names, against=against, hint=hint)


def _weaker(trough: Inventory, hosts: tuple[HostId, ...], on: Terms) -> Stuck | None:
    """Return which failover policies are kept less while the hosts are away."""
    if on.wish.waive or not on.before:
        return None
    before = {one.policy: one for one in on.before}
    then = spares(trough, on.rules.bounds, musts=True)
    worse = [one for one in then if one.policy in before and one.worse_than(before[one.policy])]
    if not worse:
        return None
    names = ", ".join(trough.hosts[host].name for host in hosts)
    why = reason("wave.spare", why=tuple(told(one, trough) for one in worse))
    against = ((reason("said", text=names), why),)
    vms = tuple(trough.vms[one.fate.vm].name for one in worse if one.fate is not None)
    return Stuck(hosts=hosts, vms=vms, against=against, hint=reason("hint.ignore-failover"))


def _where(inventory: Inventory, vm: Vm) -> Reason:
    assert vm.host is not None
    return reason("wave.vm", vm=vm.name, host=inventory.hosts[vm.host].name)
