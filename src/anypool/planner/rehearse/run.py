"""The plans of a rehearsal, run on a copy of the inventory: each step as a value, in its time."""

from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from anypool.errors import AnypoolError
from anypool.model import (
    HOLDS_MEMORY,
    HostId,
    HostState,
    Inventory,
    Proof,
    Service,
    VmId,
    VmState,
)
from anypool.plan import (
    Plan,
    Reason,
    StartAfterFailure,
    StartVm,
    Step,
    apply,
    broken,
    goal_of,
    names_of,
    reason,
    tell,
    vm_of,
)
from anypool.plan.refuse import why_of
from anypool.plan.schedule import Limits, begins_ms
from anypool.planner import cancel
from anypool.planner.ha.again import Task, start_again
from anypool.planner.rehearse.moment import Happens, Moment
from anypool.planner.rehearse.watch import BEGIN_S
from anypool.planner.rules import Rulebook
from anypool.planner.wish import Terms, finished

MOST_PLANS = 50


class Ran(Struct, frozen=True, kw_only=True):
    """What was done on the copy: the moments, the plans in their order, the pool after them."""

    moments: tuple[Moment, ...]
    plans: tuple[Plan, ...]
    after: Inventory


def silent(inventory: Inventory, hosts: frozenset[HostId]) -> Inventory:
    """Return the pool in which hosts do not answer, and nobody knows what became of their VMs."""
    vms = {
        vm.id: replace(vm, state=VmState.UNKNOWN)
        for host in sorted(hosts)
        for vm in inventory.vms_on(host)
        if vm.state in HOLDS_MEMORY
    }
    for host in sorted(hosts):
        inventory = inventory.with_host(replace(inventory.hosts[host], state=HostState.UNKNOWN))
    return inventory.patched_vms(dict(vms))


def run(
    inventory: Inventory,
    proofs: Mapping[HostId, tuple[int, Proof]],
    rules: Rulebook,
    services: tuple[Service, ...],
    terms: Terms,
) -> Ran:
    """Return what starts again on a pool in which some hosts are silent, once they are proven dead.

    One plan follows the other: the VMs of one priority, then those of the next.
    """
    game = _Copy(inventory, rules, services, terms)
    for at_ms in sorted({at for at, _ in proofs.values()}):
        known = {host: proof for host, (at, proof) in proofs.items() if at <= at_ms}
        game.go(known, at_ms)
    game.end()
    return Ran(moments=tuple(game.moments), plans=tuple(game.plans), after=game.world)


class _Copy:
    def __init__(
        self, inventory: Inventory, rules: Rulebook, services: tuple[Service, ...], terms: Terms
    ) -> None:
        self.moments: list[Moment] = []
        self.plans: list[Plan] = []
        self.world = inventory
        self._rules = rules
        self._services = services
        self._terms = terms
        self._now = 0
        self._tried: set[VmId] = set()
        self._down: dict[VmId, Reason] = {}

    def go(self, proofs: Mapping[HostId, Proof], at_ms: int) -> None:
        """Start what ran on hosts that are proven dead, from a moment on."""
        self._now = max(self._now, at_ms)
        for _ in range(MOST_PLANS):
            cancel.check()
            wanted = frozenset(
                vm.id
                for host in proofs
                for vm in self.world.vms_on(host)
                if vm.state is VmState.UNKNOWN and vm.id not in self._tried
            )
            if not wanted:
                return
            known = tuple(proofs[host] for host in sorted(proofs))
            seen_at = BEGIN_S + self._now / 1000
            rules = self._rules.bound_to(self.world)
            task = Task(vms=wanted, proofs=known, seen_at=seen_at)
            found = start_again(self.world, task, rules, self._services)
            self._down.update(found.down)
            if found.plan is None:
                return
            self._run(finished(found.plan, self._terms, self.world, rules))

    def end(self) -> None:
        """Say which VMs stay down."""
        for vm in sorted(self._down):
            there = self.world.vms.get(vm)
            if there is not None and there.state is VmState.UNKNOWN:
                said = reason("rehearse.stays", vm=there.name, why=self._down[vm])
                self.moments.append(
                    Moment(at_ms=self._now, what=Happens.DOWN, said=said, vm=vm, host=there.host)
                )

    def _run(self, plan: Plan) -> None:
        self.plans.append(plan)
        model = self._terms.model
        limits = Limits(
            moves=self._terms.slots, moves_per_host=model.moves_per_host, steps=model.steps_at_once
        )
        begins = begins_ms(plan.steps, limits)
        said = reason("rehearse.plan", goal=goal_of(plan), count=len(plan.steps))
        number = len(self.plans)
        planned = Moment(at_ms=self._now, what=Happens.PLANNED, said=said, plan=number)
        self.moments.append(planned)
        names = names_of(plan, self.world)
        first, last, refused = self._now, self._now, set[int]()
        for at, ends, step in _in_time(plan, begins):
            at_ms = first + at
            last = max(last, at_ms)
            if step.number in refused or step.after & refused:
                refused.add(step.number)
                continue
            told = tell(step.action, names)
            why = self._done(step) if ends else broken(step, self.world)
            if why is not None:
                refused.add(step.number)
                stopped = reason("rehearse.stopped", step=told, why=why)
                self._of(step, at_ms, Happens.STOPPED, stopped)
            else:
                self._of(step, at_ms, Happens.ENDS if ends else Happens.BEGINS, told)
        self._tried |= {vm for step in plan if (vm := vm_of(step.action)) is not None}
        self._now = last

    def _done(self, step: Step) -> Reason | None:
        try:
            self.world = apply(step.action, self.world)
        except AnypoolError as error:
            return why_of(error)
        return None

    def _of(self, step: Step, at_ms: int, what: Happens, said: Reason) -> None:
        action, runs_on = step.action, None
        if what is Happens.ENDS and isinstance(action, StartAfterFailure | StartVm):
            runs_on = action.host
        self.moments.append(
            Moment(
                at_ms=at_ms,
                what=what,
                said=said,
                vm=vm_of(action),
                plan=len(self.plans),
                step=step.number,
                runs_on=runs_on,
            )
        )


def _in_time(plan: Plan, begins: Mapping[int, int]) -> Iterator[tuple[int, bool, Step]]:
    """Yield begins and ends of steps by time; at one moment what ends comes first."""
    found: list[tuple[int, bool, int]] = []
    steps = {step.number: step for step in plan}
    for number, at in begins.items():
        found.append((at, False, number))
        found.append((at + max(1, steps[number].cost.duration_ms), True, number))
    for at, ends, number in sorted(found, key=lambda one: (one[0], not one[1], one[2])):
        yield at, ends, steps[number]
