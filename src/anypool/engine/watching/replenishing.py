"""One look at one policy that replaces dead hosts by spares, and adds one under load.

What was added, for whom and when is read from the policy's plans, so that a manager that takes
over knows it. Who is dead is what proofs say that stand now: the power of silent hosts is asked
for on threads of its own, also when nothing is left to restart.
"""

from collections.abc import Callable, Iterable
from functools import partial

from msgspec import MsgspecError, Struct
from msgspec.structs import replace

from anypool.clock import Clock
from anypool.engine.engine import Engine
from anypool.engine.threads import OnCall
from anypool.engine.watching.past import Past, author
from anypool.engine.watching.watcher import POLL_S, Look, Made, Watcher, vms_of
from anypool.errors import AnypoolError
from anypool.model import (
    Capability,
    HostId,
    HostState,
    Level,
    PlanId,
    PolicyId,
    Power,
    Proof,
    RunId,
)
from anypool.model.policy import Replenish
from anypool.plan import JoinHost, Reason, reason, why_of
from anypool.plan.check import objections
from anypool.plan.managercheck import of_manager
from anypool.planner.ha.decide import is_about_host
from anypool.planner.profiles.hosting import uri_of
from anypool.planner.profiles.replenishing import (
    DAY_S,
    NEVER,
    Case,
    Joined,
    Judged,
    Need,
    Rest,
    Spare,
    free_profiles,
    is_missed,
    judge,
)
from anypool.planner.profiles.wishes import MakeHost, RetireHost
from anypool.planner.wish import Inputs, decode_inputs, finished
from anypool.store import Store, Tx, planinputs, plans, runs

ASK_EVERY_S = 2.0
ASK_AGAIN_S = 20.0
"""Between two questions for the power of a silent host: without a proof, and with one."""
_THREADS = 2


class Added(Struct, frozen=True):
    """A spare that a plan was to make a host, for whom, and by which run."""

    joined: Joined
    run: RunId


class Replenishing(Watcher):
    """Looks at policies of the kind `replenish`; what waits and what runs is as for balancing."""

    def __init__(self, engine: Engine, store: Store, clock: Clock) -> None:
        super().__init__(engine, store, clock)
        self._vitals = engine.vitals
        self._on_call = OnCall(_THREADS)
        self._began_at = 0.0
        self._asked: dict[HostId, float] = {}
        self._low: dict[PolicyId, float] = {}
        self._added: dict[PlanId, Added | None] = {}
        self.submit: Callable[[Callable[[], None]], None] = self._on_call.submit

    def start(self) -> None:
        """Be able to ask for the power of hosts."""
        self._on_call.start()

    def stop(self) -> None:
        """End the threads after what they are asking."""
        self._on_call.stop()

    def rest(self) -> None:
        """Forget what was seen: another manager leads."""
        self._began_at = 0.0
        self._asked, self._low, self._added = {}, {}, {}

    def _silent(self, look: Look) -> Reason | None:
        """Return nothing: hosts that are silent are what it is about."""
        return None

    def _plan(self, look: Look, past: Past) -> float:
        rule = look.policy.rule
        assert isinstance(rule, Replenish)
        mute = self._ask(look)
        found = judge(rule, look.inventory, self._case(look, past, rule))
        self._low[look.policy.id] = found.low_since
        before = replace(look.before, percent=found.percent, since=found.high_since)
        look = replace(look, before=before)
        again = POLL_S if mute or found.high_since or found.low_since else 0.0
        if isinstance(found.want, Rest):
            if found.want.drop:
                self._drop(look, past, found.want.why)
            why = reason("replenish.asks", hosts=mute) if mute and found.want.drop else None
            return self._say(look, why or found.want.why, until=found.want.until, again=again)
        made = self._made(look, past, found)
        if isinstance(made, Reason):
            self._drop(look, past, made)
            return self._say(look, made, again=10 * POLL_S)
        due = self._propose(look, past, made)
        return min(due, self._clock.now() + again) if again else due

    def _case(self, look: Look, past: Past, rule: Replenish) -> Case:
        now = self._vitals.moments.now()
        self._began_at = self._began_at or now
        with self._store.reading() as tx:
            added = self._of_policy(tx, look.policy.id)
            begun = [runs.get_run(tx, one.run).started_at for one in added]
        return Case(
            hosts=look.hosts,
            proofs=self._proofs(look),
            joined=tuple(one.joined for one in added),
            usages=self._usages.of(vms_of(look)),
            now=now,
            high_since=look.before.since,
            low_since=self._low.get(look.policy.id, 0.0),
            begun=sum(self._clock.now() - one < DAY_S for one in begun),
            ended_at=past.ended_at,
            cold_s=max(0.0, self._began_at + rule.cold_s - now),
        )

    def _made(self, look: Look, past: Past, found: Judged) -> Made | Reason:
        """Return the plan for what is wanted, or why there is none."""
        want = found.want
        assert isinstance(want, Need | Spare)
        if isinstance(want, Spare):
            made = self._finished(look, RetireHost(server=want.server, why=want.why))
            if isinstance(made, Reason):
                return reason("replenish.stays", why=made)
            return replace(made, automatic=False)
        why = reason("replenish.no-profile", need=want.why, pool=want.pool)
        for wish in self._wishes(look, want):
            made = self._finished(look, wish)
            if not isinstance(made, Reason):
                return replace(made, automatic=made.automatic and not past.failed)
            why = reason("replenish.no-spare", need=want.why, why=made)
        return why

    def _wishes(self, look: Look, want: Need) -> Iterable[MakeHost]:
        """Yield what may be wished: each free profile, whose name and address nobody has."""
        rule = look.policy.rule
        assert isinstance(rule, Replenish)
        known = self._engine.endpoints()
        taken = {str(one.id) for one in known} | {one.uri for one in known}
        for profile in free_profiles(rule, look.inventory, want.pool):
            if not taken & {profile.name, uri_of(profile)}:
                yield MakeHost(profile=profile.id, why=want.why, instead=want.instead)

    def _finished(self, look: Look, wish: MakeHost | RetireHost) -> Made | Reason:
        rule, inventory = look.policy.rule, look.inventory
        assert isinstance(rule, Replenish)
        rules = self._engine.policies.rulebook(inventory)
        terms = self._prices.terms(author(look.policy.id), waive=False)
        try:
            wished = wish.plan(inventory, rules)
            plan = finished(wished, terms, inventory, rules, self._engine.policies.outlook)
        except AnypoolError as error:
            return why_of(error)
        against = objections(plan, inventory, rules.bounds) or of_manager(
            plan, inventory, self._engine.policies.own
        )
        if against:
            return reason("watch.objected", objections=against[:3])
        inputs = Inputs(wish=wish, policies=rules.policies, terms=terms)
        return Made(plan, inputs, rule.level is Level.AUTOMATIC)

    def _proofs(self, look: Look) -> dict[HostId, Proof]:
        """Return the proofs about silent hosts that stand now."""
        found: dict[HostId, Proof] = {}
        for key in look.hosts & look.inventory.hosts.keys():
            if look.inventory.hosts[key].state is HostState.UP:
                continue
            proof = self._vitals.proof(key)
            if proof is not None and is_about_host(proof):
                found[key] = proof
        return found

    def _ask(self, look: Look) -> int:
        """Have the power of silent hosts asked for; return how many are not proven dead."""
        now, mute = self._clock.now(), 0
        for key in sorted(look.hosts & look.inventory.hosts.keys()):
            host = look.inventory.hosts[key]
            if not is_missed(look.inventory, host):
                continue
            proven = self._vitals.proof(key) is not None
            mute += not proven
            every_s = ASK_AGAIN_S if proven else ASK_EVERY_S
            able = Capability.HOST_POWER in host.capabilities
            if able and now - self._asked.get(key, -NEVER) >= every_s:
                self._asked[key] = now
                self.submit(partial(_quietly, self._vitals.read_power, key))
        return mute

    def _of_policy(self, tx: Tx, policy: PolicyId) -> tuple[Added, ...]:
        """Return which spares the policy's plans that were begun made hosts, the newest first."""
        found = [
            self._added_by(tx, one.id, one.run)
            for one in plans.of_policy(tx, policy, limit=50)
            if one.run is not None
        ]
        return tuple(one for one in found if one is not None)

    def _added_by(self, tx: Tx, plan: PlanId, run: RunId) -> Added | None:
        if plan not in self._added:
            self._added[plan] = _added(tx, plan, run)
        return self._added[plan]


def _quietly(ask: Callable[[HostId], Power], host: HostId) -> None:
    ask(host)


def _added(tx: Tx, plan: PlanId, run: RunId) -> Added | None:
    steps = plans.readable(tx, plan).plan
    join = next((one.action for one in steps if isinstance(one.action, JoinHost)), None)
    stored = planinputs.get(tx, plan)
    if join is None or stored is None:
        return None
    try:
        wish = decode_inputs(stored.body).wish
    except (AnypoolError, MsgspecError):
        return None
    instead = wish.instead if isinstance(wish, MakeHost) else None
    return Added(Joined(profile=join.profile, instead=instead), run)
