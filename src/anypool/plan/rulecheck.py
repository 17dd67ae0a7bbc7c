"""Which bound rules an assignment of VMs to hosts breaks, counted anew from the records.

Like `plan.check`, which asks it, it shares no code with the planners: what a rule means is
written here a second time, so that a mistake in one place is seen by the other.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations

from anypool.model import (
    Apart,
    Automation,
    Balance,
    Bound,
    Exclusive,
    Failover,
    Headroom,
    HighAvailability,
    Host,
    Inventory,
    Licence,
    MaxVms,
    NoMigration,
    OnHosts,
    Pinned,
    PolicyId,
    PowerSaving,
    Protected,
    Restart,
    Spread,
    Strength,
    Together,
    Vm,
)
from anypool.model.policy import Replenish
from anypool.plan.action import (
    Action,
    CreateVm,
    DeleteVm,
    MigrateVm,
    ReconfigureVm,
    StartAfterFailure,
    StartVm,
    StopVm,
)
from anypool.plan.plan import Plan
from anypool.plan.reason import Reason, reason
from anypool.plan.words import say

Homes = Mapping[str, str]
"""The host of every VM that runs or may run."""
Who = tuple[str, ...]
"""The VMs and hosts by which a rule is broken."""


class Board:
    """Records in plain dictionaries, and who runs or may run where; `homes`, `memory` change."""

    def __init__(self, hosts: Iterable[Host], vms: Iterable[Vm]) -> None:
        self.hosts: dict[str, Host] = {host.id: host for host in hosts}
        self.vms: dict[str, Vm] = {vm.id: vm for vm in vms}
        self.memory: dict[str, int] = {key: vm.memory_mib for key, vm in self.vms.items()}
        self.homes: dict[str, str] = {
            key: vm.host
            for key, vm in self.vms.items()
            if vm.host is not None and vm.state not in ("stopped", "crashed")
        }

    @staticmethod
    def of(inventory: Inventory) -> "Board":
        """Return a whole inventory as a board."""
        return Board(inventory.hosts.values(), inventory.vms.values())

    def done(self, action: Action, bounds: tuple[Bound, ...], found: list[Reason]) -> set[str]:
        """Do an action, add what forbids it as such; return the VM and host it touched."""
        match action:
            case MigrateVm(vm=vm, source=source, target=target):
                found += _move(bounds, vm, source, target)
                self.homes[vm] = target
                return {vm, target}
            case StartVm(vm=vm, host=host):
                self.homes[vm] = host
                return {vm, host}
            case StartAfterFailure(wish=wish, host=host, home=home):
                pinning = (b for b in bounds if isinstance(b.rule, Pinned))
                found += _move(pinning, wish.id, home, host)
                self.homes[wish.id] = host
                return {wish.id, host}
            case StopVm(vm=vm) | DeleteVm(vm=vm):
                found += _stop(bounds, vm)
                self.homes.pop(vm, None)
            case CreateVm(wish=wish):
                self.memory[wish.id] = wish.memory_mib
            case ReconfigureVm(vm=vm, host=host, change=change):
                self.memory[vm] = change.memory_mib or self.memory.get(vm, 0)
                return {vm, host}
            case _:
                pass
        return set()


def breaches(inventory: Inventory, bounds: tuple[Bound, ...]) -> dict[PolicyId, tuple[Reason, ...]]:
    """Return what breaks each policy now, must or preference, by its id and in order."""
    board = Board.of(inventory)
    return {
        bound.policy: tuple(sorted((_by(bound, who) for who in _broken(bound, board)), key=say))
        for bound in bounds
    }


def of_rules(plan: Plan, inventory: Inventory, bounds: tuple[Bound, ...]) -> tuple[Reason, ...]:
    """Return the musts that a plan would break and that hold now, step by step.

    Of a licence that is broken now, no other hosts may come to be used. VMs that belong
    together leave one after the other, so that rule is judged at the end.
    """
    return of_actions((step.action for step in plan.steps), Board.of(inventory), bounds)


def of_actions(
    actions: Iterable[Action], board: Board, bounds: tuple[Bound, ...]
) -> tuple[Reason, ...]:
    """Return what `of_rules` does for actions on a board, which is as after them then."""
    before = _all_broken(bounds, board)
    used = {b.policy: set(_licensed(b, board)) for b in bounds if isinstance(b.rule, Licence)}
    found: list[Reason] = []
    at_the_end = [bound for bound in bounds if isinstance(bound.rule, Together)]
    for action in actions:
        touched = board.done(action, bounds, found)
        along = [
            b for b in bounds if b not in at_the_end and (b.vms & touched or b.hosts & touched)
        ]
        licences = [bound for bound in along if bound.policy in used]
        fewer = {
            _by(one, _licensed(one, board))
            for one in licences
            if set(_licensed(one, board)) <= used[one.policy]
        }
        found += sorted(_all_broken(along, board) - before - set(found) - fewer, key=say)
    found += sorted(_all_broken(at_the_end, board) - before, key=say)
    return tuple(found)


def _all_broken(bounds: Iterable[Bound], board: "Board") -> frozenset[Reason]:
    found: set[Reason] = set()
    for bound in bounds:
        if bound.strength is Strength.MUST:
            found |= {_by(bound, who) for who in _broken(bound, board)}
    return frozenset(found)


def _move(bounds: Iterable[Bound], vm: str, source: str, target: str) -> list[Reason]:
    found = []
    for bound in bounds:
        if vm not in bound.vms or source == target:
            continue
        if isinstance(bound.rule, Pinned):
            found.append(_by(bound, (vm,)))
        sent = source in bound.hosts and target in bound.targets
        if isinstance(bound.rule, NoMigration) and sent:
            found.append(_by(bound, (vm, source, target)))
    return found


def _by(bound: Bound, who: Who) -> Reason:
    return reason("check.rule", policy=bound.policy, who=tuple(str(one) for one in who))


def _stop(bounds: Iterable[Bound], vm: str) -> list[Reason]:
    protecting = (b for b in bounds if isinstance(b.rule, Protected) and vm in b.vms)
    return [_by(bound, (vm,)) for bound in protecting]


def _broken(bound: Bound, board: Board) -> set[Who]:
    homes: dict[str, str] = {vm: board.homes[vm] for vm in bound.vms if vm in board.homes}
    match bound.rule:
        case Apart(domain=kind):
            return _sharing(homes, kind, board)
        case Together(domain=kind):
            pairs: set[Who] = set(combinations(sorted(homes), 2))
            return pairs - _sharing(homes, kind, board)
        case Exclusive(prefix=prefix):
            return _exclusive(homes, prefix, board)
        case Spread(domain=kind, minimum=minimum):
            reached = {place for host in homes.values() for place in _places(kind, host, board)}
            wanted = min(minimum, len(homes))
            return {tuple(sorted(homes))} if len(reached) < wanted else set()
        case OnHosts(avoid=avoid):
            wrong = {vm: h for vm, h in homes.items() if (h in bound.hosts) == avoid}
            return set(wrong.items())
        case Licence(sockets=limit):
            wrong = {vm: h for vm, h in homes.items() if h not in bound.hosts}
            over = limit and _sockets(bound, board) > limit
            return {*wrong.items(), *([_licensed(bound, board)] if over else [])}
        case MaxVms() | Headroom():
            return _of_hosts(bound, board)
        case NoMigration() | Pinned() | Protected() | Automation():
            return set()
        case Restart() | Balance() | PowerSaving() | Replenish() | HighAvailability() | Failover():
            return set()


def _places(kind: str, host: str, board: Board) -> set[str]:
    if kind == "host" or host not in board.hosts:
        return {host}
    tags = board.hosts[host].tags
    return {t for t in tags if t.split(":")[0] == kind and ":" in t} or {f"alone {host}"}


def _sharing(homes: Homes, kind: str, board: Board) -> set[Who]:
    inside: dict[str, list[str]] = defaultdict(list)
    for vm in sorted(homes):
        for place in _places(kind, homes[vm], board):
            inside[place].append(vm)
    return {pair for vms in inside.values() for pair in combinations(vms, 2)}


def _exclusive(homes: Homes, prefix: str, board: Board) -> set[Who]:
    seen: Counter[tuple[str, str]] = Counter()
    for vm, host in homes.items():
        tags = board.vms[vm].tags if vm in board.vms else frozenset[str]()
        seen.update((host, tag) for tag in tags if tag[: len(prefix)] == prefix)
    return {(tag, host) for (host, tag), n in seen.items() if n > 1}


def _licensed(bound: Bound, board: Board) -> Who:
    """Return the hosts that the VMs of a licence run on."""
    return tuple(sorted({board.homes[vm] for vm in bound.vms if vm in board.homes}))


def _sockets(bound: Bound, board: Board) -> float:
    """Return how many sockets the VMs of a licence use, infinity where a host does not tell."""
    counts = [board.hosts[host].sockets for host in _licensed(bound, board) if host in board.hosts]
    return math.inf if 0 in counts else sum(counts)


def _of_hosts(bound: Bound, board: Board) -> set[Who]:
    found: set[Who] = set()
    there: dict[str, list[str]] = defaultdict(list)
    for vm, home in board.homes.items():
        there[home].append(vm)
    for host in set(bound.hosts) & board.hosts.keys():
        if isinstance(bound.rule, MaxVms) and len(there[host]) > bound.rule.maximum:
            found.add((host,))
        if isinstance(bound.rule, Headroom):
            found |= _crowded(bound.rule, board.hosts[host], there[host], board)
    return found


def _crowded(rule: Headroom, host: Host, there: list[str], board: Board) -> set[Who]:
    found: set[Who] = set()
    left = host.usable_mib - sum(board.memory.get(vm, 0) for vm in there)
    if left * 100 <= host.memory_mib * rule.memory_percent - 100:
        found.add((host.id,))
    vcpus = sum(board.vms[vm].vcpus for vm in there if vm in board.vms)
    if rule.vcpus_percent and vcpus * 100 > host.cpus * rule.vcpus_percent:
        found.add((host.id,))
    return found
