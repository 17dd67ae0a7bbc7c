"""Whether a pool survives so many failures of hosts, one after the other, and what an act costs.

A sequence of failures is survived if every VM that needs only room restarts after each of
them. VMs that have no other host whatever is free (a local disk, a pin, a priority of never)
are not counted: no spare capacity helps them, and the death map names them.

One failure, and several in small pools, are judged by planning every sequence (`EXACT`).
Larger pools are judged by a bound that is safe: if it holds, no sequence loses a VM. Let m be
the largest VM that shares a lane. As long as the planner finds a host for each VM that some
host has memory for, a VM is lost only when every living host of its lane has less than m left;
then more than the sum of (free - m) over them has been given out. What is given out was
held by the hosts that died. So nothing is lost if that sum is at least what the worst
hosts hold. Rules can break the premise: with musts about the VMs it proves nothing.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from math import perm
from threading import Lock

from msgspec import Struct
from msgspec.structs import replace

from anypool.errors import Conflict, NotFound
from anypool.model import (
    HOLDS_MEMORY,
    Bound,
    Claim,
    Failover,
    HostId,
    HostState,
    Inventory,
    Pinned,
    Strength,
)
from anypool.plan import (
    Action,
    CreateVm,
    EnterMaintenance,
    MigrateVm,
    Plan,
    Reason,
    ReconfigureVm,
    StartVm,
    outcome,
    reason,
)
from anypool.planner.failover.deathmap import DeathMap
from anypool.planner.failover.failure import Failure, of_hosts
from anypool.planner.failover.ground import Ground, Lane
from anypool.planner.failover.order import NEVER, Order
from anypool.planner.failover.recover import recover
from anypool.planner.failover.recovery import Fate, Recovery
from anypool.planner.rules import Rulebook

EXACT = 600
"""Up to so many sequences of failures are each planned."""

_CLOSED = ("is.maintenance", "fail.nobody", "fail.pool")
_TAKES = (CreateVm, EnterMaintenance, MigrateVm, ReconfigureVm, StartVm)


class Spare(Struct, frozen=True, kw_only=True):
    """How far a pool survives `failures` failures under a policy.

    `lost` VMs of all planned sequences find no host; `hosts` is the first sequence with the
    most memory lost, `missing_mib` how much that is, `fate` one of its VMs. Where sequences
    are too many `exact` is false and `missing_mib` is what the bound lacks; `unproven` says
    that rules keep it from proving anything.
    """

    policy: str
    failures: int
    exact: bool
    lost: int = 0
    missing_mib: int = 0
    hosts: tuple[HostId, ...] = ()
    fate: Fate | None = None
    unproven: bool = False

    @property
    def holds(self) -> bool:
        """Return whether every sequence of failures is survived, as far as can be proven."""
        return not (self.lost or self.missing_mib or self.unproven)

    def worse_than(self, before: "Spare") -> bool:
        """Return whether less is survived than before."""
        if self.holds:
            return False
        more = self.lost > before.lost or self.missing_mib > before.missing_mib
        return before.holds or more or self.exact < before.exact


class Outlook:
    """What the failure of each single host would do, kept from one inventory to the next.

    Whoever asks about many inventories that are alike keeps one, so that only what differs is
    planned; the answers are those of a new one. One thread at a time uses it.
    """

    def __init__(self) -> None:
        self.lock = Lock()
        self._map: DeathMap | None = None

    def of(self, inventory: Inventory, rules: Rulebook) -> DeathMap:
        """Return the failures of single hosts of an inventory, good until the next is asked."""
        if self._map is None:
            self._map = DeathMap(inventory, rules, failures=_single)
        else:
            self._map.advance(inventory, rules)
        return self._map


def spares(
    inventory: Inventory,
    bounds: Iterable[Bound],
    *,
    musts: bool = False,
    outlook: Outlook | None = None,
) -> tuple[Spare, ...]:
    """Return how far each failover policy is kept; with `musts` only of those that are musts."""
    bounds = tuple(bounds)
    rules, outlook = Rulebook(bounds), outlook or Outlook()
    asked = [b for b in bounds if isinstance(b.rule, Failover) and (not musts or _is_must(b))]
    with outlook.lock:
        return tuple(spare(inventory, rules, bound, outlook) for bound in asked)


def spare(inventory: Inventory, rules: Rulebook, bound: Bound, outlook: Outlook) -> Spare:
    """Return how far the hosts of a failover policy survive what it asks for."""
    assert isinstance(bound.rule, Failover)
    hosts = sorted(h for h in bound.hosts if inventory.hosts[h].state is HostState.UP)
    wanted = min(bound.rule.failures, len(hosts))
    empty = Spare(policy=bound.policy, failures=bound.rule.failures, exact=True)
    if wanted > 1 and perm(len(hosts), wanted) <= EXACT:
        return _counted(empty, inventory, _sequences(inventory, rules, hosts, wanted))
    known = outlook.of(inventory, rules)
    single = (((host,), _missed(known.get(of_hosts((host,))))) for host in hosts)
    first = _counted(empty, inventory, single)
    return _bounded(first, known, hosts, wanted) if wanted > 1 and first.holds else first


def _single(inventory: Inventory) -> Iterator[Failure]:
    return (of_hosts((key,)) for key in sorted(inventory.hosts))


def _is_must(bound: Bound) -> bool:
    return bound.strength is Strength.MUST


def weakened(
    plan: Plan,
    inventory: Inventory,
    bounds: tuple[Bound, ...],
    outlook: Outlook | None = None,
) -> tuple[Reason, ...]:
    """Return which failover policies that are musts a plan would keep less than now.

    How far they are kept now is asked only where one does not hold afterwards.
    """
    if not any(isinstance(bound.rule, Failover) for bound in bounds) or not _takes_room(plan):
        return ()
    try:
        after = outcome(plan, inventory)
    except (Conflict, NotFound):
        return ()  # it cannot run at all, which others say
    outlook = outlook or Outlook()
    then = spares(after, bounds, musts=True, outlook=outlook)
    if all(one.holds for one in then):
        return ()
    now = {one.policy: one for one in spares(inventory, bounds, musts=True, outlook=outlook)}
    return tuple(told(one, after) for one in then if one.worse_than(now[one.policy]))


def told(found: Spare, inventory: Inventory) -> Reason:
    """Return how far a failover policy is kept, in words."""
    policy, failures = found.policy, found.failures
    if found.holds:
        return reason("spare.holds", policy=policy, failures=failures)
    if found.fate is not None:
        names = tuple(inventory.hosts[host].name for host in found.hosts)
        why = found.fate.why or reason("fail.nobody")
        name = inventory.vms[found.fate.vm].name
        return reason(
            "spare.lost", policy=policy, hosts=names, vm=name, missing=found.missing_mib,
            why=why,
        )  # fmt: skip
    if found.missing_mib:
        return reason("spare.short", policy=policy, failures=failures, missing=found.missing_mib)
    return reason("spare.unproven", policy=policy, failures=failures)


def _takes_room(plan: Plan) -> bool:
    actions: Iterator[Action] = (step.action for step in plan)
    return any(isinstance(action, _TAKES) for action in actions)


Sequence = tuple[tuple[HostId, ...], list[Fate]]
"""Hosts that fail one after the other, and what the last of them loses for want of room."""


def _counted(empty: Spare, inventory: Inventory, sequences: Iterable[Sequence]) -> Spare:
    """Add up what is lost in all sequences of failures."""
    lost, most, worst = 0, 0, tuple[HostId, ...]()
    example: Fate | None = None
    for sequence, fates in sequences:
        lost += len(fates)
        missing = sum(inventory.vms[fate.vm].memory_mib for fate in fates)
        if missing > most:
            most, worst, example = missing, sequence, fates[0]
    return replace(empty, lost=lost, missing_mib=most, hosts=worst, fate=example)


def _sequences(
    inventory: Inventory,
    rules: Rulebook,
    hosts: list[HostId],
    wanted: int,
    before: tuple[HostId, ...] = (),
) -> Iterator[Sequence]:
    """Yield sequences of failures with the VMs that each last one loses for want of room."""
    if wanted == 0:
        return
    ground, order = Ground(inventory, rules), Order(inventory, rules)
    for host in hosts:
        found = recover(ground, order, of_hosts((host,)))
        yield (*before, host), _missed(found)
        if wanted > 1:
            after = _without(inventory, host, found.restarted)
            others = [one for one in hosts if one != host]
            yield from _sequences(after, rules, others, wanted - 1, (*before, host))


def _missed(found: Recovery) -> list[Fate]:
    return [fate for fate in found.lost if _counts(fate)]


def _counts(fate: Fate) -> bool:
    assert fate.why is not None
    if fate.near is None:
        return fate.why.code in _CLOSED
    return fate.why.code != "rule.pinned"


def _without(inventory: Inventory, host: HostId, moved: Iterable[Fate]) -> Inventory:
    """Return the pool after a failure: the host is off, its VMs run elsewhere or not at all."""
    gone = inventory.claims.get(host, Claim()).vms
    there = {fate.vm: fate.host for fate in moved}
    changes = {key: None if key not in there else
               replace(inventory.vms[key], host=there[key]) for key in gone}  # fmt: skip
    left = inventory.patched_vms(changes)
    return left.with_host(replace(left.hosts[host], state=HostState.OFF))


def _bounded(first: Spare, known: DeathMap, hosts: list[HostId], wanted: int) -> Spare:
    """Judge by the bound at the head of this module."""
    inventory, ground, order = known.inventory, known.ground, known.order
    held: dict[int, int] = {}
    largest: dict[Lane, int] = {}
    ruled = False
    for host in hosts:
        row = ground.row_of[host]
        for key in inventory.claims.get(host, Claim()).vms:
            vm = inventory.vms[key]
            if vm.state not in HOLDS_MEMORY or order.level(key) == NEVER:
                continue
            musts = [b for b in ground.bounds(key) if b.strength is Strength.MUST]
            lane = ground.lane(vm)
            if any(isinstance(b.rule, Pinned) for b in musts) or len(lane.rows) < 2:
                continue
            ruled |= bool(musts)
            held[row] = held.get(row, 0) + vm.memory_mib
            largest[lane] = max(largest.get(lane, 0), vm.memory_mib)
    rows = {ground.row_of[host]: held.get(ground.row_of[host], 0) for host in hosts}
    short = max((_short(ground, lane, m, rows, wanted) for lane, m in largest.items()), default=0)
    return replace(first, exact=False, missing_mib=max(0, short), unproven=ruled)


def _short(ground: Ground, lane: Lane, most: int, held: dict[int, int], wanted: int) -> int:
    """Return what the hosts that are left lack if the worst die; `held` has all that may die."""
    beyond = {row: max(0, ground.free[row] - most) for row in lane.rows}
    worst = sorted((beyond.get(row, 0) + mib for row, mib in held.items()), reverse=True)
    return sum(islice(worst, wanted)) - sum(beyond.values())
