"""What a plan comes to, in whole numbers: the same judge for whoever made the plan."""

from collections.abc import Mapping

from msgspec import Struct

from anypool.errors import Conflict, NotFound
from anypool.model import HostId, Inventory, Usage, VmId
from anypool.plan import Cost, MigrateVm, Plan, Reason, hosts_of, outcome
from anypool.plan.check import objections
from anypool.planner.rebalance import Weights, numbers_of, uneven
from anypool.planner.rules import Rulebook
from anypool.planner.wishes import AnyWish, BalanceHosts, FewestHosts

TOLD = 5
"""So many objections are told."""


class Figures(Struct, frozen=True, kw_only=True):
    """A plan in numbers. Scores are imbalances in hundredths of a percent of a host.

    `after` is None for a plan that could not run on its inventory. `violations` is how much
    the independent checker has against it, `objections` the first of that.
    """

    moves: int
    steps: int
    cost: Cost
    before: int
    after: int | None
    violations: int
    objections: tuple[Reason, ...] = ()


class Yardstick(Struct, frozen=True, kw_only=True):
    """What plans for one wish are measured with: the hosts, their loads and what counts."""

    hosts: frozenset[HostId]
    rules: Rulebook
    usages: Mapping[VmId, Usage] = {}
    weights: Weights = Weights()


def yardstick(wish: AnyWish, plan: Plan, inventory: Inventory, rules: Rulebook) -> Yardstick:
    """Return what plans for a wish are measured with: as it was asked, or the pools touched."""
    if isinstance(wish, BalanceHosts):
        return Yardstick(hosts=wish.hosts, rules=rules, usages=wish.usages, weights=wish.weights)
    if isinstance(wish, FewestHosts):
        return Yardstick(hosts=wish.hosts, rules=rules)
    touched = {host for step in plan for host in hosts_of(step.action)}
    pools = {inventory.hosts[host].pool for host in touched if host in inventory.hosts}
    hosts = frozenset(host.id for host in inventory.hosts.values() if host.pool in pools)
    return Yardstick(hosts=hosts, rules=rules)


def figures(plan: Plan, inventory: Inventory, by: Yardstick) -> Figures:
    """Return what a plan comes to on the inventory that it was made from."""
    against = objections(plan, inventory, by.rules.bounds)
    return Figures(
        moves=sum(isinstance(step.action, MigrateVm) for step in plan),
        steps=len(plan.steps),
        cost=plan.cost,
        before=_score(inventory, by),
        after=_after(plan, inventory, by),
        violations=len(against),
        objections=against[:TOLD],
    )


def _after(plan: Plan, inventory: Inventory, by: Yardstick) -> int | None:
    try:
        return _score(outcome(plan, inventory), by)
    except (Conflict, NotFound):
        return None


def _score(inventory: Inventory, by: Yardstick) -> int:
    numbers = numbers_of(inventory, by.hosts, by.rules, by.usages, by.weights)
    if not numbers.hosts:
        return 0
    return round(100 * uneven(numbers.problem).percent)
