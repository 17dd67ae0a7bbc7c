"""From emptied hosts to a plan: why each move, what was not chosen, what is saved and what not."""

from collections.abc import Callable, Iterator

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from anypool.model import HOLDS_MEMORY, HostId, Inventory, Vm, VmState, told_hour
from anypool.plan import (
    CostModel,
    EnterMaintenance,
    HostOpen,
    MemoryFree,
    MigrateVm,
    Plan,
    Proven,
    Reason,
    Refusal,
    Step,
    VmIs,
    digest,
    priced,
    reason,
    say,
)
from anypool.planner.fewest.direct import direct
from anypool.planner.fewest.energy import Saving, saved
from anypool.planner.fewest.problem import EPS, Wish
from anypool.planner.fewest.search import Found, never, search
from anypool.planner.fewest.state import Move, State, shares_left
from anypool.planner.place import refusal
from anypool.planner.rebalance.search import Taken
from anypool.planner.rebalance.steps import ordered

NAMED = 3
"""Hosts that would take a VM too and are named beside the chosen one."""
FEW = 6
"""Unmeasured VMs that are named."""
REFUSED = 20
"""Hosts that would not take a VM and are named with their reason."""

_MOVABLE = frozenset({VmState.RUNNING, VmState.PAUSED})


class Consolidated(Struct, frozen=True, kw_only=True):
    """A plan of moves with what it was made of and what it saves."""

    plan: Plan
    found: Found
    saving: Saving


def plan_consolidation(inventory: Inventory, wish: Wish, stop: Callable[[], bool] = never) -> Plan:
    """Return the moves after which the fewest hosts carry the load curves of all VMs.

    A plan without steps says that no host can be emptied. `stop` ends the search early.
    """
    return consolidated(inventory, wish, stop).plan


def consolidated(
    inventory: Inventory, wish: Wish, stop: Callable[[], bool] = never
) -> Consolidated:
    """Return the plan of `plan_consolidation` with what it was made of."""
    found = search(inventory, wish, stop)
    moves = direct(inventory, wish, found.problem, found.moves)
    found = replace(found, moves=moves)
    saving = saved(found.problem, found.placed, found.empty, wish.watts, wish.tariff)
    story = _Story(inventory, wish, found)
    steps, rejected = [], list[Refusal]()
    for number, move in enumerate(moves, start=1):
        rejected += story.refusals(move)
        steps.append(story.step(number, move))
    closing = tuple(_closing(found)) if wish.close else ()
    taken = [Taken(m.vm, m.source, m.target, "", m.step) for m in moves]
    plan = Plan(
        goal="",
        steps=(*ordered(steps, taken, wish.rules), *closing),
        rejected=(*rejected, *_staying(found)),
        based_on=digest(inventory),
        bounds=(_near(found),),
    )
    aim = _aim(wish, found, (*_told(inventory, wish, found, saving, plan),))
    return Consolidated(plan=replace(plan, aim=aim, goal=say(aim)), found=found, saving=saving)


def _near(found: Found) -> Proven:
    hosts = len(found.problem.hosts) - len(found.empty)
    return Proven(what="hosts", reached=hosts, bound=min(hosts, found.bound))


def _aim(wish: Wish, found: Found, told: tuple[Reason, ...]) -> Reason:
    hosts = len(found.problem.hosts)
    needed = hosts - len(found.empty)
    if not found.moves:
        return reason("aim.consolidated", name=wish.name, hosts=needed, told=told)
    return reason("aim.consolidate", name=wish.name, before=hosts, after=needed, told=told)


def _told(
    inventory: Inventory, wish: Wish, found: Found, saving: Saving, plan: Plan
) -> Iterator[Reason]:
    """Yield what is to be known of the outcome: gap, empty hosts, savings, price, what is open."""
    problem, needed = found.problem, len(found.problem.hosts) - len(found.empty)
    if needed > found.bound:
        gap = round(100 * (needed / max(1, found.bound) - 1))
        yield reason("consolidate.bound", bound=found.bound, gap=gap)
    else:
        yield reason("consolidate.least")
    if not found.complete:
        yield reason("consolidate.cut-off")
    keys = [problem.hosts[row] for row in sorted(found.empty)]
    if keys:
        names = tuple(inventory.hosts[key].name for key in keys)
        yield reason("consolidate.empty", hosts=names)
        stopped = sum(vm.state not in HOLDS_MEMORY for key in keys for vm in inventory.vms_on(key))
        if stopped:
            yield reason("consolidate.stopped-vms", count=stopped)
        yield from _saving(inventory, saving, len(keys))
    if plan.steps:
        costs = [step.cost for step in priced(plan, inventory, CostModel(), 1)]
        seconds = round(sum(cost.duration_ms for cost in costs) / 1000)
        memory = sum(cost.copy_bytes for cost in costs) >> 20
        moves = len(found.moves)
        yield reason("consolidate.moves", count=moves, move_seconds=seconds, memory=memory)
    if wish.failures:
        code = "consolidate.survives" if found.survives else "consolidate.no-survival"
        yield reason(code, failures=wish.failures)
    if problem.loads.unmeasured:
        rows = problem.loads.unmeasured
        vms = tuple(inventory.vms[problem.vms[row]].name for row in rows[:FEW])
        more = ("...",) if len(rows) > FEW else ()
        yield reason(
            "consolidate.unmeasured", count=len(rows), vms=(*vms, *more), least=wish.least_hours
        )
    if problem.loads.partly:
        yield reason("consolidate.partly", count=problem.loads.partly)


def _saving(inventory: Inventory, saving: Saving, empty: int) -> Iterator[Reason]:
    if len(saving.unknown) < empty:
        yield reason("consolidate.saves", kwh=f"{saving.energy.kwh:,.1f}")
        if saving.energy.money is not None:
            amount, unit = f"{saving.energy.money:,.2f}", saving.currency
            yield reason("consolidate.money", amount=amount, currency=unit)
        if saving.energy.co2_kg is not None:
            yield reason("consolidate.co2", kg=f"{saving.energy.co2_kg:,.1f}")
    if saving.unknown:
        names = tuple(inventory.hosts[key].name for key in saving.unknown[:REFUSED])
        yield reason("consolidate.no-watts", hosts=names, count=len(saving.unknown))


def _staying(found: Found) -> Iterator[Refusal]:
    """Yield why hosts that are in use stay so."""
    for row in sorted(found.stays):
        stays = found.stays[row]
        if stays.vm >= 0:
            vm, host = found.problem.vms[stays.vm], found.problem.hosts[row]
            yield Refusal(vm=vm, host=host, why=stays.why)


def _closing(found: Found) -> Iterator[Step]:
    """Yield the step that closes each emptied host, after the moves from there."""
    number = len(found.moves)
    for row in sorted(found.empty):
        number += 1
        after = frozenset(at for at, move in enumerate(found.moves, 1) if row == move.source)
        action = EnterMaintenance(host=found.problem.hosts[row])
        yield Step(number=number, action=action, why=reason("consolidate.closed"), after=after)


class _Story:
    """Goes along with the moves and says of each why, and what else there was."""

    def __init__(self, inventory: Inventory, wish: Wish, found: Found) -> None:
        self._state = State(inventory, wish, found.problem)
        self._wish = wish
        self._found = found
        self._empty = set(found.empty)

    def step(self, number: int, move: Move) -> Step:
        """Return a move as a step, and go on to what is so after it."""
        state, problem = self._state, self._found.problem
        vm = state.world.vms[problem.vms[move.vm]]
        source, target = problem.hosts[move.source], problem.hosts[move.target]
        self._go(move, vm, target)
        return Step(
            number=number,
            action=MigrateVm(vm=vm.id, source=source, target=target),
            why=self._why(move),
            valid_while=(
                VmIs(vm=vm.id, host=source, states=_MOVABLE),
                HostOpen(host=target),
                MemoryFree(host=target, memory_mib=vm.memory_mib),
            ),
        )

    def _go(self, move: Move, vm: Vm, target: HostId) -> None:
        state, take = self._state, self._found.problem.take[move.vm]
        state.world = state.world.with_vm(replace(vm, host=target))
        state.left[move.source] += take
        state.left[move.target] -= take
        state.placed[move.vm] = move.target

    def _why(self, move: Move) -> Reason:
        problem, hosts = self._found.problem, self._state.world.hosts
        busy, when = self._busiest(move.target)
        target = hosts[problem.hosts[move.target]].name
        if move.room_for >= 0:
            name = self._state.world.vms[problem.vms[move.room_for]].name
            return reason("consolidate.makes-room", vm=name, target=target, busy=busy, when=when)
        host = hosts[problem.hosts[move.source]].name
        return reason("consolidate.empties", host=host, target=target, busy=busy, when=when)

    def _busiest(self, host: int, more: int = -1) -> tuple[int, str]:
        """Return how busy a host is in its busiest hour, in percent, and when that is."""
        problem = self._found.problem
        left = self._state.left[host, problem.hours]
        left = left - problem.loads.high[more] if more >= 0 else left
        used = (problem.room[host, problem.hours] - left) / problem.cpus[host]
        hour = int(np.argmax(used))
        return round(100 * float(used[hour])), told_hour(hour)

    def refusals(self, move: Move) -> list[Refusal]:
        """Return the other hosts: why they do not take the VM, or how much emptier they were."""
        problem, world = self._found.problem, self._state.world
        vm = world.vms[problem.vms[move.vm]]
        refused: list[Refusal] = []
        able: list[int] = []
        for row, key in enumerate(problem.hosts):
            if row in (move.source, move.target):
                continue
            why = self._against(move, vm, row)
            if why is None:
                able.append(row)
            elif len(refused) < REFUSED:
                refused.append(Refusal(vm=vm.id, host=key, why=why))
        left = np.rint(100 * shares_left(problem, self._state.left)).astype(int)
        able.sort(key=lambda row: (int(left[row]), row))
        for row in able[:NAMED]:
            why = reason("consolidate.other", left=int(left[row]), best=int(left[move.target]))
            refused.append(Refusal(vm=vm.id, host=problem.hosts[row], why=why))
        return sorted(refused, key=lambda one: one.host)

    def _against(self, move: Move, vm: Vm, row: int) -> Reason | None:
        problem, world = self._found.problem, self._state.world
        if row in self._empty:
            return reason("consolidate.emptied")
        host = world.hosts[problem.hosts[row]]
        needs = self._wish.rules.needs(world, vm)
        if (why := refusal(world, vm, host) or needs.refusal(host)) is not None:
            return why
        over = self._state.left[row] < problem.take[move.vm] - EPS
        if over[problem.hours].any():
            busy, when = self._busiest(row, move.vm)
            limit = round(100 - self._wish.headroom_percent)
            return reason("consolidate.busy", busy=busy, when=when, limit=limit)
        return reason("consolidate.limit") if over.any() else None
