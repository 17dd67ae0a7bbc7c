"""Whether failures of hosts are still survived without those that become empty."""

from collections.abc import Iterable

from msgspec.structs import replace

from anypool.model import (
    Bound,
    Failover,
    HostId,
    HostState,
    Inventory,
    PolicyId,
    Strength,
)
from anypool.plan import Reason
from anypool.planner.failover import Spare, spares, told
from anypool.planner.fewest.problem import Wish

WANTED = PolicyId("--failures")
"""What the failures that were asked for are called beside policies."""


class Survival:
    """The failover policies that are musts, and the failures asked for, before and without hosts.

    Less must not be survived without the emptied hosts than was with them.
    """

    def __init__(self, inventory: Inventory, wish: Wish) -> None:
        self._musts = tuple(
            bound
            for bound in wish.rules.bounds
            if not isinstance(bound.rule, Failover) or bound.strength is Strength.MUST
        )
        if wish.failures:
            asked = Failover(failures=wish.failures)
            self._musts += (Bound(policy=WANTED, rule=asked, hosts=wish.hosts),)
        self.asked = any(isinstance(bound.rule, Failover) for bound in self._musts)
        found = spares(inventory, self._musts) if self.asked else ()
        self._before = {one.policy: one for one in found}

    @property
    def wanted(self) -> Spare | None:
        """Return whether the failures that were asked for are survived now, None if none were."""
        return self._before.get(WANTED)

    def against(self, inventory: Inventory, empty: Iterable[HostId]) -> Reason | None:
        """Return what would be survived less without some hosts, None if nothing."""
        if not self.asked:
            return None
        for key in empty:
            host = replace(inventory.hosts[key], state=HostState.OFF)
            inventory = inventory.with_host(host)
        for one in spares(inventory, self._musts):
            if one.worse_than(self._before[one.policy]):
                return told(one, inventory)
        return None
