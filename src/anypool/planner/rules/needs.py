"""What the rules ask of a host for one VM: prepared once, then asked of every host.

Preparing costs the size of the VM's groups; each host then costs the number of rules.
"""

from collections.abc import Callable, Iterable
from typing import assert_never

from anypool.model import (
    HOLDS_MEMORY,
    Apart,
    Automation,
    Balance,
    Bound,
    Claim,
    Exclusive,
    Failover,
    Headroom,
    HighAvailability,
    Host,
    HostId,
    Inventory,
    Licence,
    MaxVms,
    NoMigration,
    OnHosts,
    Pinned,
    PowerSaving,
    Protected,
    Restart,
    Rule,
    Spread,
    Strength,
    Together,
    Vm,
    VmId,
    VmState,
    domains_of,
)
from anypool.model.policy import Replenish
from anypool.plan import Reason, reason

Test = Callable[[Host], Reason | None]


class Needs:
    """The tests of one VM; `refusal` are the musts, `misses` the preferences."""

    def __init__(self, scene: "Scene", bounds: Iterable[Bound]) -> None:
        self.scene = scene
        self.musts: list[tuple[Bound, Test]] = []
        self.shoulds: list[tuple[Bound, Test]] = []
        self.packs: list[tuple[Bound, Test]] = []
        for bound in bounds:
            test = _test(bound, scene)
            if test is not None:
                must = bound.strength is Strength.MUST
                (self.musts if must else self.shoulds).append((bound, test))
            if packs(bound.rule):
                self.packs.append((bound, _packed(bound, scene)))

    def refusal(self, host: Host) -> Reason | None:
        """Return the first rule that forbids the host, None if none does."""
        return next((why for _, test in self.musts if (why := test(host)) is not None), None)

    def misses(self, host: Host) -> tuple[Reason, ...]:
        """Return the preferences that the host does not meet."""
        tests = (*self.shoulds, *self.packs)
        return tuple(why for _, test in tests if (why := test(host)) is not None)


class Scene:
    """The VM, and where others run while it looks for a place."""

    def __init__(self, inventory: Inventory, vm: Vm, leaving: frozenset[VmId]) -> None:
        self.inventory = inventory
        self.vm = vm
        self.leaving = leaving
        self._others: dict[int, list[tuple[Vm, Host]]] = {}

    def others(self, bound: Bound) -> list[tuple[Vm, Host]]:
        """Return the other VMs of a rule that run or may run, each with its host."""
        if (known := self._others.get(id(bound))) is None:
            known = self._others[id(bound)] = self._found(bound)
        return known

    def running(self, host: HostId) -> int:
        """Return how many other VMs run or may run on a host."""
        there = self.inventory.vms_on(host)
        return sum(vm.state in HOLDS_MEMORY and vm.id != self.vm.id for vm in there)

    def free_mib(self, host: HostId) -> int:
        """Return the memory of a host that nobody has."""
        return self.inventory.memory_free_mib(host)

    def vcpus(self, host: HostId) -> int:
        """Return the virtual CPUs of what runs or may run on a host."""
        return self.inventory.claims.get(host, Claim()).vcpus

    def _found(self, bound: Bound) -> list[tuple[Vm, Host]]:
        found = []
        for key in sorted(bound.vms):
            other = self.inventory.vms.get(key)
            if other is None or key == self.vm.id or key in self.leaving:
                continue
            host = None if other.host is None else self.inventory.hosts.get(other.host)
            if host is not None and other.state in HOLDS_MEMORY:
                found.append((other, host))
        return found


def _test(bound: Bound, scene: Scene) -> Test | None:
    match bound.rule:
        case OnHosts(avoid=avoid):
            return _on_hosts(bound, avoid=avoid)
        case Licence(sockets=sockets):
            return _licence(bound, scene, sockets)
        case NoMigration():
            return _no_migration(bound, scene)
        case MaxVms(maximum=maximum):
            return _max_vms(bound, scene, maximum)
        case Headroom():
            return _headroom(bound, scene, bound.rule)
        case Pinned():
            return _pinned(bound, scene)
        case (
            Protected() | Automation() | Restart() | Balance() | PowerSaving()
            | Replenish() | HighAvailability() | Failover()
        ):  # fmt: skip
            return None
        case _:
            return _among_others(bound, bound.rule, scene)


def _among_others(
    bound: Bound, rule: Apart | Together | Exclusive | Spread, scene: Scene
) -> Test | None:
    match rule:
        case Apart(domain=domain):
            return _apart(bound, scene, domain)
        case Together(domain=domain):
            return _together(bound, scene, domain)
        case Exclusive(prefix=prefix):
            return _exclusive(bound, scene, prefix)
        case Spread(domain=domain, minimum=minimum):
            return _spread(bound, scene, domain, minimum)
        case _:
            assert_never(rule)


def _apart(bound: Bound, scene: Scene, kind: str) -> Test:
    taken: dict[str, str] = {}
    for other, host in scene.others(bound):
        for domain in domains_of(kind, host.id, host.tags):
            taken.setdefault(domain, other.name)

    def test(host: Host) -> Reason | None:
        for domain in sorted(domains_of(kind, host.id, host.tags) & taken.keys()):
            if kind == "host":
                return reason("rule.apart", policy=bound.policy, vm=taken[domain])
            return reason("rule.apart-in", policy=bound.policy, vm=taken[domain], domain=domain)
        return None

    return test


def _together(bound: Bound, scene: Scene, kind: str) -> Test:
    homes = {
        domains_of(kind, host.id, host.tags): (other.name, host.name)
        for other, host in scene.others(bound)
    }

    def test(host: Host) -> Reason | None:
        mine = domains_of(kind, host.id, host.tags)
        for domains, (vm, place) in homes.items():
            if not mine & domains:
                return reason("rule.together", policy=bound.policy, vm=vm, place=place)
        return None

    return test


def _exclusive(bound: Bound, scene: Scene, prefix: str) -> Test | None:
    mine = frozenset(tag for tag in scene.vm.tags if tag.startswith(prefix))
    if not mine:
        return None
    taken: dict[HostId, tuple[str, str]] = {}
    for other, host in scene.others(bound):
        for tag in sorted(mine & other.tags):
            taken.setdefault(host.id, (other.name, tag))

    def test(host: Host) -> Reason | None:
        if host.id not in taken:
            return None
        vm, tag = taken[host.id]
        return reason("rule.exclusive", policy=bound.policy, vm=vm, tag=tag)

    return test


def _spread(bound: Bound, scene: Scene, kind: str, minimum: int) -> Test:
    others = scene.others(bound)
    reached = {d for _, host in others for d in domains_of(kind, host.id, host.tags)}
    wanted = min(minimum, len(others) + 1)

    def test(host: Host) -> Reason | None:
        have = len(reached | domains_of(kind, host.id, host.tags))
        if have >= wanted:
            return None
        return reason("rule.spread", policy=bound.policy, domain=kind, have=have, need=wanted)

    return test


def _on_hosts(bound: Bound, *, avoid: bool) -> Test:
    code = "rule.avoid" if avoid else "rule.on-hosts"

    def test(host: Host) -> Reason | None:
        return reason(code, policy=bound.policy) if (host.id in bound.hosts) is avoid else None

    return test


def _licence(bound: Bound, scene: Scene, limit: int) -> Test:
    used = {host.id: host for _, host in scene.others(bound)}
    counted = sum(host.sockets for host in used.values())

    def test(host: Host) -> Reason | None:
        if host.id not in bound.hosts:
            return reason("rule.licence", policy=bound.policy)
        if not limit or host.id in used:
            return None
        if not host.sockets:
            return reason("rule.sockets-unknown", policy=bound.policy)
        if counted + host.sockets > limit:
            over = counted + host.sockets - limit
            return reason("rule.sockets", policy=bound.policy, over=over, limit=limit)
        return None

    return test


def packs(rule: Rule) -> bool:
    """Return whether a rule also prefers hosts that it counts already."""
    return isinstance(rule, Licence) and rule.pack and rule.sockets > 0


def _packed(bound: Bound, scene: Scene) -> Test:
    """Prefer hosts whose sockets are counted already to others."""
    used = {host.id for _, host in scene.others(bound)}

    def test(host: Host) -> Reason | None:
        if not used or host.id in used:
            return None
        return reason("rule.unpacked", policy=bound.policy, sockets=host.sockets)

    return test


def _no_migration(bound: Bound, scene: Scene) -> Test | None:
    vm = scene.vm
    live = vm.state in (VmState.RUNNING, VmState.PAUSED)
    if not live or vm.host is None or vm.host not in bound.hosts:
        return None

    def test(host: Host) -> Reason | None:
        moved = host.id in bound.targets and host.id != vm.host
        return reason("rule.no-migration", policy=bound.policy) if moved else None

    return test


def _max_vms(bound: Bound, scene: Scene, maximum: int) -> Test:
    def test(host: Host) -> Reason | None:
        if host.id not in bound.hosts or scene.running(host.id) < maximum:
            return None
        return reason("rule.max-vms", policy=bound.policy, maximum=maximum)

    return test


def _headroom(bound: Bound, scene: Scene, rule: Headroom) -> Test:
    vm = scene.vm

    def test(host: Host) -> Reason | None:
        if host.id not in bound.hosts:
            return None
        here = vm.host == host.id and vm.state in HOLDS_MEMORY
        left = scene.free_mib(host.id) - (0 if here else vm.memory_mib)
        wanted = host.memory_mib * rule.memory_percent // 100
        if left < wanted:
            return reason("rule.headroom", policy=bound.policy, short=wanted - left)
        vcpus = scene.vcpus(host.id) + (0 if here else vm.vcpus)
        if rule.vcpus_percent and vcpus * 100 > host.cpus * rule.vcpus_percent:
            return reason("rule.vcpus", policy=bound.policy, vcpus=vcpus, cpus=host.cpus)
        return None

    return test


def _pinned(bound: Bound, scene: Scene) -> Test | None:
    home = scene.vm.host
    if home is None:
        return None

    def test(host: Host) -> Reason | None:
        return reason("rule.pinned", policy=bound.policy) if host.id != home else None

    return test
