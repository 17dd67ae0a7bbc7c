"""Close one host, wake one, or do nothing and say why.

One host a round, so that what a closing does to the loads is seen before the next. A host is
closed only if none would have to be woken in the pool it leaves behind: so two rounds never
undo each other, and a planner that begins anew goes on where it was. What is needed is asked
in one place, `_need`, before and after.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from anypool.errors import Conflict, NoPlan
from anypool.model import (
    HOLDS_MEMORY,
    Bound,
    Capability,
    Failover,
    Host,
    HostId,
    HostState,
    Inventory,
    PolicyId,
    manager_on,
)
from anypool.plan import (
    LeaveMaintenance,
    Plan,
    PowerOffHost,
    PowerOnHost,
    Reason,
    Step,
    VerifyHost,
    digest,
    outcome,
    reason,
    say,
    why_of,
)
from anypool.planner.evacuate import plan_evacuation
from anypool.planner.failover import Outlook, spares, told
from anypool.planner.rules import NO_RULES, Rulebook
from anypool.planner.saving.gain import gained
from anypool.planner.saving.load import busiest, busy
from anypool.planner.saving.order import WITHIN_S, Order
from anypool.planner.saving.prove import plan_wake_proof
from anypool.planner.saving.turn import Told, in_turn

TRIED = 8
"""So many hosts are tried to the end in one round; the others are named as not tried."""
NAMED = 20
DAY_S = 86_400.0
ENDING = 0.1
"""A proof of which less than this share is left is named."""
_ASKED = PolicyId("--failures")


def plan_saving(inventory: Inventory, order: Order, rules: Rulebook = NO_RULES) -> Plan:
    """Return the plan that closes one host or wakes one; without steps, why neither is due."""
    return _Round(inventory, order, rules).plan()


class _Round:
    """One decision about one pool."""

    def __init__(self, inventory: Inventory, order: Order, rules: Rulebook) -> None:
        self._inventory = inventory
        self._order = order
        asked = Bound(policy=_ASKED, rule=Failover(failures=order.failures), hosts=order.hosts)
        self._rules = rules
        self._outlook = Outlook()
        self._bounds = (*rules.bounds, asked) if order.failures else rules.bounds
        known = (inventory.hosts[key] for key in sorted(order.hosts) if key in inventory.hosts)
        self._hosts = tuple(known)

    def plan(self) -> Plan:
        """Return what is due."""
        if not self._hosts:
            return self._rest(reason("saving.no-hosts"))
        asleep = [host for host in self._hosts if _asleep(host)]
        need = self._need(self._inventory)
        if self._order.all_up and asleep:
            need = reason("saving.hours")
        if need is not None:
            return (
                self._wake(asleep, need)
                if asleep
                else self._rest(reason("saving.none-asleep", why=need))
            )
        if self._order.all_up:
            return self._rest(reason("saving.hours"))
        if not self._order.may_close:
            return self._rest(reason("saving.not-now"))
        return self._close(len(asleep))

    def _need(self, world: Inventory) -> Reason | None:
        """Return why another host is wanted, None if there are enough."""
        order, hosts = self._order, _open(world, self._hosts)
        used = busy(world, hosts, order.usages)
        if used > order.high_percent:
            limit = round(order.high_percent)
            return reason("saving.too-busy", busy=round(used), limit=limit)
        empty = sum(_empty(world, host.id) for host in hosts)
        if empty < order.reserve:
            return reason("saving.reserve", empty=empty, reserve=order.reserve)
        for one in spares(world, self._bounds, musts=True, outlook=self._outlook):
            if not one.holds:
                return reason("saving.failures", why=told(one, world))
        return None

    def _wake(self, asleep: list[Host], need: Reason) -> Plan:
        """Return the steps that bring up the host that draws least and has most memory."""
        host = min(asleep, key=lambda one: (self._drawn(one), -one.memory_mib, one.name))
        wait = VerifyHost(
            host=host.id,
            within_s=WITHIN_S,
            datastores=host.datastores,
            networks=host.networks,
        )
        steps = in_turn(
            (
                (PowerOnHost(host=host.id, within_s=WITHIN_S), need),
                (wait, reason("saving.verified")),
                (LeaveMaintenance(host=host.id), reason("saving.opened")),
            )
        )
        left = reason("saving.asleep", count=len(asleep) - 1)
        aim = reason("aim.power-wake", name=self._order.name, host=host.name, why=need,
                     told=(left,))  # fmt: skip
        return self._made(aim, steps)

    def _close(self, asleep: int) -> Plan:
        unclear = [h for h in self._hosts if h.state is HostState.UNKNOWN and not h.maintenance]
        if unclear:
            return self._rest(reason("saving.not-clear", host=unclear[0].name))
        stays: list[Reason] = []
        aged: list[Host] = []
        tried = 0
        for host in self._candidates():
            why = self._barred(host)
            if why is not None and why.code == "saving.proven-long-ago":
                aged.append(host)
            if why is None and tried >= TRIED:
                why = reason("saving.not-tried")
            if why is None:
                tried += 1
                found = self._emptied(host)
                if isinstance(found, Plan):
                    return self._closing(host, found, stays)
                why = found
            stays.append(reason("saving.stays", host=host.name, why=why))
        if (proof := self._renewal(aged)) is not None:
            return proof
        used = busy(self._inventory, _open(self._inventory, self._hosts), self._order.usages)
        enough = reason(
            "saving.enough",
            busy=round(used),
            low=round(self._order.low_percent),
            high=round(self._order.high_percent),
        )
        ends = tuple(self._ending())[:NAMED]
        return self._rest(enough, reason("saving.asleep", count=asleep), *ends, *stays[:NAMED])

    def _renewal(self, aged: list[Host]) -> Plan | None:
        """Return the plan that proves an empty host anew which could be closed but for that.

        A host that never woke, or failed to, is for a person to prove.
        """
        if not self._order.renew:
            return None
        for host in aged[:TRIED]:
            if _empty(self._inventory, host.id) and isinstance(self._emptied(host), Plan):
                plan = plan_wake_proof(self._inventory, host.id, self._rules)
                age = float(round(self._order.now - host.wake_proven_at))
                why = reason("saving.proven-long-ago", age=age)
                aim = reason("aim.power-renew", name=self._order.name, host=host.name, why=why)
                return self._made(aim, plan.steps, plan)
        return None

    def _ending(self) -> Iterator[Reason]:
        """Yield which open hosts will soon not be closed any more, since their proof grows old."""
        for host in _open(self._inventory, self._hosts):
            left = host.wake_proven_at + self._order.proven_s - self._order.now
            if 0 < left < self._order.proven_s * ENDING and host.wake_proven_at:
                yield reason("saving.ending", host=host.name, days=round(left / DAY_S))

    def _candidates(self) -> list[Host]:
        """Return the open hosts, first the one with the least to move, then what draws most."""
        claims = self._inventory.claims
        held = {key: claims[key].memory_mib for key in self._order.hosts if key in claims}
        hosts = _open(self._inventory, self._hosts)
        return sorted(hosts, key=lambda one: (held.get(one.id, 0), -self._drawn(one), one.name))

    def _barred(self, host: Host) -> Reason | None:
        """Return what keeps a host on whatever could be moved."""
        order = self._order
        if host.id in order.keep:
            return reason("saving.kept")
        if (own := manager_on(self._inventory, host.id)) is not None:
            return reason("saving.manager", vm=own.name)
        if Capability.HOST_POWER not in host.capabilities:
            return reason("saving.no-power")
        if not host.wake_proven_at:
            return reason("saving.unproven")
        age = order.now - host.wake_proven_at
        if age > order.proven_s:
            return reason("saving.proven-long-ago", age=float(round(age)))
        for vm in self._inventory.vms_on(host.id):
            if vm.id in order.left_alone and vm.state in HOLDS_MEMORY:
                return reason("saving.alone", vm=vm.name)
        return None

    def _emptied(self, host: Host) -> Plan | Reason:
        """Return the plan that empties a host and switches it off, or why it must stay on."""
        order = self._order
        try:
            emptying = plan_evacuation(self._within(), host.id, self._rules, tight=True)
        except (NoPlan, Conflict) as error:
            return why_of(error)
        off = (PowerOffHost(host=host.id), reason("saving.closed"))
        plan = _after(emptying, off)
        world = outcome(plan, self._inventory)
        left = _open(world, self._hosts)
        if not left:
            return reason("saving.last")
        used = busy(world, left, order.usages)
        if used > order.low_percent:
            low = round(order.low_percent)
            return reason("saving.low", busy=round(used), low=low)
        most, name = busiest(world, left, order.usages)
        if most > order.high_percent and most > busiest(self._inventory, left, order.usages)[0]:
            high = round(order.high_percent)
            return reason("saving.would-load", host=name, busy=round(most), high=high)
        if (why := self._need(world)) is not None:
            return reason("saving.would-wake", why=why)
        return plan

    def _within(self) -> Inventory:
        """Return the pool with the hosts of others closed: they take none of these VMs."""
        others = (h for h in self._inventory.hosts.values() if h.id not in self._order.hosts)
        closed = {host.id: replace(host, maintenance=True) for host in others}
        return self._inventory._replace(hosts=self._inventory.hosts.patched(closed))

    def _closing(self, host: Host, plan: Plan, stays: list[Reason]) -> Plan:
        saves = gained(host, self._order, empty=_empty(self._inventory, host.id))
        there = self._inventory.vms_on(host.id)
        stopped = sum(vm.state not in HOLDS_MEMORY for vm in there)
        left = (reason("consolidate.stopped-vms", count=stopped),) if stopped else ()
        told_ = (*saves, *left, *stays[:NAMED])
        aim = reason("aim.power-close", name=self._order.name, host=host.name, told=told_)
        return self._made(aim, plan.steps, plan)

    def _rest(self, *told_: Reason) -> Plan:
        return self._made(reason("aim.power-rest", name=self._order.name, told=told_), ())

    def _made(self, aim: Reason, steps: tuple[Step, ...], of: Plan | None = None) -> Plan:
        every = () if of is None else of.rejected
        rejected = tuple(one for one in every if one.host in self._order.hosts)
        based = digest(self._inventory)
        return Plan(goal=say(aim), aim=aim, steps=steps, rejected=rejected, based_on=based)

    def _drawn(self, host: Host) -> float:
        """Return what an idle host draws, or draws now; nobody knows counts as nothing."""
        watts = self._order.watts.get(host.id)
        return self._order.drawn.get(host.id, 0.0) if watts is None else watts.idle


def _asleep(host: Host) -> bool:
    """Return whether a host is off, and by us: what others switched off is never woken."""
    return host.power_saved and host.maintenance and host.state is HostState.OFF


def _open(world: Inventory, hosts: tuple[Host, ...]) -> list[Host]:
    now = (world.hosts[host.id] for host in hosts)
    return [host for host in now if host.state is HostState.UP and not host.maintenance]


def _empty(world: Inventory, host: HostId) -> bool:
    return not any(vm.state in HOLDS_MEMORY for vm in world.vms_on(host))


def _after(plan: Plan, last: Told) -> Plan:
    """Return a plan with one more step, done when all others are."""
    return Plan(
        goal=plan.goal,
        aim=plan.aim,
        steps=(*plan.steps, *in_turn((last,), len(plan.steps))),
        rejected=plan.rejected,
        based_on=plan.based_on,
    )
