"""Plans: list them, read them, decide on them."""

from contextlib import suppress

from msgspec import Struct

from anypool.engine import Engine
from anypool.engine.watching.watch import Watch
from anypool.errors import Conflict, Invalid
from anypool.model import PlanId, Policy
from anypool.plan import Correction, PlanState, Reason, reason, say
from anypool.plan.compare import Compared, compare
from anypool.planner.wish import Inputs, decode_inputs
from anypool.planner.without import taken_out
from anypool.search import Noun, parse
from anypool.service.access import Deed, Principal, require
from anypool.service.pages import Ask, Page, page
from anypool.service.proposals import Proposal
from anypool.store import Store, Tx, events, planinputs, plans, runs
from anypool.store.pages import Ask as StoreAsk
from anypool.store.records import EventRecord, PlanRecord, PlanSummary, StepRecord

SEARCHED = 1000
"""A query looks at so many of the newest plans, operations or events."""


class FollowedPlan(Struct, frozen=True, kw_only=True):
    """A plan, how its steps stand if it ever ran, and what its price was corrected with.

    `corrections` is None where nobody kept what the plan was made from. `taken_out` is what
    somebody took out of it, as the policies it was planned with beside those of the pool.
    """

    record: PlanRecord
    steps: tuple[StepRecord, ...] = ()
    corrections: tuple[Correction, ...] | None = None
    taken_out: tuple[Policy, ...] = ()

    @property
    def remade_from(self) -> str:
        """The plan that it was taken out of last, "" if nothing was."""
        return self.taken_out[0].description if self.taken_out else ""


class PlanDifference(Struct, frozen=True, kw_only=True):
    """Two plans, and what became of each step."""

    old: PlanRecord
    new: PlanRecord
    steps: tuple[Compared, ...]


class Plans:
    """The use cases of a plan."""

    def __init__(self, engine: Engine, store: Store, watch: Watch) -> None:
        self._engine = engine
        self._store = store
        self._watch = watch

    def list(self, by: Principal, ask: Ask) -> Page[PlanSummary]:
        """Return a page of plans, newest first; a query looks at the newest thousand."""
        require(by, Deed.READ)
        with self._store.reading() as tx:
            if not ask.query:
                return plans.list_plans(tx, StoreAsk(limit=ask.limit, cursor=ask.cursor))
            newest = plans.list_plans(tx, StoreAsk(limit=SEARCHED)).items
            now = tx.now
        rows = parse(ask.query, Noun.PLAN).filter(newest, self._engine.inventory, now)
        return page(rows, lambda row: row.id, ask)

    def get(self, by: Principal, plan: str) -> FollowedPlan:
        """Return a plan with the steps of its latest run; raise `NotFound`."""
        require(by, Deed.READ)
        with self._store.reading() as tx:
            record = plans.readable(tx, PlanId(plan))
            steps = () if record.run is None else runs.steps(tx, record.run)
            inputs = _inputs(tx, record.id)
        return FollowedPlan(
            record=record,
            steps=steps,
            corrections=None if inputs is None else inputs.terms.model.corrections,
            taken_out=() if inputs is None else taken_out(inputs.policies),
        )

    def compare(self, by: Principal, plan: str, to: str = "") -> PlanDifference:
        """Return what differs from another plan to this one.

        Without `to`, that is the one the same policy made before. Raise `NotFound`, or
        `Invalid` where there is none.
        """
        require(by, Deed.READ)
        with self._store.reading() as tx:
            new = plans.get(tx, PlanId(plan))
            key = PlanId(to) if to else _before(tx, new)
            old = plans.get(tx, key)
        return PlanDifference(old=old, new=new, steps=compare(old.plan, new.plan))

    def approve(self, by: Principal, plan: str) -> FollowedPlan:
        """Accept a recommended plan without running it yet; raise `NotFound` or `Conflict`.

        It is refused if it would break policies as they are now: they may be newer than it.
        """
        require(by, Deed.DECIDE_PLAN)
        with self._store.reading() as tx:
            record = plans.get(tx, PlanId(plan))
        if record.state is PlanState.RECOMMENDED:
            self._engine.policies.allow(record.plan, self._engine.inventory)
        return self._decide(by, plan, PlanState.APPROVED, {PlanState.RECOMMENDED}, "approved")

    def reject(self, by: Principal, plan: str) -> FollowedPlan:
        """Put a plan aside that did not run; raise `NotFound` or `Conflict`."""
        waiting = {PlanState.RECOMMENDED, PlanState.APPROVED}
        return self._decide(by, plan, PlanState.CANCELLED, waiting, "rejected-by")

    def run(self, by: Principal, plan: str) -> Proposal:
        """Carry a plan out; raise `Conflict` if the world changed, `Busy` if its VMs are in use."""
        require(by, Deed.DECIDE_PLAN)
        with self._store.reading() as tx:
            record = plans.get(tx, PlanId(plan))
        if record.state not in {PlanState.RECOMMENDED, PlanState.APPROVED}:
            raise Conflict(f"plan {plan} is {record.state}", hint="make a new plan")
        run = self._engine.run(record.id, by.name)
        return Proposal(plan=self.get(by, plan).record, run=run)

    def _decide(
        self, by: Principal, plan: str, new: PlanState, only_from: set[PlanState], word: str
    ) -> FollowedPlan:
        require(by, Deed.DECIDE_PLAN)
        with self._store.writing() as tx:
            note = reason(f"plan.{word}", who=by.name)
            plans.set_state(tx, PlanId(plan), new, only_from=only_from, note=note)
            events.append(tx, _decided(PlanId(plan), new, note, by.name))
        self._watch.wake()
        return self.get(by, plan)


def _decided(plan: PlanId, new: PlanState, note: Reason, by: str) -> EventRecord:
    word = "approved" if new is PlanState.APPROVED else "rejected"
    return EventRecord(
        kind=f"plan.{word}",
        message=say(note),
        said=note,
        subject_kind="plan",
        subject_id=plan,
        by=by,
        plan=plan,
    )


def _inputs(tx: Tx, plan: PlanId) -> Inputs | None:
    """Return what a plan was made from, None where nobody here can say."""
    stored = planinputs.get(tx, plan)
    if stored is None:
        return None
    with suppress(Invalid):
        return decode_inputs(stored.body)
    return None


def _before(tx: Tx, plan: PlanRecord) -> PlanId:
    """Return the plan that the same policy made before one."""
    mine = () if plan.policy is None else plans.of_policy(tx, plan.policy)
    older = [one.id for one in mine if one.created_at < plan.created_at and one.id != plan.id]
    if not older:
        hint = "name the plan to compare with: `anypool plan diff PLAN OTHER`"
        raise Invalid(f"no plan of the same policy came before {plan.id}", hint=hint)
    return older[0]
