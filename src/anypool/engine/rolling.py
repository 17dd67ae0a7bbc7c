"""The conductor of rolling maintenance: after each wave is verified it plans and begins the next.

A wave is a plan of its own, made from the pool as it is then and run by the engine like any
other. What a rollout needs to go on is in its row; a new plan is stored in the same
transaction as the row that names it. So every look is complete in itself, and a manager
killed anywhere goes on in the same wave. What is decided is in `engine.waves`, without I/O.
"""

import logging
import threading
from functools import partial

from msgspec.structs import replace

from anypool.clock import Clock
from anypool.engine import waves
from anypool.engine.engine import Engine
from anypool.engine.records.archive import Origin
from anypool.engine.records.inputs import Also, keep
from anypool.engine.rollouts import event_of
from anypool.engine.threads import Looking
from anypool.engine.waves import Followed
from anypool.errors import AnypoolError, Busy, Conflict, NoPlan, NotFound
from anypool.model import Inventory, PlanId, RolloutState
from anypool.plan import (
    PlanState,
    Reason,
    plain,
    reason,
    why_of,
)
from anypool.planner.rolling import Wave, grouped, no_rollout, plan_of, plan_wave, terms
from anypool.planner.rules import Rulebook
from anypool.planner.wish import Inputs, finished
from anypool.planner.wishes import MaintainHosts
from anypool.store import Store, Tx, events, plans, rollouts, runs
from anypool.store.records import FINAL_RUN_STATES, RunState
from anypool.store.rollouts import Rollout

log = logging.getLogger(__name__)

EVERY_S = 1.0
_GOES_ON = frozenset({RunState.RUNNING, RunState.PAUSED})


class Rolling(Looking):
    """Looks at every rollout that has not ended; one look at a time, while this manager leads."""

    def __init__(self, engine: Engine, store: Store, clock: Clock) -> None:
        super().__init__("rollouts", clock)
        self._engine = engine
        self._store = store
        self._clock = clock
        self._turn = threading.Lock()

    def round(self) -> float:
        """Look at every rollout once; return the seconds until the next time."""
        with self._turn:
            if self._engine.leads:
                with self._store.reading() as tx:
                    found = rollouts.unfinished(tx)
                for rollout in found:
                    if rollout.state is RolloutState.RUNNING:
                        self._guarded(rollout)
        return EVERY_S

    def pause(self, key: str, by: str) -> Rollout:
        """Begin nothing further, in the wave under way neither; raise `NotFound`, `Conflict`."""
        with self._turn:
            rollout = self._steerable(key)
            if rollout.state is RolloutState.PAUSED:
                raise Conflict(f"{key} is paused", hint=f"`anypool rollout continue {key}`")
            found = self._followed(rollout)
            if found.run is not None and found.run.state is RunState.RUNNING:
                self._engine.pause(found.run.id, by)
            said = reason("rollout.paused", who=by)
            return self._put(replace(rollout, state=RolloutState.PAUSED, said=said), "paused", by)

    def go_on(self, key: str, by: str) -> Rollout:
        """Go on after a pause or a failure, with fresh attempts; raise `NotFound`, `Conflict`."""
        with self._turn:
            rollout = self._steerable(key)
            if rollout.state is RolloutState.RUNNING:
                raise Conflict(f"{key} is running", hint="nothing is to be continued")
            found = self._followed(rollout)
            if found.run is not None and found.run.state is RunState.PAUSED:
                self._engine.resume(found.run.id, by)
            failed = found.run is not None and found.run.state is RunState.FAILED
            going = replace(rollout, state=RolloutState.RUNNING, attempts=0, said=None)
            due = self._clock.now() if failed else 0.0
            rollout = self._put(replace(going, due=due), "continued", by)
        self.wake()
        return rollout

    def cancel(self, key: str, by: str) -> Rollout:
        """End a rollout and the run of its wave; what is closed then stays closed, and is told."""
        with self._turn:
            rollout = self._steerable(key)
            found = self._followed(rollout)
            if found.run is not None and found.run.state not in FINAL_RUN_STATES:
                self._engine.cancel(found.run.id, by)
            hosts = self._engine.inventory.hosts
            left = tuple(sorted(hosts[one].name for one in rollout.wave
                                if one in hosts and hosts[one].maintenance))  # fmt: skip
            said = reason("rollout.cancelled-clean", who=by)
            if left:
                said = reason("rollout.cancelled", who=by, hosts=left)
            ended = replace(rollout, state=RolloutState.CANCELLED, ended_at=self._clock.now())
            return self._put(replace(ended, said=said), "cancelled", by, loud=bool(left))

    def _steerable(self, key: str) -> Rollout:
        self._engine.must_lead()
        rollout = self._engine.rollouts.get(key)
        if rollout.over:
            raise Conflict(f"{key} is {rollout.state}", hint="it has ended")
        return rollout

    def _guarded(self, rollout: Rollout) -> None:
        try:
            self._look(rollout)
        except AnypoolError as error:
            log.warning("%s: %s", rollout.id, error)
        except Exception:  # one that cannot be looked at must not hide the others
            log.exception("%s", rollout.id)

    def _look(self, rollout: Rollout) -> None:
        if rollout.plan is None:
            self._next(rollout)
            return
        found = self._followed(rollout)
        if found.run is None:
            self._begin(rollout, found)
            return
        match found.run.state:
            case RunState.DONE:
                self._passed(rollout)
            case RunState.FAILED:
                self._failed(rollout, found)
            case RunState.CANCELLED:
                back = waves.back(found)
                said = reason("rollout.cancelled-run", run=found.run.id)
                stopped = replace(waves.dropped(rollout, back), state=RolloutState.PAUSED)
                self._put(replace(stopped, said=said), "paused", loud=True)
            case state if state in _GOES_ON:
                why = reason("rollout.works", number=rollout.number, run=found.run.id)
                self._say(rollout, why)
            case _:
                why = found.run.said or plain(found.run.message)
                self._say(rollout, reason("rollout.stuck-run", run=found.run.id, why=why))

    def _followed(self, rollout: Rollout) -> Followed:
        """Return the plan of the wave under way, its run and its steps, as far as there are any."""
        if rollout.plan is None:
            return Followed()
        with self._store.reading() as tx:
            try:
                plan = plans.readable(tx, rollout.plan)
            except NotFound:
                return Followed()
            if plan.run is None:
                return Followed(plan=plan)
            return Followed(
                plan=plan, run=runs.get_run(tx, plan.run), steps=runs.steps(tx, plan.run)
            )

    def _next(self, rollout: Rollout) -> None:
        """Plan the next wave and begin it, or end the rollout."""
        inventory, now = self._engine.inventory, self._clock.now()
        left = waves.left(rollout, inventory)
        if not left:
            said = reason("rollout.done", hosts=len(rollout.done), waves=rollout.number)
            ended = replace(rollout, state=RolloutState.DONE, ended_at=now, wave=(), said=said)
            self._put(ended, "done")
            return
        if rollout.due > now:
            return
        if (why := waves.not_yet(rollout, inventory)) is not None:
            self._say(rollout, why)
            return
        rules = self._engine.policies.rulebook(inventory)
        try:
            rollout, wave = self._planned(rollout, inventory, rules)
        except NoPlan as error:
            why = waves.blocked(error)
            if waves.passes(error):
                self._say(rollout, reason("rollout.busy", why=why))
            else:
                self._stumbled(replace(rollout, due=0.0), why)
            return
        self._submit(rollout, wave, inventory, rules)

    def _planned(
        self, rollout: Rollout, inventory: Inventory, rules: Rulebook
    ) -> tuple[Rollout, Wave]:
        """Return the next wave: the hosts that were foreseen for it, else others."""
        on = terms(inventory, rollout.wish, rules)
        hosts = waves.foreseen(rollout, inventory)
        found = plan_wave(inventory, hosts, on)
        if isinstance(found, Wave):
            return rollout, found
        anew = grouped(inventory, waves.left(rollout, inventory), on)
        if not anew.waves:
            raise no_rollout(inventory, rollout.pool, anew.stuck)
        shape = tuple(wave.hosts for wave in anew.waves)
        stuck = tuple(one for last in anew.stuck for one in last.hosts)
        shape += tuple((one,) for one in dict.fromkeys(stuck))
        return waves.reshaped(rollout, shape), anew.waves[0]

    def _submit(self, rollout: Rollout, wave: Wave, inventory: Inventory, rules: Rulebook) -> None:
        on = self._engine.keeping.prices.terms(rollout.by, waive=rollout.wish.waive or None)
        wish = MaintainHosts(pool=rollout.pool, hosts=wave.hosts, rollout=rollout.wish)
        inputs = Inputs(wish=wish, policies=rules.policies, terms=on)
        plan = finished(plan_of(wave, inventory, rollout.pool), on, inventory, rules)
        number = waves.number_of(rollout, wave.hosts)
        names = tuple(inventory.hosts[host].name for host in wave.hosts)
        said = reason("rollout.wave", number=number, hosts=names)
        rollout = replace(rollout, number=number, wave=wave.hosts, due=0.0, said=said)
        also = partial(_with_plan, rollout, keep(inputs, plan))
        origin = Origin(None, PlanState.RECOMMENDED, also)
        record = self._engine.submit(plan, rollout.id, inventory, origin)
        rollout = replace(rollout, plan=record.id)
        self._engine.rollouts.told(rollout)
        self._begin(rollout, Followed(plan=record))

    def _begin(self, rollout: Rollout, found: Followed) -> None:
        """Let the engine run the plan of a wave that was made and not begun."""
        if found.plan is None or found.plan.state not in waves.READY:
            why = reason("plan.rejected") if found.plan is None else found.plan.said
            self._stumbled(waves.dropped(rollout), why or reason("hint.plan-again"))
            return
        try:
            self._engine.run(found.plan.id, rollout.id)
        except Busy as error:
            self._say(rollout, reason("rollout.busy", why=why_of(error)))
        except Conflict as error:
            self._stumbled(waves.dropped(rollout), why_of(error))
        except AnypoolError as error:
            self._say(rollout, reason("rollout.busy", why=why_of(error)))

    def _passed(self, rollout: Rollout) -> None:
        """Take note that all hosts of a wave are back, and go on at once."""
        rollout = replace(waves.dropped(rollout, frozenset(rollout.wave)), attempts=0)
        with self._store.writing() as tx:
            rollouts.put(tx, rollout)
        self._engine.rollouts.told(rollout)
        self._next(rollout)

    def _failed(self, rollout: Rollout, found: Followed) -> None:
        back, now = waves.back(found), self._clock.now()
        if back >= frozenset(rollout.wave):
            self._passed(rollout)  # only VMs did not come back, which its operation says
        elif not rollout.due:
            assert found.run is not None
            self._stumbled(rollout, found.run.said or plain(found.run.message))
        elif now >= rollout.due:
            self._again(rollout, found)

    def _again(self, rollout: Rollout, found: Followed) -> None:
        """Try again: the steps about hosts that are handed over, or a new plan for the wave."""
        assert found.run is not None
        steps = waves.to_retry(found)
        rollout = replace(rollout, due=0.0, said=None)
        if steps is None:
            rollout = waves.dropped(rollout, waves.back(found))
        with self._store.writing() as tx:
            rollouts.put(tx, rollout)
        for number in steps or ():
            self._engine.retry(found.run.id, number, rollout.id)

    def _stumbled(self, rollout: Rollout, why: Reason) -> None:
        """Take note of a failure: wait for the next attempt, or for somebody."""
        again = waves.attempt(rollout, self._clock.now())
        if again is None:
            stopped = replace(rollout, state=RolloutState.WAITING, due=0.0)
            self._put(replace(stopped, said=reason("rollout.stopped", why=why)), "stopped",
                      loud=True)  # fmt: skip
            return
        said = reason("rollout.again", attempt=again.attempts, retries=again.wish.retries, why=why)
        self._put(replace(again, said=said), "failed", loud=True)

    def _say(self, rollout: Rollout, why: Reason) -> None:
        """Keep how it stands, if that is news."""
        if rollout.said != why:
            self._put(replace(rollout, said=why), "stands")

    def _put(self, rollout: Rollout, kind: str, by: str = "", *, loud: bool = False) -> Rollout:
        self._engine.rollouts.keep(rollout, kind=kind, by=by, loud=loud)
        return rollout


def _with_plan(rollout: Rollout, kept: Also, tx: Tx, plan: PlanId) -> None:
    begun = replace(rollout, plan=plan)
    kept(tx, plan)
    rollouts.put(tx, begun)
    events.append(tx, event_of(begun, "wave", rollout.id))
