"""Rules that cannot all be kept: found when a policy is saved, and named as few as possible.

Only the rules are judged here, not memory or load: a set of musts contradicts itself if no
assignment of its VMs to hosts keeps them, whatever the hosts' sizes. The search is exact
within `SEARCH_NODES` placements and gives the benefit of the doubt beyond, so what is called
a contradiction is one.

Source of the method: the minimal set comes from deleting what is not needed (deletion
filtering, Chinneck and Dravnieks 1991), then smaller sets are tried up to `TRIES`.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from math import comb

from msgspec import Struct

from anypool.model import (
    Apart,
    Bound,
    Exclusive,
    HostId,
    Inventory,
    Licence,
    MaxVms,
    OnHosts,
    Pinned,
    Spread,
    Strength,
    Together,
    VmId,
    domains_of,
)

SEARCH_NODES = 20_000
TRIES = 5_000

Domains = frozenset[str]


class Contradiction(Struct, frozen=True, kw_only=True, gc=False):
    """The policies that cannot all be kept, by id, and a VM that finds no host under them."""

    policies: tuple[str, ...]
    vm: VmId


def contradiction(bounds: Sequence[Bound], inventory: Inventory) -> Contradiction | None:
    """Return the smallest set of musts that contradict each other that was found, or None."""
    musts = [bound for bound in bounds if bound.strength is Strength.MUST and _matters(bound)]
    for group in _components(musts):
        stuck = _stuck(group, inventory)
        if stuck is not None:
            smallest = _smallest(_filtered(group, inventory), group, inventory)
            names = tuple(sorted(bound.policy for bound in smallest))
            return Contradiction(policies=names, vm=_stuck(smallest, inventory) or stuck)
    return None


def _matters(bound: Bound) -> bool:
    kinds = (Apart, Together, Exclusive, Spread, OnHosts, Licence, Pinned)
    if isinstance(bound.rule, MaxVms):
        return bound.rule.maximum == 0
    return isinstance(bound.rule, kinds) and bool(bound.vms)


def _components(bounds: list[Bound]) -> Iterator[list[Bound]]:
    """Yield the rules in groups that share no VM; a rule about hosts belongs to every group."""
    everywhere = [bound for bound in bounds if not bound.vms]
    left = [bound for bound in bounds if bound.vms]
    while left:
        group, left = [left[0]], left[1:]
        vms = set(group[0].vms)
        grown = True
        while grown:
            joined = [bound for bound in left if bound.vms & vms]
            left = [bound for bound in left if not bound.vms & vms]
            group += joined
            vms |= {vm for bound in joined for vm in bound.vms}
            grown = bool(joined)
        yield [*group, *everywhere]


def _filtered(group: list[Bound], inventory: Inventory) -> list[Bound]:
    """Leave out every rule without which the rest still contradicts itself."""
    kept = list(group)
    for bound in group:
        rest = [one for one in kept if one is not bound]
        if _stuck(rest, inventory) is not None:
            kept = rest
    return kept


def _smallest(kept: list[Bound], group: list[Bound], inventory: Inventory) -> list[Bound]:
    for size in range(1, len(kept)):
        if comb(len(group), size) > TRIES:
            break
        for some in combinations(group, size):
            if _stuck(list(some), inventory) is not None:
                return list(some)
    return kept


def _stuck(group: Sequence[Bound], inventory: Inventory) -> VmId | None:
    """Return a VM that finds no host, None if an assignment was found or the search gave up."""
    return _Search(group, inventory).stuck()


class _Search:
    """Depth first over VMs, those with the fewest hosts left first."""

    def __init__(self, group: Sequence[Bound], inventory: Inventory) -> None:
        self._group = group
        self._inventory = inventory
        self._vms = sorted({vm for bound in group for vm in bound.vms} & inventory.vms.keys())
        self._homes: dict[VmId, HostId] = {}
        self._nodes = 0
        self._deepest: VmId | None = None
        self._best = -1
        self._kinds: dict[tuple[str, HostId], Domains] = {}

    def stuck(self) -> VmId | None:
        hosts = {vm: self._allowed(vm) for vm in self._vms}
        for vm, able in hosts.items():
            if not able:
                return vm
        crowd = self._crowd(hosts)
        if crowd is not None:
            return crowd
        order = sorted(self._vms, key=lambda vm: (len(hosts[vm]), vm))
        if self._place(order, hosts):
            return None
        return None if self._nodes > SEARCH_NODES else self._deepest

    def _crowd(self, hosts: dict[VmId, list[HostId]]) -> VmId | None:
        """Return a VM of a group that is to be apart in fewer domains than it has VMs.

        That is a matching of VMs to domains, which settles large groups without a search.
        """
        for bound in self._group:
            if not isinstance(bound.rule, Apart):
                continue
            kind = bound.rule.domain
            some = [vm for vm in self._vms if vm in bound.vms]
            wishes = {vm: {d for h in hosts[vm] for d in self._domains(kind, h)} for vm in some}
            if (left := _unmatched(wishes)) is not None:
                return left
        return None

    def _allowed(self, vm: VmId) -> list[HostId]:
        able = set(self._inventory.hosts)
        for bound in self._group:
            match bound.rule:
                case OnHosts(avoid=avoid) if vm in bound.vms:
                    able = able - bound.hosts if avoid else able & bound.hosts
                case Licence() if vm in bound.vms:
                    able &= bound.hosts
                case MaxVms(maximum=0):
                    able -= bound.hosts
                case Pinned() if vm in bound.vms and self._inventory.vms[vm].host is not None:
                    able &= {self._inventory.vms[vm].host}
                case _:
                    pass
        return sorted(host for host in able if host is not None)

    def _place(self, order: list[VmId], hosts: dict[VmId, list[HostId]]) -> bool:
        """Return whether all VMs found a host; False as well when the search gives up."""
        rest = [iter(hosts[vm]) for vm in order[:1]]
        while rest:
            vm = order[len(rest) - 1]
            if len(rest) > self._best:
                self._best, self._deepest = len(rest), vm
            self._homes.pop(vm, None)
            home = next((h for h in rest[-1] if self._may(vm, h, order)), None)
            if self._nodes > SEARCH_NODES:
                return False
            if home is None:
                rest.pop()
                continue
            self._homes[vm] = home
            if len(rest) == len(order):
                return True
            rest.append(iter(hosts[order[len(rest)]]))
        return not order

    def _may(self, vm: VmId, host: HostId, order: list[VmId]) -> bool:
        self._nodes += 1
        if self._nodes > SEARCH_NODES:
            return False
        return all(self._keeps(bound, vm, host, order) for bound in self._group)

    def _keeps(self, bound: Bound, vm: VmId, host: HostId, order: list[VmId]) -> bool:
        if vm not in bound.vms:
            return True
        placed = [(o, home) for o, home in self._homes.items() if o in bound.vms]
        match bound.rule:
            case Apart(domain=kind):
                mine = self._domains(kind, host)
                return not any(mine & self._domains(kind, home) for _, home in placed)
            case Together(domain=kind):
                mine = self._domains(kind, host)
                return all(mine & self._domains(kind, home) for _, home in placed)
            case Exclusive(prefix=prefix):
                mine = self._tags(vm, prefix)
                return not any(home == host and mine & self._tags(o, prefix) for o, home in placed)
            case Spread(domain=kind, minimum=minimum):
                reached = {d for _, home in placed for d in self._domains(kind, home)}
                reached |= self._domains(kind, host)
                total = sum(one in bound.vms for one in order)
                return len(reached) + total - len(placed) - 1 >= min(minimum, total)
            case _:
                return True

    def _domains(self, kind: str, host: HostId) -> Domains:
        key = (kind, host)
        if key not in self._kinds:
            self._kinds[key] = domains_of(kind, host, self._inventory.hosts[host].tags)
        return self._kinds[key]

    def _tags(self, vm: VmId, prefix: str) -> frozenset[str]:
        return frozenset(t for t in self._inventory.vms[vm].tags if t.startswith(prefix))


def _unmatched(wishes: dict[VmId, set[str]]) -> VmId | None:
    """Return a VM for which no domain is left when each domain takes one VM, None if all fit.

    Source: augmenting paths, each VM once (Kuhn 1955).
    """
    taken: dict[str, VmId] = {}

    def settle(vm: VmId) -> bool:
        path: list[tuple[VmId, Iterator[str]]] = [(vm, iter(sorted(wishes[vm])))]
        tried: set[str] = set()
        chosen: list[str] = []
        while path:
            _, rest = path[-1]
            domain = next((d for d in rest if d not in tried), None)
            if domain is None:
                path.pop()
                if chosen:
                    chosen.pop()
                continue
            tried.add(domain)
            chosen.append(domain)
            if domain not in taken:
                for (owner, _), won in zip(path, chosen, strict=True):
                    taken[won] = owner
                return True
            path.append((taken[domain], iter(sorted(wishes[taken[domain]]))))
        return False

    return next((vm for vm in sorted(wishes) if not settle(vm)), None)
