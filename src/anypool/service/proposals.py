"""From a wish to a stored plan and, unless it is only a preview, to its run."""

import threading
from collections.abc import Callable

from msgspec import Struct

from anypool.engine import Engine
from anypool.model import Inventory
from anypool.plan import CostModel, Plan, named, priced
from anypool.planner.rules import Rulebook
from anypool.service.access import Deed, Principal, require
from anypool.settings import Settings
from anypool.store.records import PlanRecord, RunRecord

Planner = Callable[[Inventory, Rulebook], Plan]
"""Makes a plan of an inventory and the rules that bind it."""


class Proposal(Struct, frozen=True, kw_only=True):
    """A stored plan, and its run once somebody accepted it."""

    plan: PlanRecord
    run: RunRecord | None = None


class Proposals:
    """Turn wishes into plans; wishes that are carried out at once are decided one at a time."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._slots = settings.moves_per_pool
        self._deciding = threading.Lock()

    def propose(self, by: Principal, deed: Deed, plan: Planner, *, dry_run: bool) -> Proposal:
        """Plan on what is known now, store the plan, and run it unless `dry_run`.

        Raises whatever `plan` raises, `Denied`, and `Busy` or `Conflict` if it cannot run.
        """
        require(by, deed)
        if dry_run:
            return Proposal(plan=self._submitted(by, plan))
        with self._deciding:
            record = self._submitted(by, plan)
            run = self._engine.run(record.id, by.name)
        return Proposal(plan=record, run=run)

    def _submitted(self, by: Principal, plan: Planner) -> PlanRecord:
        self._engine.must_lead()
        inventory = self._engine.inventory
        made = plan(inventory, self._engine.policies.rulebook(inventory))
        made = priced(made, inventory, CostModel(), self._slots)
        return self._engine.submit(named(made, inventory), by.name, inventory)
