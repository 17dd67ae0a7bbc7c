"""Saving power: close hosts that are not needed, wake them, and prove that they wake."""

from functools import partial

from anypool.engine import Engine
from anypool.engine.watching.powerorders import Energy, PowerOrders
from anypool.errors import Invalid
from anypool.model import HostId, Inventory, PowerSaving
from anypool.planner.rules import Rulebook
from anypool.planner.rules.bind import check_power
from anypool.planner.wishes import ProveWake, SavePower
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.consolidations import hosts_of
from anypool.service.energy import read_energy
from anypool.service.proposals import Proposal, Proposals
from anypool.settings import Settings


class Power:
    """The use cases of saving power; they and the policies share one statement of the bounds."""

    def __init__(
        self, engine: Engine, proposals: Proposals, orders: PowerOrders, settings: Settings
    ) -> None:
        self._engine = engine
        self._proposals = proposals
        self._orders = orders
        orders.energy = partial(_energy, settings)

    def save(
        self, by: Principal, key: str, bounds: PowerSaving, failures: int, *, dry_run: bool
    ) -> Proposal:
        """Close one host of a pool or wake one; raise `NotFound` for its name, or `Invalid`.

        Of the bounds, those of a policy alone (level, hold, cool-down) say nothing here.
        """
        require(by, Deed.OPERATE_HOST)
        check_power(bounds)
        if not 0 <= failures <= 8:
            raise Invalid("failures are 0 to 8", hint="such as 1")
        find.pool(self._engine.pools.all(), key)

        def plan(inventory: Inventory, rules: Rulebook) -> SavePower:
            hosts = frozenset(host.id for host in hosts_of(inventory, key))
            energy = self._orders.energy(hosts, inventory)
            pool = (key, inventory, rules)
            order = self._orders.order(bounds, hosts, pool, failures=failures, energy=energy)
            return SavePower(order=order)

        return self._proposals.propose(by, Deed.OPERATE_HOST, plan, dry_run=dry_run)

    def prove(self, by: Principal, key: str, *, dry_run: bool) -> Proposal:
        """Switch a host off and on to see that it wakes; raise `NotFound`, or why it cannot be."""

        def plan(inventory: Inventory, _: Rulebook) -> ProveWake:
            return ProveWake(host=find.host(inventory, key).id)

        return self._proposals.propose(by, Deed.OPERATE_HOST, plan, dry_run=dry_run)


def _energy(settings: Settings, hosts: frozenset[HostId], inventory: Inventory) -> Energy:
    """Return what the energy file says of hosts; raise `Invalid` for what is not understood."""
    energy = read_energy(settings.energy_path, named=bool(settings.energy_file))
    records = [inventory.hosts[key] for key in sorted(hosts)]
    return energy.of(records, inventory), energy.tariff
