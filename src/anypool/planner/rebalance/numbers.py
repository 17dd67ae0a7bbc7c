"""Hosts and VMs of an inventory as the numbers that balancing works with."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np
from msgspec import Struct

from anypool.model import (
    Apart,
    Bound,
    Exclusive,
    Headroom,
    Host,
    HostId,
    HostState,
    Inventory,
    MaxVms,
    Strength,
    Together,
    Usage,
    Vm,
    VmId,
)
from anypool.planner.balance import Ints, Problem
from anypool.planner.place import pinned
from anypool.planner.rebalance.demand import demands
from anypool.planner.rebalance.suits import allowed
from anypool.planner.rules import Rulebook

NETWORK = 125_000_000
"""Bytes a second with which a host's network counts as full: one gigabit."""
DISK = 200_000_000
"""Bytes a second with which a host's disks count as full."""
METRICS = ("memory", "cpu", "network", "disk")
UNLIMITED = 1 << 60


class Weights(Struct, frozen=True, kw_only=True, gc=False):
    """How much an imbalance of each kind of load counts, relative to each other."""

    memory: int = 100
    cpu: int = 100
    network: int = 25
    disk: int = 25


class Numbers(Struct, frozen=True):
    """A problem, and which host and VM each of its columns is."""

    hosts: tuple[HostId, ...]
    vms: tuple[VmId, ...]
    problem: Problem


def numbers_of(
    inventory: Inventory,
    hosts: Iterable[HostId],
    rules: Rulebook,
    usages: Mapping[VmId, Usage],
    weights: Weights,
) -> Numbers:
    """Return the open hosts among `hosts` and what runs on them as a problem.

    Rules that the numbers cannot hold are left to whoever makes the moves.
    """
    records = [inventory.hosts[key] for key in sorted(set(hosts) & inventory.hosts.keys())]
    records = [host for host in records if _open(host)]
    keys = tuple(host.id for host in records)
    vms = [vm for key in keys for vm in inventory.holding(key)]
    vms.sort(key=lambda vm: vm.id)
    column = {key: number for number, key in enumerate(keys)}
    placed = np.array([column[vm.host] for vm in vms if vm.host], dtype=np.int64)
    row = {vm.id: number for number, vm in enumerate(vms)}
    bounds = [bound for bound in rules.bounds if bound.strength is Strength.MUST]
    apart, together = groups_of(bounds, vms, row)
    need, room = _limits(bounds, records, vms)
    shares = (weights.memory, weights.cpu, weights.network, weights.disk)
    used = [at for at, share in enumerate(shares) if share > 0]
    capacity = np.array([[_capacity(host, at) for host in records] for at in used], np.float64)
    demand = demands(vms, usages)
    movable = [pinned(inventory, vm) is None and rules.pinned(vm.id) is None for vm in vms]
    return Numbers(
        keys,
        tuple(vm.id for vm in vms),
        Problem(
            demand=demand[used],
            base=np.zeros((len(used), len(keys))),
            capacity=capacity.reshape(len(used), len(keys)),
            weight=np.array([shares[at] / sum(shares) for at in used]),
            need=need,
            room=room,
            placed=placed,
            counted=np.ones(len(keys), dtype=np.bool_),
            movable=np.array(movable, dtype=np.bool_),
            allowed=allowed(inventory, records, vms, bounds),
            apart=apart,
            together=together,
            metrics=tuple(METRICS[at] for at in used),
        ),
    )


def _open(host: Host) -> bool:
    return host.state is HostState.UP and not host.maintenance


def _capacity(host: Host, metric: int) -> float:
    return float((max(1, host.memory_mib), 100.0 * max(1, host.cpus), NETWORK, DISK)[metric])


def _limits(bounds: list[Bound], hosts: list[Host], vms: list[Vm]) -> tuple[Ints, Ints]:
    """Return what VMs need and hosts have: memory, memory under headrooms, vCPUs, places."""
    memory = [vm.memory_mib for vm in vms]
    need = np.array([memory, memory, [vm.vcpus for vm in vms], [1] * len(vms)], dtype=np.int64)
    room = np.full((4, len(hosts)), UNLIMITED, dtype=np.int64)
    for at, host in enumerate(hosts):
        room[0, at] = room[1, at] = host.usable_mib
        for bound in (one for one in bounds if host.id in one.hosts):
            if isinstance(bound.rule, MaxVms):
                room[3, at] = min(room[3, at], bound.rule.maximum)
            if isinstance(bound.rule, Headroom):
                kept = host.memory_mib * bound.rule.memory_percent // 100
                room[1, at] = min(room[1, at], room[0, at] - kept)
                vcpus = bound.rule.vcpus_percent * host.cpus // 100
                room[2, at] = min(room[2, at], vcpus or UNLIMITED)
    return need.reshape(4, len(vms)), room


Groups = tuple[tuple[int, ...], ...]


def groups_of(bounds: list[Bound], vms: list[Vm], row: Mapping[VmId, int]) -> tuple[Groups, Groups]:
    """Return the rows of VMs that must not share a host, and of those that must, by rules."""
    apart: list[set[int]] = []
    together: list[set[int]] = []
    for bound in bounds:
        members = {row[vm] for vm in bound.vms if vm in row}
        match bound.rule:
            case Apart(domain="host"):
                apart.append(members)
            case Together(domain="host"):
                together.append(members)
            case Exclusive(prefix=prefix):
                apart += _by_tag(members, vms, prefix)
            case _:
                pass
    return _sorted(apart), _sorted(_merged(together))


def _by_tag(members: set[int], vms: list[Vm], prefix: str) -> list[set[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    for member in members:
        for tag in vms[member].tags:
            if tag.startswith(prefix):
                found[tag].add(member)
    return list(found.values())


def _merged(groups: list[set[int]]) -> list[set[int]]:
    """Return groups that share no member: who belongs with a friend belongs with its friends."""
    merged: list[set[int]] = []
    for group in groups:
        touching = [one for one in merged if one & group]
        merged = [one for one in merged if not one & group]
        merged.append(group.union(*touching))
    return merged


def _sorted(groups: list[set[int]]) -> Groups:
    return tuple(sorted({tuple(sorted(group)) for group in groups if len(group) > 1}))
