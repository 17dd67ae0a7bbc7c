"""Play a scenario: plan, judge, and do each step as a value; nothing is waited for."""

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from anypool.errors import AnypoolError, Invalid, NoPlan
from anypool.model import Inventory
from anypool.plan import (
    Action,
    CostModel,
    CreateVm,
    Plan,
    Reason,
    Step,
    apply,
    broken,
    hosts_of,
    reason,
    say,
)
from anypool.plan.check import objections, violations
from anypool.plan.stepcheck import Moment, against, to_run
from anypool.planner.failover import weakened
from anypool.planner.wish import Terms, finished
from anypool.scenario import racks
from anypool.scenario.deed import Asked, plan_of
from anypool.scenario.event import DEEDS, LATER, QUESTIONS, Event, event_of
from anypool.scenario.fate import answered
from anypool.scenario.happen import happened
from anypool.scenario.lifeless import judged, recovered
from anypool.scenario.repurposing import repurposed
from anypool.scenario.world import World

_TERMS = Terms(model=CostModel(steps_at_once=2), slots=2, waive=False)
RACKS = {
    "fail-over": racks.failed_over,
    "assign": racks.assigned,
    "make-host": racks.hosted,
    "retire-host": racks.retired,
    "repurpose": repurposed,
}
_PLANNED = (*DEEDS, "by-hand")


class Happening(Struct, frozen=True, kw_only=True):
    """One event as it went: the plan made for it, or why there is none, and what came of it."""

    number: int
    text: str
    verb: str
    plan: Plan | None = None
    refused: AnypoolError | None = None
    notes: tuple[str, ...] = ()


class Played(Struct, frozen=True, kw_only=True):
    """All events as they went, and the world after them."""

    happenings: tuple[Happening, ...]
    world: World


def play(world: World, events: Iterable[Event]) -> Played:
    """Return what happens; raise `Invalid` with file and line for names that are not there."""
    game = _Game(world)
    happenings = tuple(game.one(number, event) for number, event in enumerate(events, 1))
    return Played(happenings=happenings, world=game.world)


class _Game:
    """The world of the moment, the plan that waits to be run, and steps that are left of one."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._held: Plan | None = None
        self._left: list[Step] | None = None

    def one(self, number: int, event: Event) -> Happening:
        happening = Happening(number=number, text=event.text, verb=event.verb)
        try:
            if event.verb in _PLANNED:
                return self._run(happening, self._planned(event))
            if event.verb in (*LATER, "plan-by-hand"):
                return self._later(happening, event)
            if event.verb in QUESTIONS:
                if event.verb == "coverage":
                    asked = Asked(self.world, event.item, event.words)
                    return replace(happening, notes=racks.covered(asked))
                ask = judged if event.verb == "judge" else answered
                return replace(happening, notes=ask(self.world, event))
            self.world = happened(self.world, event)
        except Invalid as error:
            if not isinstance(error, NoPlan):
                raise
            return replace(happening, refused=error)
        except AnypoolError as error:
            return replace(happening, refused=error)
        return happening

    def _later(self, happening: Happening, event: Event) -> Happening:
        if event.verb in ("plan", "plan-by-hand"):
            later = event.verb == "plan-by-hand"
            inner = event if later else event_of(event.item, " ".join(event.words))
            self._held = self._planned(inner)
            return replace(happening, plan=self._held)
        if event.verb == "go-on":
            left, self._left = self._left, None
            if left is None:
                raise event.item.wrong("no plan has begun", hint="`begin 1` begins one")
            return replace(happening, notes=tuple(self._steps(left)))
        if self._held is None:
            raise event.item.wrong("no plan waits to be run", hint="`plan evacuate h1` makes one")
        plan, self._held = self._held, None
        if event.verb == "run":
            return replace(self._run(happening, plan), plan=None)
        if not event.words[0].isdigit():
            raise event.item.wrong(f"{event.words[0]!r} is no number of steps", hint="begin 1")
        count = int(event.words[0])
        self._left = list(plan.steps[count:])
        return replace(self._run(happening, plan, count), plan=None)

    def _planned(self, event: Event) -> Plan:
        inventory = self.world.inventory
        if event.verb in RACKS:
            plan = RACKS[event.verb](Asked(self.world, event.item, event.words))
        elif event.verb == "recover":
            plan = recovered(Asked(self.world, event.item, event.words))
        else:
            plan = plan_of(self.world, event)
        return finished(plan, _TERMS, inventory, self.world.rules())

    def _run(self, happening: Happening, plan: Plan, most: int | None = None) -> Happening:
        """Do a plan as the engine would: judged first, each step while its conditions hold."""
        against = self._against(plan)
        notes = [f"not run: {say(why)}" for why in against] or self._steps(plan.steps, most)
        return replace(happening, plan=plan, notes=tuple(notes))

    def _against(self, plan: Plan) -> tuple[Reason, ...]:
        inventory = self.world.inventory
        if looked := _looked_at(plan, inventory):
            return (reason("admit.observe-only", hosts=tuple(looked), count=len(looked)),)
        rules = self.world.rules().bound_to(_with_made(plan, inventory))
        found = objections(plan, inventory, rules.bounds)
        return found or weakened(plan, inventory, rules.bounds)

    def _steps(self, steps: Sequence[Step], most: int | None = None) -> list[str]:
        """Do steps in order, up to the first that cannot be done; return what was wrong.

        At most the first `most` are done; the others still come.
        """
        inventory = self.world.inventory
        before, notes = violations(inventory), list[str]()
        for at, step in enumerate(steps[:most], 1):
            left = tuple(one.action for one in steps[at:])
            why = broken(step, inventory) or self._now_against(step.action, left, inventory)
            if why is not None:
                notes.append(f"stopped before step {step.number}: {say(why)}")
                break
            try:
                inventory = apply(step.action, inventory)
            except AnypoolError as error:
                notes.append(f"stopped at step {step.number}: {error.message}")
                break
            wrong = violations(inventory) - before
            notes += [f"wrong after step {step.number}: {one}" for one in sorted(map(say, wrong))]
            before |= wrong
        self.world = replace(self.world, inventory=inventory)
        return notes

    def _now_against(
        self, action: Action, left: tuple[Action, ...], inventory: Inventory
    ) -> Reason | None:
        """Return what the rules of now have against an action; `left` are those after it."""
        action, inventory = to_run(action, left, inventory)
        bounds = self.world.rules().bound_to(inventory).bounds
        found = against(action, Moment(inventory=inventory, bounds=bounds, later=left))
        return None if found is None else found.why


def _with_made(plan: Plan, inventory: Inventory) -> Inventory:
    """Return the pool with the VMs that a plan makes, so that the rules bind them too."""
    for step in plan:
        if isinstance(step.action, CreateVm):
            try:
                inventory = apply(step.action, inventory)
            except AnypoolError:
                continue
    return inventory


def _looked_at(plan: Plan, inventory: Inventory) -> list[str]:
    """Return the hosts of a plan that may only be looked at, by name."""
    hosts = {host for step in plan for host in hosts_of(step.action)}
    known = (inventory.hosts.get(host) for host in hosts)
    return sorted(host.name for host in known if host is not None and host.observe_only)
