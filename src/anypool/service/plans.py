"""Plans: list them, read them, decide on them."""

from msgspec import Struct

from anypool.engine import Engine
from anypool.errors import Conflict
from anypool.model import PlanId
from anypool.plan import PlanState, reason
from anypool.search import Noun, parse
from anypool.service.access import Deed, Principal, require
from anypool.service.pages import Ask, Page, page
from anypool.service.proposals import Proposal
from anypool.store import Store, plans, runs
from anypool.store.pages import Ask as StoreAsk
from anypool.store.records import PlanRecord, PlanSummary, StepRecord

SEARCHED = 1000
"""A query looks at so many of the newest plans, operations or events."""


class FollowedPlan(Struct, frozen=True, kw_only=True):
    """A plan, and how its steps stand if it ever ran."""

    record: PlanRecord
    steps: tuple[StepRecord, ...] = ()


class Plans:
    """The use cases of a plan."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store

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
        return FollowedPlan(record=record, steps=steps)

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
        return self.get(by, plan)
