"""The fewest hosts of a pool: as a plan of moves."""

import threading

from msgspec import Struct
from msgspec.structs import replace

from anypool.clock import Clock
from anypool.engine import Engine
from anypool.engine.loads.curves import METRIC, curves, whole_hours
from anypool.errors import Invalid
from anypool.model import Curve, Host, Inventory, VmId
from anypool.planner.fewest import Wish, plan_consolidation
from anypool.planner.rounds import Rounds
from anypool.planner.rules import Rulebook
from anypool.planner.wishes import fewest_of
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.energy import read_energy
from anypool.service.proposals import Asked, Proposal, Proposals
from anypool.settings import Settings

BUDGET_S = 20.0
"""The search for hosts to empty ends after so long with what it has."""
_ENOUGH = 24
"""Hours of the week that a curve has which is kept for the rest of the hour."""
LONGEST_S = 366 * 86_400


class Bounds(Struct, frozen=True, kw_only=True):
    """What counts: loads of the last `window_s`, which percentile, how much is kept free.

    See `planner.fewest.Wish` for the others.
    """

    window_s: int = 30 * 86_400
    percentile: float = 95.0
    headroom_percent: float = 20.0
    failures: int = 0
    least_hours: int = 24

    def check(self) -> None:
        """Raise `Invalid` for what makes no sense."""
        if not 3600 <= self.window_s <= LONGEST_S:
            raise Invalid("the window is an hour to a year", hint="such as 14d")
        if not 0 < self.percentile <= 100:
            raise Invalid("a percentile is above 0 and at most 100", hint="such as 95")
        if not 0 <= self.headroom_percent < 100:
            raise Invalid("the headroom is 0 to 99 %", hint="such as 20")
        if not 0 <= self.failures <= 8:
            raise Invalid("failures are 0 to 8", hint="such as 1")
        if not 1 <= self.least_hours <= 168:
            raise Invalid("a week has 1 to 168 hours", hint="such as 24")


class Consolidations:
    """The use case of needing fewer hosts."""

    def __init__(
        self, engine: Engine, proposals: Proposals, clock: Clock, settings: Settings
    ) -> None:
        self._engine = engine
        self._proposals = proposals
        self._clock = clock
        self._settings = settings
        self._known = _Known(engine)

    def pool(
        self, by: Principal, key: str, bounds: Bounds, *, close: bool, dry_run: bool
    ) -> Proposal:
        """Move VMs so that as many hosts of a pool as possible are empty.

        Raise `NotFound` for its name, `Invalid` for bounds, or for the file about energy. VMs
        that automation must not touch at all stay where they are.
        """
        require(by, Deed.OPERATE_HOST)
        bounds.check()
        measured = self.curves(by, key, bounds)
        end = self._clock.monotonic() + BUDGET_S

        def plan(inventory: Inventory, rules: Rulebook) -> Asked:
            wish = self.wish(inventory, key, rules, bounds, measured)
            wish = replace(wish, close=close)
            rounds = Rounds(late=lambda: self._clock.monotonic() > end)
            return Asked(plan_consolidation(inventory, wish, rounds), fewest_of(wish, rounds))

        return self._proposals.propose(by, Deed.OPERATE_HOST, plan, dry_run=dry_run)

    def curves(self, by: Principal, key: str, bounds: Bounds) -> dict[VmId, Curve]:
        """Return how busy the VMs of a pool are over the week; raise `NotFound` for its name."""
        require(by, Deed.READ)
        find.pool(self._engine.pools.all(), key)
        now, inventory = self._clock.now(), self._engine.inventory
        vms = [vm for host in hosts_of(inventory, key) for vm in held(inventory, host)]
        hours = whole_hours(max(0.0, now - bounds.window_s), now)
        return self._known.of(vms, hours, bounds)

    def wish(
        self,
        inventory: Inventory,
        key: str,
        rules: Rulebook,
        bounds: Bounds,
        measured: dict[VmId, Curve],
    ) -> Wish:
        """Return what is wanted of a pool, with what is known of its hosts' watts."""
        hosts = hosts_of(inventory, key)
        energy = read_energy(self._settings.energy_path, named=bool(self._settings.energy_file))
        vms = [vm for host in hosts for vm in held(inventory, host)]
        return Wish(
            hosts=frozenset(host.id for host in hosts),
            name=key,
            rules=rules,
            curves=measured,
            least_hours=bounds.least_hours,
            headroom_percent=bounds.headroom_percent,
            failures=bounds.failures,
            left_alone=rules.left_alone(vms),
            watts=energy.of(hosts, inventory),
            tariff=energy.tariff,
        )


class _Known:
    """Curves that were read within the hour: a plan after its preview need not read them again."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._of: tuple[range, float] | None = None
        self._curves: dict[VmId, Curve] = {}

    def of(self, vms: list[VmId], hours: range, bounds: Bounds) -> dict[VmId, Curve]:
        """Return the curves of VMs; those measured too little are read each time."""
        asked = (hours, bounds.percentile)
        with self._lock:
            known = self._curves if self._of == asked else {}
            missing = [vm for vm in vms if vm not in known]
            kept = self._engine.keeping.history.kept(missing, METRIC, hours)
            found = known | curves(kept, missing, hours, bounds.percentile)
            enough = {vm: one for vm, one in found.items() if one.hours >= _ENOUGH}
            self._of, self._curves = asked, enough
        return {vm: found[vm] for vm in vms if vm in found}


def hosts_of(inventory: Inventory, pool: str) -> list[Host]:
    """Return the hosts of a pool."""
    return [host for host in inventory.hosts.values() if host.pool == pool]


def held(inventory: Inventory, host: Host) -> list[VmId]:
    """Return the VMs that hold memory on a host."""
    return [vm.id for vm in inventory.holding(host.id)]
