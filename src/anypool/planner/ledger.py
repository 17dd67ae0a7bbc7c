"""Room given to one VM after the other, each with those before it counted; without words.

Who is refused, and who waits for words, asks `choose` with the inventory of that moment.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from msgspec.structs import replace

from anypool.model import HostId, Inventory, Vm
from anypool.planner.contest import of_field, winner
from anypool.planner.field import Field, field_of
from anypool.planner.rules import Rulebook
from anypool.planner.sieve import allowed, missed, suited


class Ledger:
    """What is given away of the hosts of a field; `rules` bind its inventory."""

    def __init__(self, field: Field, rules: Rulebook) -> None:
        self._field = field
        self._rules = rules
        self._inventory = field.inventory
        self._given: Counter[HostId] = Counter()

    def best(self, vm: Vm) -> HostId | None:
        """Return the host that `choose` would for a VM that is only wished for, None if none."""
        field, needs = self._field, self._rules.needs_of_new(self._inventory, vm)
        rows = np.flatnonzero(suited(field, vm) & allowed(field, needs))
        return winner(of_field(field, rows, vm, missed(field, needs)))

    def give(self, host: HostId, memory_mib: int) -> None:
        """Let everybody after this find so much less memory on a host."""
        self._given[host] += memory_mib
        self._field.lend(host, memory_mib)

    def inventory(self) -> Inventory:
        """Return the hosts with everything booked that was given so far."""
        hosts = self._inventory.hosts
        more = {
            key: replace(hosts[key], booked_mib=hosts[key].booked_mib + given)
            for key, given in self._given.items()
        }
        return self._inventory._replace(hosts=hosts.patched(more))


@contextmanager
def ledger_of(inventory: Inventory, rules: Rulebook) -> Iterator[Ledger]:
    """Give an empty ledger of an inventory that `rules` bind, until the block ends."""
    with field_of(inventory) as field:
        yield Ledger(field, rules)
