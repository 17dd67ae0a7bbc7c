"""What every wish is: a value that a planner makes a plan of."""

from msgspec import Struct

from anypool.model import Inventory
from anypool.plan import Plan
from anypool.planner.rebalance.search import never
from anypool.planner.rounds import Late
from anypool.planner.rules import Rulebook


class Wish(Struct, frozen=True, kw_only=True, tag_field="wish", forbid_unknown_fields=True):
    """What all wishes are: values that make a plan of an inventory and its rules."""

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the plan; raise what its planner raises. `late` ends a search early."""
        raise NotImplementedError
