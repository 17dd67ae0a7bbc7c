"""From the bounds of a rule to the order of one round: what is used, drawn and left alone now."""

import logging
from collections.abc import Callable, Mapping

from anypool.clock import Clock
from anypool.engine.engine import Engine
from anypool.engine.loads.usage import Usages
from anypool.errors import AnypoolError
from anypool.model import HostId, Inventory, Power, PowerSaving, VmId
from anypool.model.energy import NO_TARIFF, Tariff, Watts
from anypool.model.window import window_of
from anypool.planner.rules import Rulebook
from anypool.planner.saving import Order
from anypool.search import hosts_matching

log = logging.getLogger(__name__)

DAY_S = 86_400.0
FRESH_S = 600.0
"""Watts that a BMC told longer ago say nothing of now."""

Energy = tuple[Mapping[HostId, Watts], Tariff]


def no_energy(hosts: frozenset[HostId], inventory: Inventory) -> Energy:
    """Return that nobody said what hosts draw and what a kWh costs."""
    return {}, NO_TARIFF


class PowerOrders:
    """Makes the orders of policies and of commands, from one statement of the bounds.

    `energy` says what hosts draw and what a kWh costs; it may raise `Invalid`.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._usages = Usages(engine.keeping.history, engine.loads, clock)
        self.energy: Callable[[frozenset[HostId], Inventory], Energy] = no_energy

    def order(
        self,
        rule: PowerSaving,
        hosts: frozenset[HostId],
        pool: tuple[str, Inventory, Rulebook],
        *,
        failures: int = 0,
        energy: Energy,
    ) -> Order:
        """Return what is asked of some hosts now; `pool` is a name, the pool and its rules."""
        name, inventory, rules = pool
        now, vms = self._clock.now(), _held(inventory, hosts)
        window, up = window_of(rule.window), window_of(rule.up)
        watts, tariff = energy
        return Order(
            hosts=hosts,
            name=name,
            usages=self._usages.of(vms),
            now=now,
            low_percent=rule.low_percent,
            high_percent=rule.high_percent,
            reserve=rule.reserve,
            failures=failures,
            proven_s=rule.proven_days * DAY_S,
            renew=rule.renew,
            may_close=window is None or window.is_open(now),
            all_up=up is not None and up.is_open(now),
            keep=hosts_matching(rule.keep, inventory),
            left_alone=rules.left_alone(vms),
            watts=dict(watts),
            drawn=self._drawn(hosts, now),
            tariff=tariff,
        )

    def known_energy(self, hosts: frozenset[HostId], inventory: Inventory) -> Energy:
        """Return what is known of energy; a file that cannot be read stops no policy."""
        try:
            return self.energy(hosts, inventory)
        except AnypoolError as error:
            log.warning("saving power without watts: %s", error)
            return no_energy(hosts, inventory)

    def _drawn(self, hosts: frozenset[HostId], now: float) -> dict[HostId, float]:
        """Return the watts that BMCs told of hosts that are on, a short while ago."""
        found: dict[HostId, float] = {}
        for one in self._engine.bmcs.all():
            if one.bmc.host not in hosts or one.message or now - one.read_at > FRESH_S:
                continue
            if one.reading.power is Power.ON and one.reading.watts is not None:
                found[one.bmc.host] = one.reading.watts
        return found


def _held(inventory: Inventory, hosts: frozenset[HostId]) -> list[VmId]:
    return [vm.id for host in sorted(hosts) for vm in inventory.holding(host)]
