"""Balancing a pool because somebody asks for it."""

from anypool.clock import Clock
from anypool.engine import Engine
from anypool.engine.loads.usage import Usages
from anypool.model import Inventory
from anypool.planner.rebalance import Aim, plan_rebalance
from anypool.planner.rounds import Rounds
from anypool.planner.rules import Rulebook
from anypool.planner.wishes import wish_of
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.proposals import Asked, Proposal, Proposals

BUDGET_S = 20.0
"""The search for moves ends after so long with what it has."""


class Balances:
    """The use case of evening out the loads of a pool's hosts."""

    def __init__(self, engine: Engine, proposals: Proposals, clock: Clock) -> None:
        self._engine = engine
        self._proposals = proposals
        self._clock = clock
        self._usages = Usages(engine.keeping.history, engine.loads, clock)

    def pool(self, by: Principal, key: str, *, dry_run: bool) -> Proposal:
        """Move VMs so that the hosts of a pool are alike; raise `NotFound` for its name.

        VMs that automation must not touch at all stay where they are.
        """
        require(by, Deed.OPERATE_HOST)
        find.pool(self._engine.pools.all(), key)
        end = self._clock.monotonic() + BUDGET_S

        def plan(inventory: Inventory, rules: Rulebook) -> Asked:
            aim = self._aim(inventory, key, rules)
            rounds = Rounds(late=lambda: self._clock.monotonic() > end)
            made = plan_rebalance(inventory, aim, rounds)
            return Asked(made, wish_of(aim, rounds))

        return self._proposals.propose(by, Deed.OPERATE_HOST, plan, dry_run=dry_run)

    def _aim(self, inventory: Inventory, pool: str, rules: Rulebook) -> Aim:
        hosts = frozenset(host.id for host in inventory.hosts.values() if host.pool == pool)
        vms = [vm.id for host in hosts for vm in inventory.holding(host)]
        alone = rules.left_alone(vms)
        return Aim(
            hosts=hosts, name=pool, rules=rules, usages=self._usages.of(vms), left_alone=alone
        )
