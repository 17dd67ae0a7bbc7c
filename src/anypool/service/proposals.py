"""From a wish to a stored plan and, unless it is only a preview, to its run."""

import threading
from collections.abc import Callable

from msgspec import Struct

from anypool.engine import Engine
from anypool.engine.records.archive import Origin
from anypool.engine.records.inputs import keep
from anypool.model import Inventory, Policy
from anypool.plan import Plan
from anypool.planner import cancel
from anypool.planner.rules import Rulebook
from anypool.planner.wish import Inputs, finished
from anypool.planner.wishes import AnyWish
from anypool.service.access import Deed, Principal, require
from anypool.store.records import PlanRecord, RunRecord


class Asked(Struct, frozen=True):
    """A plan, and the wish that makes it again.

    `policies` are those that it was planned with, None for those of the pool.
    """

    plan: Plan
    wish: AnyWish
    policies: tuple[Policy, ...] | None = None


Planner = Callable[[Inventory, Rulebook], Plan | AnyWish | Asked]
"""Makes a wish, or a plan, of an inventory and the rules that bind it.

What comes from a wish can be made again later; of a mere plan nobody knows from what.
"""


class Proposal(Struct, frozen=True, kw_only=True):
    """A stored plan, and its run once somebody accepted it."""

    plan: PlanRecord
    run: RunRecord | None = None


class Proposals:
    """Turn wishes into plans; wishes that are carried out at once are decided one at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._prices = engine.keeping.prices
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
        cancel.check()  # it may have waited for its turn
        self._engine.must_lead()
        inventory = self._engine.inventory
        rules = self._engine.policies.rulebook(inventory)
        asked = plan(inventory, rules)
        terms = self._prices.terms(by.name, waive=waive)
        outlook = self._engine.policies.outlook
        if isinstance(asked, Plan):
            made = finished(asked, terms, inventory, rules, outlook)
            return self._engine.submit(made, by.name, inventory)
        if not isinstance(asked, Asked):
            asked = Asked(asked.plan(inventory, rules), asked)
        policies = rules.policies if asked.policies is None else asked.policies
        inputs = Inputs(wish=asked.wish, policies=policies, terms=terms)
        made = finished(asked.plan, terms, inventory, rules, outlook)
        origin = Origin(also=keep(inputs, made))
        return self._engine.submit(made, by.name, inventory, origin)
