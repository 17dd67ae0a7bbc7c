"""Operations, which are the runs of plans: follow and steer them."""

from collections.abc import Callable

from msgspec import Struct

from anypool.engine import Engine
from anypool.errors import Conflict, NotFound
from anypool.model import RunId
from anypool.plan import Reason
from anypool.search import Noun, parse
from anypool.service.access import Deed, Principal, require
from anypool.service.pages import Ask, Page, page
from anypool.service.plans import SEARCHED
from anypool.store import Store, Tx, plans, runs
from anypool.store.pages import Ask as StoreAsk
from anypool.store.records import FINAL_RUN_STATES, PlanRecord, RunRecord, StepRecord


class Operation(Struct, frozen=True, kw_only=True):
    """A run, what it is for, and how its steps stand."""

    run: RunRecord
    goal: str
    aim: Reason | None
    steps: tuple[StepRecord, ...]


class OperationInFull(Struct, frozen=True, kw_only=True):
    """A run with its plan and steps."""

    run: RunRecord
    plan: PlanRecord
    steps: tuple[StepRecord, ...]


class Operations:
    """The use cases of an operation."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store

    def list(self, by: Principal, ask: Ask) -> Page[Operation]:
        """Return a page of operations, newest first; a query looks at the newest thousand."""
        require(by, Deed.READ)
        with self._store.reading() as tx:
            found = self._page(tx, ask)
            items = tuple(_operation(tx, run) for run in found.items)
        return Page(items=items, total=found.total, next=found.next)

    def get(self, by: Principal, run: str) -> OperationInFull:
        """Return one operation; raise `NotFound`. A plan of another release shows no steps."""
        require(by, Deed.READ)
        with self._store.reading() as tx:
            record = runs.get_run(tx, RunId(run))
            plan = plans.readable(tx, record.plan)
            return OperationInFull(run=record, plan=plan, steps=runs.steps(tx, record.id))

    def pause(self, by: Principal, run: str) -> OperationInFull:
        """Let running steps finish and begin no others; raise `NotFound` or `Conflict`."""
        return self._steer(by, run, self._engine.pause)

    def resume(self, by: Principal, run: str) -> OperationInFull:
        """Go on after a pause; raise `NotFound` or `Conflict`."""
        return self._steer(by, run, self._engine.resume)

    def cancel(self, by: Principal, run: str) -> OperationInFull:
        """Begin no more steps and call migrations back; raise `NotFound` or `Conflict`."""
        return self._steer(by, run, self._engine.cancel)

    def skip(self, by: Principal, run: str, step: int) -> OperationInFull:
        """Treat a step as if it were not there; raise `NotFound` or `Conflict`."""
        return self._steer(by, run, lambda r, who: self._engine.skip(r, step, who), step)

    def retry(self, by: Principal, run: str, step: int) -> OperationInFull:
        """Try a step again that failed; raise `NotFound` or `Conflict`."""
        return self._steer(by, run, lambda r, who: self._engine.retry(r, step, who), step)

    def _steer(
        self,
        by: Principal,
        run: str,
        deed: Callable[[RunId, str], None],
        step: int | None = None,
    ) -> OperationInFull:
        require(by, Deed.STEER_RUN)
        found = self.get(by, run)
        if step is not None and step not in {record.number for record in found.steps}:
            raise NotFound(f"operation {run} has no step {step}")
        if found.run.state in FINAL_RUN_STATES and step is None:
            raise Conflict(f"operation {run} is {found.run.state}", hint="it has ended")
        deed(found.run.id, by.name)
        return self.get(by, run)

    def _page(self, tx: Tx, ask: Ask) -> Page[RunRecord]:
        if not ask.query:
            return runs.list_runs(tx, StoreAsk(limit=ask.limit, cursor=ask.cursor))
        newest = runs.list_runs(tx, StoreAsk(limit=SEARCHED)).items
        rows = parse(ask.query, Noun.OPERATION).filter(newest, self._engine.inventory, tx.now)
        return page(rows, lambda run: run.id, ask)


def _operation(tx: Tx, run: RunRecord) -> Operation:
    plan = plans.summary(tx, run.plan)
    return Operation(run=run, goal=plan.goal, aim=plan.aim, steps=runs.steps(tx, run.id))
