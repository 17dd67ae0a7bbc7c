"""Bring the VMs of a licence together on hosts with as few processor sockets as possible."""

from collections.abc import Iterable

from msgspec.structs import replace

from anypool.errors import Invalid
from anypool.model import (
    HOLDS_MEMORY,
    Bound,
    HostId,
    Inventory,
    Level,
    Licence,
    PolicyId,
    Vm,
    VmId,
    VmState,
)
from anypool.plan import (
    HostOpen,
    MemoryFree,
    MigrateVm,
    Plan,
    Reason,
    Step,
    VmIs,
    digest,
    reason,
    say,
)
from anypool.planner.place import Choice, Wanted, choose, pinned
from anypool.planner.rebalance.search import Taken
from anypool.planner.rebalance.steps import ordered
from anypool.planner.rules import Rulebook

_MOVABLE = frozenset({VmState.RUNNING, VmState.PAUSED})
Homes = list[tuple[Vm, Choice]]


def plan_packing(inventory: Inventory, policy: PolicyId, rules: Rulebook) -> Plan:
    """Return moves after which fewer sockets of a licence are in use; none if nothing helps.

    VMs on hosts that are not licensed are brought to such hosts, if some take them. VMs that
    are pinned or that automation must not touch stay. Raises `Invalid` if the policy is off or
    is no licence.
    """
    bound = next((one for one in rules.bounds if one.policy == policy), None)
    if bound is None or not isinstance(bound.rule, Licence):
        raise Invalid(f"{policy} is no licence that is in force", hint="`anypool policy list`")
    homes = _packed(inventory, bound, rules)
    rows = {key: row for row, key in enumerate(sorted(inventory.hosts))}
    steps: list[Step] = []
    moves: list[Taken] = []
    for vm, choice in homes:
        assert vm.host is not None
        assert choice.host is not None
        why = _why(bound, inventory, vm.host)
        steps.append(_step(len(steps) + 1, vm, choice.host, why))
        number = len(moves)
        moves.append(Taken(number, rows[vm.host], rows[choice.host], "", number))
    before = sockets_of(_used(inventory, bound), inventory)
    after = sockets_of(_used(_moved(inventory, homes), bound), inventory)
    aim = reason("aim.pack", policy=policy, before=before, after=after)
    refused = tuple(one for _, choice in homes for one in choice.refused)
    return Plan(
        goal=say(aim),
        aim=aim,
        steps=ordered(steps, moves, rules),
        rejected=refused,
        based_on=digest(inventory),
    )


def sockets_of(hosts: Iterable[HostId], inventory: Inventory) -> int:
    """Return the processor sockets of some hosts, as far as anybody says how many they have."""
    return sum(inventory.hosts[host].sockets for host in hosts)


def _used(inventory: Inventory, bound: Bound) -> dict[HostId, list[Vm]]:
    """Return the hosts that run VMs of a licence, each with those VMs."""
    found: dict[HostId, list[Vm]] = {}
    for key in sorted(bound.vms):
        vm = inventory.vms[key]
        if vm.host in inventory.hosts and vm.host is not None and vm.state in HOLDS_MEMORY:
            found.setdefault(vm.host, []).append(vm)
    return found


def _packed(inventory: Inventory, bound: Bound, rules: Rulebook) -> Homes:
    """Empty one host more as long as that can be, those with most sockets and least memory first.

    Every try begins with where everything is now, so that no VM moves twice.
    """
    used = _used(inventory, bound)
    licensed = frozenset(used.keys() & bound.hosts)
    closed: frozenset[HostId] = frozenset()
    homes = Homes()
    order = sorted(
        licensed,
        key=lambda host: (
            -inventory.hosts[host].sockets,
            sum(vm.memory_mib for vm in used[host]),
            host,
        ),
    )
    for host in order:
        more = closed | {host}
        there = [vm for one in sorted(more) for vm in used[one]]
        found = _placed(inventory, rules, there, licensed - more, some=False)
        if found:
            closed, homes = more, found
    strays = [vm for one in sorted(used.keys() - licensed) for vm in used[one]]
    world = _moved(inventory, homes)
    return homes + _placed(world, rules, strays, bound.hosts - closed, some=True)


def _placed(
    inventory: Inventory, rules: Rulebook, vms: list[Vm], targets: frozenset[HostId], *, some: bool
) -> Homes:
    """Return a home among targets for every VM, largest first, or nothing; with `some` for some."""
    world, homes = inventory, Homes()
    avoid = frozenset(inventory.hosts) - targets
    order = sorted(vms, key=lambda vm: (-vm.memory_mib, vm.id))
    for number, vm in enumerate(order):
        leaving: frozenset[VmId] = frozenset(one.id for one in order[number + 1 :])
        choice = choose(world, vm, Wanted(rules=rules, leaving=leaving, avoid=avoid))
        stays = choice.host is None or not _may_move(inventory, rules, vm)
        if stays and not some:
            return []
        if not stays:
            homes.append((vm, choice))
            world = world.with_vm(replace(vm, host=choice.host))
    return homes


def _may_move(inventory: Inventory, rules: Rulebook, vm: Vm) -> bool:
    held = pinned(inventory, vm) or rules.pinned(vm.id)
    return held is None and rules.automation(vm.id) is not Level.DISABLED


def _moved(inventory: Inventory, homes: Homes) -> Inventory:
    return inventory.patched_vms({vm.id: replace(vm, host=one.host) for vm, one in homes})


def _why(bound: Bound, inventory: Inventory, source: HostId) -> Reason:
    if source not in bound.hosts:
        return reason("balance.mend")
    host = inventory.hosts[source]
    return reason("licence.empties", host=host.name, sockets=host.sockets)


def _step(number: int, vm: Vm, target: HostId, why: Reason) -> Step:
    assert vm.host is not None
    return Step(
        number=number,
        action=MigrateVm(vm=vm.id, source=vm.host, target=target),
        why=why,
        valid_while=(
            VmIs(vm=vm.id, host=vm.host, states=_MOVABLE),
            HostOpen(host=target),
            MemoryFree(host=target, memory_mib=vm.memory_mib),
        ),
    )
