"""A plan is made again from its wish, on the pool as it is now, without what somebody takes out."""

from anypool.clock import Clock
from anypool.engine import Engine
from anypool.errors import Conflict
from anypool.model import Inventory, PlanId
from anypool.planner.rules import Rulebook
from anypool.planner.wish import Inputs, decode_inputs
from anypool.planner.without import Without, about, read, reduced, remade, said
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.proposals import Asked, Proposal, Proposals
from anypool.store import Store, planinputs, plans

BUDGET_S = 20.0
"""A search for moves ends after so long with what it has."""


class Remaking:
    """The use case of changing one's mind about a plan: never the plan itself, always a new one."""

    def __init__(self, engine: Engine, store: Store, proposals: Proposals, clock: Clock) -> None:
        self._engine = engine
        self._store = store
        self._proposals = proposals
        self._clock = clock

    def plan(
        self, by: Principal, key: str, *, vms: tuple[str, ...], hosts: tuple[str, ...]
    ) -> Proposal:
        """Store and return a new plan of the same wish; nothing is run, the old plan stays.

        VMs and hosts are ids or names; what was taken out of the old plan stays out. Raise
        `NotFound`, `Conflict` where nobody knows what was wished or nothing would be left of it,
        and whatever the planner raises.
        """
        require(by, Deed.DECIDE_PLAN)
        inputs = self._inputs(key)
        end = self._clock.monotonic() + BUDGET_S

        def plan(inventory: Inventory, rules: Rulebook) -> Asked:
            out = _together(read(inputs.policies, inventory), _named(inventory, vms, hosts))
            _check(inputs, out, inventory)
            policies = (*rules.policies, *said(out, inventory, PlanId(key)))
            wish = reduced(inputs.wish, out, inventory)
            bound = Rulebook.on(policies, inventory)
            made, again = remade(wish, inventory, bound, lambda: self._clock.monotonic() > end)
            return Asked(made, again, policies)

        return self._proposals.propose(by, Deed.DECIDE_PLAN, plan, dry_run=True)

    def _inputs(self, key: str) -> Inputs:
        with self._store.reading() as tx:
            record = plans.readable(tx, PlanId(key))
            stored = planinputs.get(tx, record.id)
        if stored is None:
            hint = "ask for it anew where it was asked for first"
            raise Conflict(f"nobody kept what {key} was made from", hint=hint)
        return decode_inputs(stored.body)


def _named(inventory: Inventory, vms: tuple[str, ...], hosts: tuple[str, ...]) -> Without:
    return Without(
        vms=frozenset(find.vm(inventory, one).id for one in vms),
        hosts=frozenset(find.host(inventory, one).id for one in hosts),
    )


def _together(old: Without, new: Without) -> Without:
    return Without(vms=old.vms | new.vms, hosts=old.hosts | new.hosts)


def _check(inputs: Inputs, out: Without, inventory: Inventory) -> None:
    """Raise `Conflict` if the plan is about what was taken out."""
    subject = about(inputs.wish)
    names = [inventory.vms[one].name for one in subject.vms & out.vms]
    names += [inventory.hosts[one].name for one in subject.hosts & out.hosts]
    if names:
        hint = "reject the plan instead"
        raise Conflict(f"the plan is about {', '.join(sorted(names))}", hint=hint)
