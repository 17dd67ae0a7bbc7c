"""The guard: looks at every host of the policies of the kind `ha`, and begins what is decided.

Every look is complete in itself. What must be remembered over a restart is in the records:
which VMs are to run (charges), what people said, who was switched off, and when the hosts were
last looked at. What is decided is in `planner.ha`, without I/O.
"""

import logging
import threading
from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from anypool.clock import Clock
from anypool.engine.engine import Engine
from anypool.engine.ha.around import Around
from anypool.engine.ha.asking import Asking, Submit
from anypool.engine.ha.begin import AT_REST, Begin, UnderWay
from anypool.engine.ha.charges import Charges, is_silent
from anypool.engine.ha.chronicle import Chronicle, Sight
from anypool.engine.ha.ears import Ears, Knock
from anypool.engine.ha.fences import Fences
from anypool.engine.ha.knocks import knock
from anypool.engine.ha.leasing import Leasing
from anypool.engine.ha.patients import Patients
from anypool.engine.ha.pulses import Pulses
from anypool.engine.ha.rounds import Round, World, is_left_over, is_over
from anypool.engine.ha.standing import Standing
from anypool.engine.ha.statements import Statements
from anypool.engine.ha.wanted import wanted
from anypool.engine.threads import OnCall, Ticker
from anypool.errors import AnypoolError
from anypool.model import (
    Capability,
    HighAvailability,
    Host,
    HostId,
    HostState,
    Inventory,
    Policy,
    Proof,
    VmId,
)
from anypool.plan import Reason, vm_of
from anypool.planner.failover import Order
from anypool.planner.ha.again import Task, start_again
from anypool.planner.ha.astray import Astray
from anypool.planner.ha.brake import Situation
from anypool.planner.ha.decide import Case, Decision, Fence, ReadPower, Recover, decide
from anypool.planner.ha.deeds import plan_fence, plan_forget
from anypool.planner.ha.detect import Heard, Path, Verdict, Word, detect, grouped
from anypool.planner.rules import Rulebook
from anypool.store import Store, ha

log = logging.getLogger(__name__)

EVERY_S = 1.0
FRESH_S = 90.0
"""What a path said longer ago says nothing of now."""


class Guard:
    """One look at a time, while this manager leads; VMs to start wait for `awaited` hosts."""

    def __init__(self, engine: Engine, store: Store, clock: Clock) -> None:
        self._engine = engine
        self._store = store
        self._vitals = engine.vitals
        self._vitals.recall, self._vitals.refute = Statements(store).both()
        self._vitals.knock_at = self._knock_at
        self.charges = Charges(store)
        self._vitals.settled, self._vitals.silent = self.charges.hear, self.charges.miss
        self.ears = Ears(engine.vitals, engine.services.all)
        self.leasing = Leasing(engine.vitals)
        self._begin = Begin(engine, store)
        self.patients = Patients(engine, self.charges, self._begin)
        self.fences = Fences(store, clock)
        self._pulses = Pulses(store, self.fences)
        self._chronicle = Chronicle(store)
        self._on_call = OnCall(8)
        self.submit: Submit = self._on_call.submit
        self.knock: Knock = knock
        self._turn = threading.Lock()
        self._led: int | None = None
        self._busy = True
        self._asking = Asking(self._vitals)
        self._around = Around(self._vitals)
        self._standing: dict[HostId, Standing] = {}
        self._down: dict[VmId, Reason] = {}
        self.awaited: frozenset[HostId] = frozenset()
        woken = threading.Event()
        self._vitals.news = woken.set
        self._ticker = Ticker("ha", self.round, clock, woken)

    def start(self) -> None:
        """Begin to look, on a thread of its own."""
        self._on_call.start()
        self.patients.agents.start()
        self._ticker.start()

    def stop(self) -> None:
        """End after the look that is under way."""
        self._ticker.stop()
        self.patients.agents.stop()
        self._on_call.stop()

    def standing(self) -> tuple[Standing, ...]:
        """Return what is thought of each guarded host, by id."""
        return tuple(one for _, one in sorted(self._standing.items()))

    def down(self) -> dict[VmId, Reason]:
        """Return why VMs that are to run do not start."""
        return self._down

    def release(self, vm: VmId) -> bool:
        """Forget that a VM is to run; return whether it was."""
        with self._turn:
            return self.charges.release(vm)

    def cold_left_s(self, rule: HighAvailability) -> float:
        """Return for how long nobody is switched off because this manager has just begun."""
        cold_at = self._pulses.cold_at
        return max(0.0, cold_at + rule.cold_s - self._vitals.moments.now()) if cold_at else 0.0

    def round(self) -> float:
        """Look at every guarded host once; return the seconds until the next time."""
        with self._turn:
            if not self._engine.leads:
                self._led = None
                self._standing, self._down = {}, {}
                return EVERY_S
            mandate = self._store.mandate()
            epoch = 0 if mandate is None else mandate[1]
            if self._led != epoch:  # another may have led since the last look
                self._take_over()
                self._led = epoch
            self.charges.settle()  # also while nothing is guarded: what is heard would heap up
            self._guarded(self._vitals.retract)
            policies = [
                one
                for one in self._engine.policies.all()
                if one.enabled and isinstance(one.rule, HighAvailability)
            ]
            if policies:
                self._look(policies)
            else:
                self._vitals.guarded = frozenset()
            return self._asking.rest_s(EVERY_S)

    def _take_over(self) -> None:
        """Begin to look; with fresh observations of another manager that is no cold start."""
        self.charges.begin()
        self._busy = True
        self._asking.forget()
        self._around.forget()
        self.ears.forget()
        self.patients.forget()
        self.leasing.begin()
        self._chronicle.begin()
        self._pulses.begin(self._vitals.moments.now())

    def _look(self, policies: list[Policy]) -> None:
        known, now = self._engine.inventory, self._vitals.moments.now()
        self.patients.look(known, now)
        inventory = self.patients.as_they_were(known)
        rules = self._engine.policies.rulebook(inventory)
        scopes = {
            one.policy: one.hosts for one in rules.bounds if isinstance(one.rule, HighAvailability)
        }
        everywhere = self._vitals.guarded = frozenset[HostId]().union(*scopes.values())
        self.charges.look(everywhere, known, now)
        for task in self.leasing.tasks(everywhere, inventory):
            self.submit(task)
        under_way, left = self._records(everywhere, inventory)
        world = World(
            inventory=inventory,
            rules=rules,
            order=Order(inventory, rules, self._engine.services.all()),
            under_way=under_way,
            charges=self.charges,
            left=left,
            astray=Astray(inventory, self._vitals.last, now).may_run_on,
        )
        standing: dict[HostId, Standing] = {}
        down: dict[VmId, Reason] = {}
        awaited: set[HostId] = set()
        for policy in policies:
            round_ = Round(policy, scopes.get(policy.id, frozenset()), world)
            awaited |= round_.holding.keys()
            self._guarded(partial(self._look_at, round_, now, (standing, down)))
        self._standing, self._down, self.awaited = standing, down, frozenset(awaited)
        self.patients.agents.ask(inventory, now)
        self._guarded(partial(self._tidy, policies, (inventory, rules), under_way, left))
        self._busy |= self._pulses.beat(now)

    def _records(
        self, hosts: frozenset[HostId], inventory: Inventory
    ) -> tuple[UnderWay, tuple[tuple[VmId, HostId], ...]]:
        """Return what runs work on, and where copies may be left; nothing while all is well."""
        quiet = not self.patients.any and not any(is_silent(key, inventory) for key in hosts)
        if quiet and not self._busy and not self.charges.lost(hosts, inventory):
            return AT_REST, ()
        under_way = self._begin.under_way()
        with self._store.reading() as tx:
            left = ha.left(tx)
        self._busy = bool(left or not quiet)
        return under_way, left

    def _guarded(self, look: Callable[[], None]) -> None:
        try:
            look()
        except AnypoolError as error:
            log.warning("high availability: %s", error)

    def _look_at(
        self,
        round_: Round,
        now: float,
        found: tuple[dict[HostId, Standing], dict[VmId, Reason]],
    ) -> None:
        (standing, down), rule = found, round_.rule
        alone = {key: self._verdict(key, round_.inventory, rule, now) for key in round_.asked()}
        self._vitals.listens(alone, round_.hosts.difference(alone))
        verdicts = grouped(alone, rule.silent_s)
        fences = self.fences.recent(rule.fences_within_s, now) if round_.lost else ()
        situation = Situation(
            rule=rule,
            verdicts=tuple(verdicts.values()),
            now=now,
            fences=round_.fences(fences, now),
            cold_at=self._pulses.cold_at,
        )
        for key in self._asking.early(filter(self.charges.any_on, round_.hosts), now):
            self._listen(round_.inventory.hosts[key], round_.inventory)
            if self._has_bmc(key, round_):
                self._asking.ask(key, self.submit)
        proofs: list[Proof] = []
        for key in sorted(verdicts):
            decision = decide(self._case(key, verdicts[key], round_), situation)
            said = self._act(key, decision, round_)
            if isinstance(decision, Recover):
                proofs.append(decision.proof)
            if isinstance(decision, Fence):
                situation = replace(situation, fences=(*situation.fences, now))
            standing[key] = Standing(
                host=key,
                policy=round_.policy.id,
                verdict=verdicts[key],
                decision=decision,
                at_risk=round_.holding.get(key, ()),
                said=said,
            )
        rest = round_.holding.keys() - verdicts.keys()
        proofs += self._asking.of_others(rest, round_.inventory, self.submit)
        ails = self._start(round_, tuple(proofs), now) | self.patients.mend(round_, now)
        down |= ails
        self._chronicle.look(
            Sight(
                policy=round_.policy.id,
                standing=tuple(standing[key] for key in sorted(verdicts)),
                ails=ails,
                busy=round_.policy.id in round_.under_way.since,
                inventory=round_.inventory,
                now=now,
            )
        )

    def _verdict(
        self, key: HostId, inventory: Inventory, rule: HighAvailability, now: float
    ) -> Verdict:
        host = inventory.hosts[key]
        if host.state is HostState.UP:
            life_at = self._vitals.life(key).life_at
            mine = Heard(path=Path.MANAGEMENT, word=Word.ANSWERS, at=now, life_at=life_at)
            others = (one for one in self._vitals.heard(key) if one.path is not Path.MANAGEMENT)
            heard = (mine, *others)
        else:
            self._be_silent(host, inventory)
            heard = self._vitals.heard(key)
        return detect(key, heard, now, silent_s=rule.silent_s, fresh_s=FRESH_S)

    def _be_silent(self, host: Host, inventory: Inventory) -> None:
        """Note that a host does not answer, and listen on all its other paths every so often."""
        words = {one.path: one.word for one in self._vitals.heard(host.id)}
        if words.get(Path.MANAGEMENT, Word.NONE) in (Word.NONE, Word.ANSWERS):
            self._vitals.note(host.id, Path.MANAGEMENT, Word.SILENT)
        self._listen(host, inventory)

    def _listen(self, host: Host, inventory: Inventory) -> None:
        endpoint = next((e for e in self._engine.endpoints() if e.id == host.endpoint), None)
        if endpoint is None:
            return
        if (task := self.ears.listen(host, endpoint, inventory, self.knock)) is not None:
            self.submit(task)

    def _knock_at(self, key: HostId) -> None:
        host = self._engine.inventory.hosts.get(key)
        known = (e for e in self._engine.endpoints() if host is not None and e.id == host.endpoint)
        endpoint = next(known, None)
        if host is not None and endpoint is not None:
            self.ears.knock_at(host, endpoint, self.knock)

    def _case(self, key: HostId, verdict: Verdict, round_: Round) -> Case:
        power, life = self._vitals.power(key), self._vitals.life(key)
        return Case(
            verdict=verdict,
            life=life,
            listened=self.ears.heard_since(key) > life.life_at,
            bmc=self._has_bmc(key, round_),
            proof=self._vitals.proof(key),
            off_at=power.off_at,
            asked_at=self._asking.asked_at(key),
            at_risk=len(round_.holding.get(key, ())),
            saves=key in round_.holding and round_.saves(key),
            lease=self.leasing.clock(key),
        )

    def _has_bmc(self, key: HostId, round_: Round) -> bool:
        return Capability.HOST_POWER in round_.inventory.hosts[key].capabilities

    def _act(self, key: HostId, decision: Decision, round_: Round) -> Reason | None:
        """Do what is decided about one host; starting VMs is done for all of them at once."""
        if isinstance(decision, ReadPower):
            self._asking.ask(key, self.submit)
        if isinstance(decision, Fence) and key not in round_.under_way.fencing:
            plan = plan_fence(round_.inventory, key, decision.why)
            return self._begin.offer(round_.policy, plan, round_.inventory, round_.rules)
        return None

    def _start(self, round_: Round, proofs: tuple[Proof, ...], now: float) -> dict[VmId, Reason]:
        """Start what is proven to run nowhere, the highest priority first."""
        busy, rule = round_.under_way, round_.rule
        who = wanted(round_, self.charges, now)
        if not who.vms:
            return who.told
        since = busy.since.get(round_.policy.id)
        if since is not None and now - since < rule.turn_s:
            return who.told
        asked = self._around.ask(who.vms, round_.inventory, self.submit)
        told, vms = who.told | asked, who.vms - asked.keys()
        if not vms or self._around.holds_all(asked):
            return told
        task = Task(
            vms=vms,
            proofs=proofs,
            seen_at=now,
            all_levels=since is not None,
            maybe=round_.maybe,
            homes={vm: one.host for vm in vms if (one := self.charges.get(vm)) is not None},
            failed=who.failed,
        )
        services = self._engine.services.all()
        found = start_again(round_.inventory, task, round_.rules, services)
        if found.plan is not None:
            started = frozenset(vm for step in found.plan if (vm := vm_of(step.action)) is not None)
            also = partial(self.charges.tried, started, now)
            self._busy = True
            self._begin.offer(round_.policy, found.plan, round_.inventory, round_.rules, also)
        return told | found.down

    def _tidy(
        self,
        policies: list[Policy],
        known: tuple[Inventory, Rulebook],
        under_way: UnderWay,
        left: tuple[tuple[VmId, HostId], ...],
    ) -> None:
        """Forget the stopped copies that hosts have which are back."""
        inventory, rules = known
        over = [(vm, host) for vm, host in left if is_over(vm, host, inventory)]
        if over:
            with self._store.writing() as tx:
                ha.drop_left(tx, over)
        by_host: dict[HostId, list[VmId]] = {}
        for vm, host in left:
            if vm not in under_way.vms and is_left_over(vm, host, inventory):
                by_host.setdefault(host, []).append(vm)
        scopes = {one.policy: one.hosts for one in rules.bounds}
        for host, vms in sorted(by_host.items()):
            policy = next((one for one in policies if host in scopes.get(one.id, ())), None)
            if policy is not None:
                plan = plan_forget(inventory, host, [inventory.vms[vm] for vm in vms])
                self._begin.offer(policy, plan, inventory, rules)
