"""Saving power: close hosts that are not needed, wake them, and prove that they wake."""

from msgspec import Struct

from anypool.clock import Clock
from anypool.engine import Engine
from anypool.engine.usage import Usages
from anypool.errors import Invalid
from anypool.model import HostId, Inventory, VmId
from anypool.model.window import window_of
from anypool.planner.rules import Rulebook
from anypool.planner.saving import Order
from anypool.planner.wishes import ProveWake, SavePower
from anypool.search import hosts_matching
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.consolidations import hosts_of
from anypool.service.energy import read_energy
from anypool.service.proposals import Proposal, Proposals
from anypool.settings import Settings

DAY_S = 86_400.0


class Saving(Struct, frozen=True, kw_only=True):
    """How much is kept, and when; see `planner.saving.Order`.

    `keep` is a query for hosts that stay on. `window` is when hosts may be closed
    (`model.window`, empty for always); `up` is when all hosts are to be up.
    """

    low_percent: float = 40.0
    high_percent: float = 75.0
    reserve: int = 0
    failures: int = 0
    proven_days: int = 30
    keep: str = ""
    window: str = ""
    up: str = ""

    def check(self) -> None:
        """Raise `Invalid` for what makes no sense."""
        if not 0 <= self.low_percent < self.high_percent <= 100:
            hint = "such as --low 40 --high 75: the distance keeps hosts from going on and off"
            raise Invalid("low is to be below high, both 0 to 100 %", hint=hint)
        if not 0 <= self.reserve <= 1000:
            raise Invalid("hosts in reserve are 0 to 1000", hint="such as 1")
        if not 0 <= self.failures <= 8:
            raise Invalid("failures are 0 to 8", hint="such as 1")
        if not 1 <= self.proven_days <= 3650:
            raise Invalid("a proof holds for 1 to 3650 days", hint="such as 30")
        window_of(self.window)
        window_of(self.up)

    def may_close(self, at: float) -> bool:
        """Return whether hosts may be closed at a moment, in seconds since 1970."""
        window = window_of(self.window)
        return window is None or window.is_open(at)

    def all_up(self, at: float) -> bool:
        """Return whether all hosts are to be up at a moment, in seconds since 1970."""
        up = window_of(self.up)
        return up is not None and up.is_open(at)


class Power:
    """The use cases of saving power."""

    def __init__(
        self, engine: Engine, proposals: Proposals, clock: Clock, settings: Settings
    ) -> None:
        self._engine = engine
        self._proposals = proposals
        self._clock = clock
        self._settings = settings
        self._usages = Usages(engine.keeping.history, engine.loads, clock)

    def save(self, by: Principal, key: str, saving: Saving, *, dry_run: bool) -> Proposal:
        """Close one host of a pool or wake one; raise `NotFound` for its name, or `Invalid`."""
        require(by, Deed.OPERATE_HOST)
        saving.check()
        find.pool(self._engine.pools.all(), key)

        def plan(inventory: Inventory, rules: Rulebook) -> SavePower:
            hosts = frozenset(host.id for host in hosts_of(inventory, key))
            return SavePower(order=self._order(inventory, key, hosts, rules, saving))

        return self._proposals.propose(by, Deed.OPERATE_HOST, plan, dry_run=dry_run)

    def prove(self, by: Principal, key: str, *, dry_run: bool) -> Proposal:
        """Switch a host off and on to see that it wakes; raise `NotFound`, or why it cannot be."""

        def plan(inventory: Inventory, _: Rulebook) -> ProveWake:
            return ProveWake(host=find.host(inventory, key).id)

        return self._proposals.propose(by, Deed.OPERATE_HOST, plan, dry_run=dry_run)

    def _order(
        self,
        inventory: Inventory,
        name: str,
        hosts: frozenset[HostId],
        rules: Rulebook,
        saving: Saving,
    ) -> Order:
        now = self._clock.now()
        vms = _held(inventory, hosts)
        energy = read_energy(self._settings.energy_path, named=bool(self._settings.energy_file))
        records = [inventory.hosts[key] for key in sorted(hosts)]
        return Order(
            hosts=hosts,
            name=name,
            usages=self._usages.of(vms),
            now=now,
            low_percent=saving.low_percent,
            high_percent=saving.high_percent,
            reserve=saving.reserve,
            failures=saving.failures,
            proven_s=saving.proven_days * DAY_S,
            may_close=saving.may_close(now),
            all_up=saving.all_up(now),
            keep=hosts_matching(saving.keep, inventory),
            left_alone=rules.left_alone(vms),
            watts=dict(energy.of(records, inventory)),
        )


def _held(inventory: Inventory, hosts: frozenset[HostId]) -> list[VmId]:
    return [vm.id for host in sorted(hosts) for vm in inventory.holding(host)]
