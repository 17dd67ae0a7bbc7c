"""From a wish to a stored plan and, unless it is only a preview, to its run."""

import threading
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from anypool.engine import Engine
from anypool.errors import Conflict
from anypool.model import Inventory
from anypool.plan import CostModel, Plan, Reason, named, priced, reason, refuse
from anypool.planner.failover import weakened
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

    def propose(
        self, by: Principal, deed: Deed, plan: Planner, *, dry_run: bool, waive: bool = False
    ) -> Proposal:
        """Plan on what is known now, store the plan, and run it unless `dry_run`.

        Raises whatever `plan` raises, `Denied`, and `Busy` or `Conflict` if it cannot run; also
        `Conflict` if less would survive a failure, unless `waive`: the plan then says so.
        """
        require(by, deed)
        if dry_run:
            return Proposal(plan=self._submitted(by, plan, waive=waive))
        with self._deciding:
            record = self._submitted(by, plan, waive=waive)
            run = self._engine.run(record.id, by.name)
        return Proposal(plan=record, run=run)

    def _submitted(self, by: Principal, plan: Planner, *, waive: bool) -> PlanRecord:
        self._engine.must_lead()
        inventory = self._engine.inventory
        rules = self._engine.policies.rulebook(inventory)
        made = plan(inventory, rules)
        if against := weakened(made, inventory, rules.bounds):
            made = _waived(made, by, against, waive=waive)
        made = priced(made, inventory, CostModel(), self._slots)
        return self._engine.submit(named(made, inventory), by.name, inventory)


def _waived(plan: Plan, by: Principal, against: tuple[Reason, ...], *, waive: bool) -> Plan:
    """Return the plan with what was overruled; raise `Conflict` if nobody overruled it."""
    if not waive:
        raise refuse(Conflict, reason("no.spare", why=against), reason("hint.ignore-failover"))
    return replace(plan, waived=(reason("plan.waived", who=by.name, why=against),))
