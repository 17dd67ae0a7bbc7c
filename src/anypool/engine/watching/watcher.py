"""One look at one balance policy: measure, decide, plan, and see to the plan that waits."""

from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from anypool.clock import Clock
from anypool.engine.engine import Engine
from anypool.engine.loads.usage import Usages
from anypool.engine.records.archive import Origin
from anypool.engine.records.inputs import keep
from anypool.engine.rollouts import resting
from anypool.engine.watching import left
from anypool.engine.watching.decide import NEVER, Deal, Rest, deal, enough, left_alone, weigh
from anypool.engine.watching.past import Past, author, past_of, supersede
from anypool.errors import AnypoolError, Conflict
from anypool.model import (
    Balance,
    HostId,
    HostState,
    Inventory,
    Level,
    Matter,
    PlanId,
    Policy,
    PolicyId,
    PowerSaving,
    Usage,
    VmId,
)
from anypool.model.policy import Replenish
from anypool.plan import (
    Plan,
    PlanState,
    Reason,
    hosts_of,
    reason,
    why_of,
)
from anypool.plan.check import objections
from anypool.planner.rebalance import Aim, Rebalanced, Weights, numbers_of, rebalanced, uneven
from anypool.planner.rounds import Rounds
from anypool.planner.rules import Rulebook
from anypool.planner.wish import Inputs, finished
from anypool.planner.wishes import wish_of
from anypool.store import Store, Tx, facts, plans, runs
from anypool.store.records import PlanSummary, Watched

BUDGET_S = 60.0
"""The search for moves ends after so long with what it has."""
POLL_S = 5.0
"""What is looked at again soon, because it may have changed without a change of the pool."""


class Look(Struct, frozen=True):
    """A policy, its hosts, the pool as it is looked at, and what was known before."""

    policy: Policy
    hosts: frozenset[HostId]
    inventory: Inventory
    before: Watched


class Made(Struct, frozen=True):
    """A plan, what it was made from, and whether it may run without a person."""

    plan: Plan
    inputs: Inputs
    automatic: bool


class Watcher:
    """Looks; every look is complete in itself and may be the last before a crash."""

    def __init__(self, engine: Engine, store: Store, clock: Clock) -> None:
        self._engine = engine
        self._store = store
        self._clock = clock
        self._prices = engine.keeping.prices
        self._usages = Usages(engine.keeping.history, engine.loads, clock)
        self.latest: dict[PolicyId, Watched] = {}

    def forget(self, kept: frozenset[PolicyId]) -> None:
        """Drop what is known of policies that watch nothing any more, and their proposals."""
        with self._store.reading() as tx:
            gone = [one.policy for one in facts.watches.all(tx) if one.policy not in kept]
        for policy in gone:
            with self._store.writing() as tx:
                past = past_of(tx, policy)
                if past.open is not None and past.open.state is PlanState.RECOMMENDED:
                    supersede(tx, policy, past.open.id, reason("plan.policy-off", policy=policy))
                facts.watches.delete(tx, policy)
            self.latest.pop(policy, None)

    def look(self, look: Look) -> float:
        """Do what is to be done about a policy; return when time alone changes something."""
        with self._store.reading() as tx:
            past = past_of(tx, look.policy.id)
            busy = past.running or self._is_worked_on(tx, look.hosts)
            maintained = resting(tx, look.inventory, look.hosts)
        if maintained is not None:
            return self._say(look, maintained, again=POLL_S)
        if busy:
            return self._say(look, reason("watch.works"), again=POLL_S)
        if (silent := self._silent(look)) is not None:
            return self._say(look, silent)
        if past.open is None or past.open.state is not PlanState.APPROVED:
            return self._plan(look, past)
        if _rule(look).level is Level.SHADOW:
            return self._plan(look, past)
        return self._settle(look, past.open, automatic=False)

    def _plan(self, look: Look, past: Past) -> float:
        rule = _balance(look)
        vms = vms_of(look)
        usages = self._usages.of(vms, rule.lookback_s)
        aim = _aim(look, self._engine.policies.rulebook(look.inventory), usages)
        problem = numbers_of(look.inventory, aim.hosts, aim.rules, usages, aim.weights).problem
        now, at = uneven(problem), self._clock.now()
        look = replace(look, before=replace(look.before, percent=round(now.percent, 2)))
        wanted = weigh(rule, now, look.before.since, past, at)
        look = replace(look, before=replace(look.before, since=wanted.since))
        if isinstance(wanted, Rest):
            if wanted.drop:
                self._drop(look, past, wanted.why)
            return self._say(look, wanted.why, until=wanted.until)
        made = self._make(look, aim, vms, past)
        if isinstance(made, Reason):
            self._drop(look, past, made)
            return self._say(look, made)
        return self._propose(look, past, made)

    def _make(self, look: Look, aim: Aim, vms: tuple[VmId, ...], past: Past) -> Made | Reason:
        """Return the plan for now: of VMs that may move by themselves, else of all; or why none."""
        rule = _balance(look)
        never, asked = left_alone(look.policy, aim.rules, vms)
        asked |= left.moved_by_platform(look.inventory, vms)
        by_itself = rule.level is not Level.SHADOW and len(asked) < len(vms)
        by_itself = by_itself and not left.deciding(look.inventory, look.hosts, Matter.BALANCE)
        tries = [(asked, True)] if by_itself else []
        tries += [(never, False)] if not by_itself or never != asked else []
        terms = self._prices.terms(author(look.policy.id))
        why = reason("watch.no-gain", percent=f"{look.before.percent:.2f}")
        for alone, automatic in tries:
            aimed, rounds = replace(aim, left_alone=alone), self._budget()
            found = rebalanced(look.inventory, aimed, rounds)
            if not _worth(rule, found):
                continue
            plan = finished(found.plan, terms, look.inventory, aim.rules)
            against = objections(plan, look.inventory, aim.rules.bounds)
            if not against:
                wish = wish_of(aimed, rounds)
                inputs = Inputs(wish=wish, policies=aim.rules.policies, terms=terms)
                return Made(plan, inputs, automatic and not past.failed)
            why = reason("watch.objected", objections=against[:3])
        return why

    def _budget(self) -> Rounds:
        end = self._clock.monotonic() + BUDGET_S
        return Rounds(late=lambda: self._clock.monotonic() > end)

    def _propose(self, look: Look, past: Past, made: Made) -> float:
        """Keep a new plan, unless the very same one waits already; then see to it."""
        level = _rule(look).level
        old = past.shadow if level is Level.SHADOW else past.open
        if old is None or not self._is_same(old.id, made.plan):
            old = self._submit(look, past, made)
        if level is Level.SHADOW:
            return self._say(look, reason("watch.shadow", plan=old.id), plan=old.id)
        return self._settle(look, old, automatic=made.automatic, failed=past.failed)

    def _settle(
        self, look: Look, plan: PlanSummary, *, automatic: bool, failed: bool = False
    ) -> float:
        """Run a waiting plan if it may run now, else say what it waits for."""
        now = self._clock.now()
        match deal(_rule(look), plan.state, automatic=automatic, at=now):
            case Deal.KEEP:
                return self._say(look, self._waiting(look, plan.id, failed), plan=plan.id)
            case Deal.WINDOW:
                why = reason("watch.window", plan=plan.id, window=_rule(look).window)
                return self._say(look, why, until=now + 60, plan=plan.id)
            case Deal.RUN:
                return self._run(look, plan.id)

    def _waiting(self, look: Look, plan: PlanId, failed: bool) -> Reason:
        """Return what a plan waits for: a person, and why so where the platform decides."""
        rule = _rule(look)
        if not isinstance(rule, Replenish) and rule.level is Level.AUTOMATIC and not failed:
            matter = left.matter_of(rule)
            if clusters := left.deciding(look.inventory, look.hosts, matter):
                return reason(left.CODES[matter], plan=plan, clusters=clusters)
        return reason("watch.failed" if failed else "watch.proposed", plan=plan)

    def _run(self, look: Look, plan: PlanId) -> float:
        try:
            self._engine.run(plan, author(look.policy.id))
        except Conflict as error:
            self._say(look, why_of(error))
            return self._clock.now() + POLL_S  # it is superseded now: plan again
        except AnypoolError as error:
            why = reason("watch.refused", plan=plan, why=why_of(error))
            return self._say(look, why, again=POLL_S, plan=plan)
        return self._say(look, reason("watch.runs", plan=plan), again=POLL_S, plan=plan)

    def _submit(self, look: Look, past: Past, made: Made) -> PlanSummary:
        """Store a plan, and in the same transaction end the one before and note what is known."""
        shadow = _rule(look).level is Level.SHADOW
        state = PlanState.SHADOW if shadow else PlanState.RECOMMENDED
        origin = Origin(look.policy.id, state, partial(self._also, look, past, made))
        record = self._engine.submit(made.plan, author(look.policy.id), look.inventory, origin)
        with self._store.reading() as tx:
            return plans.summary(tx, record.id)

    def _also(self, look: Look, past: Past, made: Made, tx: Tx, new: PlanId) -> None:
        keep(made.inputs, made.plan)(tx, new)
        if past.open is not None:
            supersede(tx, look.policy.id, past.open.id, reason("plan.newer", plan=new))
        facts.watches.put(tx, replace(look.before, plan=new))

    def _drop(self, look: Look, past: Past, why: Reason) -> None:
        """Mark a proposal that nobody approved as out of date: it is not wanted any more."""
        if past.open is None or past.open.state is not PlanState.RECOMMENDED:
            return
        with self._store.writing() as tx:
            supersede(tx, look.policy.id, past.open.id, why)

    def _is_same(self, old: PlanId, plan: Plan) -> bool:
        with self._store.reading() as tx:
            known = plans.readable(tx, old).plan
        return [step.action for step in known] == [step.action for step in plan]

    def _is_worked_on(self, tx: Tx, hosts: frozenset[HostId]) -> bool:
        """Return whether any run that has not ended touches one of the hosts."""
        return any(
            hosts & set(hosts_of(step.action))
            for run in runs.unfinished(tx)
            for step in plans.readable(tx, run.plan).plan
        )

    def _silent(self, look: Look) -> Reason | None:
        """Return that some host does not answer, so that nobody can say how loads are spread."""
        known = look.inventory.hosts
        names = sorted(
            known[host].name
            for host in look.hosts
            if known[host].state is HostState.UNKNOWN and not known[host].maintenance
        )
        return reason("watch.silent", hosts=tuple(names[:5])) if names else None

    def _say(
        self,
        look: Look,
        why: Reason,
        *,
        until: float = NEVER,
        again: float = 0.0,
        plan: PlanId | None = None,
    ) -> float:
        """Keep what is known of a policy, if that is news; return when to look again."""
        new = replace(look.before, said=why, plan=plan)
        self.latest[look.policy.id] = new
        with self._store.reading() as tx:
            old = facts.watches.get(tx, look.policy.id)
        if old is None or _gist(old) != _gist(new):
            with self._store.writing() as tx:
                facts.watches.put(tx, new)
            self._engine.policies.told(look.policy.id)
        return self._clock.now() + again if again else until


def _gist(watched: Watched) -> object:
    """Return what of it is news: not every hundredth of a percent."""
    code = None if watched.said is None else watched.said.code
    return code, watched.since, watched.plan


def _rule(look: Look) -> Balance | PowerSaving | Replenish:
    assert isinstance(look.policy.rule, Balance | PowerSaving | Replenish)
    return look.policy.rule


def _balance(look: Look) -> Balance:
    assert isinstance(look.policy.rule, Balance)
    return look.policy.rule


def vms_of(look: Look) -> tuple[VmId, ...]:
    """Return the VMs that hold memory on the hosts of a look."""
    known = look.inventory
    return tuple(
        vm.id for host in sorted(look.hosts & known.hosts.keys()) for vm in known.holding(host)
    )


def _aim(look: Look, rules: Rulebook, usages: dict[VmId, Usage]) -> Aim:
    rule = _balance(look)
    weights = Weights(memory=rule.memory, cpu=rule.cpu, network=rule.network, disk=rule.disk)
    return Aim(
        hosts=look.hosts,
        name=str(look.policy.id),
        rules=rules,
        usages=usages,
        weights=weights,
        at_once=rule.at_once,
    )


def _worth(rule: Balance, found: Rebalanced) -> bool:
    return bool(found.plan.steps) and enough(rule, found.before, found.after)
