"""From moves to a plan: reasons, what was not chosen, what waits for what, how many at once."""

from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from anypool.model import (
    Apart,
    Exclusive,
    HostId,
    Inventory,
    Licence,
    Spread,
    Together,
    Vm,
    VmId,
    VmState,
)
from anypool.plan import (
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
    reason,
    say,
)
from anypool.planner.balance import Floats, Ints
from anypool.planner.place import refusal
from anypool.planner.rebalance.bound import least_percent
from anypool.planner.rebalance.search import Aim, Found, Taken, never, rebalance
from anypool.planner.rebalance.shorten import shortened
from anypool.planner.rebalance.uneven import Uneven, loads, uneven
from anypool.planner.rules import Rulebook

NAMED = 3
"""How many hosts that would take a VM are named with the score they would lead to."""
REFUSED = 20
"""How many hosts that would not take a VM are named with their reason."""

_GROUPS = (Apart, Together, Exclusive, Spread, Licence)
_MOVABLE = frozenset({VmState.RUNNING, VmState.PAUSED})


def plan_rebalance(inventory: Inventory, aim: Aim, stop: Callable[[], bool] = never) -> Plan:
    """Return the moves that make the hosts alike, each with scores, reason and alternatives.

    A plan without steps says that nothing is worth moving. `stop` ends the search early.
    """
    return rebalanced(inventory, aim, stop).plan


class Rebalanced(Struct, frozen=True, kw_only=True):
    """A plan, and how uneven the hosts are before and after it."""

    plan: Plan
    before: Uneven
    after: Uneven


def rebalanced(inventory: Inventory, aim: Aim, stop: Callable[[], bool] = never) -> Rebalanced:
    """Return the plan of `plan_rebalance` with what it is to achieve."""
    found = shortened(inventory, aim, rebalance(inventory, aim, stop))
    problem = found.numbers.problem
    return Rebalanced(
        plan=plan_of(inventory, aim, found),
        before=uneven(problem),
        after=uneven(problem, found.placed),
    )


def plan_of(inventory: Inventory, aim: Aim, found: Found) -> Plan:
    """Return found moves as a plan."""
    story = _Story(inventory, aim, found)
    steps, rejected = [], list[Refusal]()
    for number, move in enumerate(found.moves, start=1):
        told = story.tell(move)
        rejected += story.refusals(move)
        steps.append(_step(number, inventory.vms[story.vm(move)], story.ends(move), told))
        story.make(move)
    problem = found.numbers.problem
    before, reached = uneven(problem).percent, uneven(problem, found.placed).percent
    goal = reason("aim.balanced", name=aim.name, score=_shown(before))
    if steps:
        after = _shown(reached)
        goal = reason("aim.balance", name=aim.name, before=_shown(before), after=after)
    return Plan(
        goal=say(goal),
        aim=goal,
        steps=ordered(steps, found.moves, aim.rules, aim.at_once),
        rejected=tuple(rejected),
        based_on=digest(inventory),
        bounds=(_near(reached, least_percent(problem)),),
    )


def _near(reached: float, least: float) -> Proven:
    """Return how near an imbalance is to the least, in hundredths of a percent of a host."""
    least = min(least, reached)
    return Proven(what="imbalance", reached=round(100 * reached), bound=round(100 * least))


def _step(number: int, vm: Vm, ends: tuple[HostId, HostId], told: Reason) -> Step:
    source, target = ends
    return Step(
        number=number,
        action=MigrateVm(vm=vm.id, source=source, target=target),
        why=told,
        valid_while=(
            VmIs(vm=vm.id, host=source, states=_MOVABLE),
            HostOpen(host=target),
            MemoryFree(host=target, memory_mib=vm.memory_mib),
        ),
    )


def ordered(
    steps: list[Step], moves: Sequence[Taken], book: Rulebook, at_once: int = 0
) -> tuple[Step, ...]:
    """Return migrations, each with those it waits for: for room, for a rule, or for its turn."""
    rules = [_shared_rules(book, step) for step in steps]
    ordered: list[Step] = []
    behind: list[frozenset[int]] = []  # everything a step waits for, directly or not
    for at, step in enumerate(steps):
        after: set[int] = set()
        known: frozenset[int] = frozenset()
        for other in range(at - 1, -1, -1):
            if other + 1 in known:
                continue
            one, two = moves[other], moves[at]
            related = one.vm == two.vm or one.step == two.step or one.source == two.target
            turn = at_once and at - other == at_once
            if related or turn or rules[other] & rules[at]:
                after.add(other + 1)
                known |= behind[other] | {other + 1}
        behind.append(known)
        ordered.append(replace(step, after=frozenset(after)))
    return tuple(ordered)


def _shared_rules(book: Rulebook, step: Step) -> frozenset[str]:
    """Return the rules of a VM that also look at where others are."""
    assert isinstance(step.action, MigrateVm)
    bounds = book.of(step.action.vm)
    return frozenset(str(bound.policy) for bound in bounds if isinstance(bound.rule, _GROUPS))


class Change(Struct, frozen=True):
    """The load of one metric on two hosts before and after a move, in percent."""

    metric: str
    was: int
    now: int
    had: int
    has: int


class _Story:
    """Goes along with the moves and says of each what it changes, and what else there was."""

    def __init__(self, inventory: Inventory, aim: Aim, found: Found) -> None:
        self._world = inventory
        self._aim = aim
        self._found = found
        self._placed = found.numbers.problem.placed.copy()
        self._steps: dict[int, list[Taken]] = {}
        for move in found.moves:
            self._steps.setdefault(move.step, []).append(move)

    def vm(self, move: Taken) -> VmId:
        return self._found.numbers.vms[move.vm]

    def ends(self, move: Taken) -> tuple[HostId, HostId]:
        hosts = self._found.numbers.hosts
        return hosts[move.source], hosts[move.target]

    def tell(self, move: Taken) -> Reason:
        """Return why a move is made; an exchange is judged when both moves are made."""
        placed = self._placed
        if move.why == "mend":
            return reason("balance.mend")
        if move.why == "exchange":
            whole = placed.copy()
            for one in self._steps[move.step]:
                whole[one.vm] = one.target
            mates = [one for one in self._steps[move.step] if one.source != move.source]
            partner = self._world.vms[self.vm(mates[0] if mates else move)].name
            return reason("balance.swaps", partner=partner, after=self._percent(whole))
        after = _with(placed, move)
        change = self._relieved(move, after)
        names = [self._world.hosts[key].name for key in self.ends(move)]
        return reason(
            "balance.relieves",
            metric=change.metric,
            source=names[0],
            was=change.was,
            now=change.now,
            target=names[1],
            had=change.had,
            has=change.has,
            before=self._percent(placed),
            after=self._percent(after),
        )

    def refusals(self, move: Taken) -> list[Refusal]:
        """Return the other hosts: the best that would take the VM, and why others would not."""
        vm = self._world.vms[self.vm(move)]
        needs = self._aim.rules.needs(self._world, vm)
        hosts = self._found.numbers.hosts
        refused: list[Refusal] = []
        able: list[int] = []
        for at, key in enumerate(hosts):
            if at in (move.source, move.target):
                continue
            host = self._world.hosts[key]
            why = refusal(self._world, vm, host) or needs.refusal(host)
            if why is None:
                able.append(at)
            elif len(refused) < REFUSED:
                refused.append(Refusal(vm=vm.id, host=key, why=why))
        scores = self._scores(move, able)
        best = self._percent(_with(self._placed, move))
        for at in np.argsort(scores, kind="stable")[:NAMED].tolist():
            why = reason("balance.other", after=_shown(100 * float(scores[at])), best=best)
            refused.append(Refusal(vm=vm.id, host=hosts[able[at]], why=why))
        return sorted(refused, key=lambda one: one.host)

    def _percent(self, placed: Ints) -> str:
        return _shown(uneven(self._found.numbers.problem, placed).percent)

    def make(self, move: Taken) -> None:
        """Go on to what is so after a move."""
        self._placed[move.vm] = move.target
        vm = self._world.vms[self.vm(move)]
        self._world = self._world.with_vm(replace(vm, host=self.ends(move)[1]))

    def _scores(self, move: Taken, hosts: list[int]) -> Floats:
        """Return the score that each of some hosts would lead to, without broken rules."""
        problem = self._found.numbers.problem
        now = loads(problem, self._placed)
        demand = problem.demand[:, move.vm]
        now[:, move.source] -= demand / problem.capacity[:, move.source]
        some = np.array(hosts, dtype=np.int64)
        more = demand[:, None] / problem.capacity[:, some]
        here = now[:, some]
        total = now.sum(axis=1)[:, None] + more
        squares = (now * now).sum(axis=1)[:, None] + more * (2 * here + more)
        variance = squares / problem.hosts - (total / problem.hosts) ** 2
        found: Floats = problem.weight @ np.sqrt(np.maximum(variance, 0.0))
        return found

    def _relieved(self, move: Taken, after: Ints) -> Change:
        """Return the metric in which the two hosts differ most, and how that changes."""
        problem = self._found.numbers.problem
        now, then = loads(problem, self._placed), loads(problem, after)
        gap = problem.weight * (now[:, move.source] - now[:, move.target])
        at = int(np.argmax(gap))
        figures = (now[at, move.source], then[at, move.source])
        others = (now[at, move.target], then[at, move.target])
        was, less, had, has = (round(100 * float(one)) for one in (*figures, *others))
        return Change(problem.metrics[at], was, less, had, has)


def _with(placed: Ints, move: Taken) -> Ints:
    after = placed.copy()
    after[move.vm] = move.target
    return after


def _shown(percent: float) -> str:
    return f"{percent:.2f}"
