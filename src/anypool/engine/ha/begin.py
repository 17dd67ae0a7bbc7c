"""From a plan of high availability to a run: once, by the level of its policy, and in the open."""

from collections.abc import Callable, Iterable
from typing import assert_never

from msgspec import Struct

from anypool.engine.engine import Engine
from anypool.engine.records.archive import Origin
from anypool.engine.watching.past import WAITING, author, supersede
from anypool.errors import AnypoolError
from anypool.model import (
    HighAvailability,
    HostId,
    Inventory,
    LeaseExpired,
    Level,
    PlanId,
    Policy,
    PolicyId,
    PowerOff,
    Proof,
    SaidGone,
    Stated,
    VmId,
)
from anypool.plan import (
    Action,
    FenceHost,
    Plan,
    PlanState,
    Reason,
    StartAfterFailure,
    StartVm,
    hosts_of,
    reason,
    vm_of,
    why_of,
)
from anypool.plan.check import objections
from anypool.plan.managercheck import of_manager
from anypool.planner.rules import Rulebook
from anypool.planner.wish import finished
from anypool.store import Store, ha, plans, runs
from anypool.store.records import PlanRecord, PlanSummary

Also = Callable[[], None]


class UnderWay(Struct, frozen=True):
    """What runs work on that have not ended: VMs, and hosts that are being switched off.

    `since` is when the last run of a policy that starts VMs was first seen here, in moments.
    """

    vms: frozenset[VmId]
    fencing: frozenset[HostId]
    since: dict[str, float]


class Work(Struct, frozen=True):
    """What a plan works on; `starts_for` is its policy if it starts VMs. A plan never changes."""

    vms: frozenset[VmId]
    fencing: frozenset[HostId]
    starts_for: PolicyId | None


AT_REST = UnderWay(frozenset(), frozenset(), {})


def nothing() -> None:
    """Do nothing."""


class Begin:
    """Keeps plans and begins them."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store
        self._works: dict[PlanId, tuple[Work, float]] = {}

    def under_way(self) -> UnderWay:
        """Return what runs work on now; those that wait for a person among them."""
        now, known = self._engine.vitals.moments.now(), self._works
        with self._store.reading() as tx:
            self._works = {
                run.plan: known.get(run.plan) or (_work(plans.readable(tx, run.plan)), now)
                for run in runs.unfinished(tx)
            }
        since: dict[str, float] = {}
        for work, seen_at in self._works.values():
            if work.starts_for is not None:
                since[work.starts_for] = max(since.get(work.starts_for, 0.0), seen_at)
        works = [work for work, _ in self._works.values()]
        return UnderWay(
            frozenset().union(*(one.vms for one in works)),
            frozenset().union(*(one.fencing for one in works)),
            since,
        )

    def offer(
        self,
        policy: Policy,
        plan: Plan,
        inventory: Inventory,
        rules: Rulebook,
        also: Also = nothing,
    ) -> Reason:
        """Keep a plan, and run it if its policy says so; return what came of it.

        `also` is done before it is run. One that waits for a person is not offered twice.
        """
        terms = self._engine.keeping.prices.terms(author(policy.id), waive=True)
        made = finished(plan, terms, inventory, rules, self._engine.policies.outlook)
        against = objections(made, inventory, rules.bounds) or of_manager(
            made, inventory, self._engine.policies.own
        )
        if against:
            return reason("watch.objected", objections=against[:3])
        rule = policy.rule
        assert isinstance(rule, HighAvailability)
        waiting = self._waiting(policy, made, rule.level)
        if waiting is None:
            waiting = self._submit(policy, made, inventory, rule.level)
        if not _may_run(rule.level, waiting.state):
            code = "watch.shadow" if rule.level is Level.SHADOW else "watch.proposed"
            return reason(code, plan=waiting.id)
        return self._run(policy, waiting.id, made, also)

    def _run(self, policy: Policy, plan: PlanId, made: Plan, also: Also) -> Reason:
        also()
        left = [place for step in made for place in _places(step.action, self._engine.inventory)]
        if left:
            with self._store.writing() as tx:
                ha.note_left(tx, left)
        try:
            self._engine.run(plan, author(policy.id))
        except AnypoolError as error:
            return reason("watch.refused", plan=plan, why=why_of(error))
        return reason("watch.runs", plan=plan)

    def _submit(
        self, policy: Policy, made: Plan, inventory: Inventory, level: Level
    ) -> PlanSummary:
        shadow = level is Level.SHADOW
        state = PlanState.SHADOW if shadow else PlanState.RECOMMENDED
        origin = Origin(policy.id, state)
        record = self._engine.submit(made, author(policy.id), inventory, origin)
        with self._store.reading() as tx:
            return plans.summary(tx, record.id)

    def _waiting(self, policy: Policy, made: Plan, level: Level) -> PlanSummary | None:
        """Return the plan that waits and does the same; others of the kind are out of date."""
        old: list[PlanSummary] = []
        fit = (PlanState.SHADOW,) if level is Level.SHADOW else WAITING
        with self._store.reading() as tx:
            for one in plans.of_policy(tx, policy.id, limit=50):
                if one.state not in (*WAITING, *fit):
                    continue
                known = plans.readable(tx, one.id).plan
                if one.state in fit and _gist(known) == _gist(made):
                    return one
                if one.state in WAITING and _kind(known) == _kind(made):
                    old.append(one)
        self._supersede(policy, old)
        return None

    def _supersede(self, policy: Policy, old: Iterable[PlanSummary]) -> None:
        why = reason("ha.newer")
        for one in old:
            with self._store.writing() as tx:
                supersede(tx, policy.id, one.id, why)


def _work(made: PlanRecord) -> Work:
    actions = [step.action for step in made.plan]
    return Work(
        vms=frozenset(vm for one in actions if (vm := vm_of(one)) is not None),
        fencing=frozenset(one.host for one in actions if isinstance(one, FenceHost)),
        starts_for=made.policy if _starts(made.plan) else None,
    )


def _places(action: Action, inventory: Inventory) -> list[tuple[VmId, HostId]]:
    """Return where a VM that is started may have copies afterwards."""
    if not isinstance(action, StartVm | StartAfterFailure):
        return []
    known = inventory.vms.get(action.vm)
    hosts = [action.host]
    if known is not None:
        hosts += [known.host] if known.host is not None else []
        hosts += [copy.host for copy in known.copies]
    return [(action.vm, host) for host in sorted(set(hosts))]


def _may_run(level: Level, state: PlanState) -> bool:
    if level is Level.AUTOMATIC:
        return True
    return level is Level.PARTIAL and state is PlanState.APPROVED


def _starts(plan: Plan) -> bool:
    return any(_of(step.action) == "start" for step in plan)


def _of(action: Action) -> str:
    """Return which of the plans of high availability an action belongs to."""
    tag = str(action.__struct_config__.tag)
    return "start" if tag.startswith("start-") else tag


def _kind(plan: Plan) -> frozenset[str]:
    return frozenset(_of(step.action) for step in plan if _of(step.action) != "await-ready")


def _gist(plan: Plan) -> list[object]:
    """Return what a plan does, as what a VM is started, and after which deaths."""
    return [
        (_of(step.action), vm_of(step.action), hosts_of(step.action), _anew(step.action))
        for step in plan
    ]


def _anew(action: Action) -> object:
    if not isinstance(action, StartAfterFailure):
        return None
    return action.wish, action.home, tuple(map(_death, (action.proof, *action.also)))


def _death(proof: Proof) -> object:
    """Return which death a proof is about: it is renewed all the time, and that is no other."""
    match proof:
        case PowerOff():
            return proof.host, proof.first_at
        case LeaseExpired():
            return proof.host, proof.datastore, proof.stands_at
        case Stated():
            return proof.host, proof.audit
        case SaidGone():
            return proof.host, proof.vm
        case _:
            assert_never(proof)
