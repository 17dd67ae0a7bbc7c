"""An htools cluster as a balancing problem whose score is the one that hbal computes."""

from dataclasses import dataclass

import numpy as np

from anypool.errors import Invalid, NotSupported
from anypool.exchange.htools import DOWN, Cluster, Instance, Node
from anypool.planner.balance import Floats, Ints, Problem

SHARED = frozenset({"sharedfile", "blockdev", "rbd", "ext", "gluster"})
"""Disk templates whose instances may go to any node; the others stay where they are."""

OFFLINE = "ADMIN_offline"
LOCAL = frozenset({"plain", "drbd"})
VCPU_RATIO = 4.0
SPINDLE_RATIO = 32.0
EXCLUSION = "htools:iextags:"
_FOREIGN = ("htools:nlocation:", "htools:desiredlocation:", "htools:migration:")
_HALF, _OFFLINE_ALL, _OFFLINE_PRIMARY, _TAGS, _RESERVED_SUM = 0.5, 4.0, 16.0, 2.0, 0.25


@dataclass(frozen=True)
class Group:
    """The nodes and instances of one node group, with what is worked out about them."""

    cluster: Cluster
    nodes: tuple[Node, ...]
    instances: tuple[Instance, ...]
    placed: Ints
    secondary: Ints  # -1 where there is none
    name: str


def group_of(cluster: Cluster, name: str = "") -> Group:
    """Return one node group; `name` may be empty if there is only one with nodes.

    Raise `Invalid` if it is not there, `NotSupported` for tags that change the meaning.
    """
    foreign = sorted(tag for tag in cluster.tags if tag.startswith(_FOREIGN))
    if foreign:
        hint = "remove the tag from the file to do without that rule"
        raise NotSupported(f"cluster tag {foreign[0]!r} is not understood", hint=hint)
    names = sorted({cluster.groups[node.group] for node in cluster.nodes})
    if not name and len(names) != 1:
        raise Invalid("the file has more than one group", hint=f"choose one: {', '.join(names)}")
    name = name or names[0]
    if name not in names:
        raise Invalid(f"there is no group {name!r}", hint=f"there are: {', '.join(names)}")
    nodes = tuple(node for node in cluster.nodes if cluster.groups[node.group] == name)
    index = {node.name: number for number, node in enumerate(nodes)}
    instances = tuple(one for one in cluster.instances if one.primary in index)
    for one in instances:
        if one.secondary and one.secondary not in index:
            raise Invalid(f"instance {one.name} is split between two groups")
    return Group(
        cluster=cluster,
        nodes=nodes,
        instances=instances,
        placed=np.array([index[one.primary] for one in instances], dtype=np.int64),
        secondary=np.array([index.get(one.secondary, -1) for one in instances], dtype=np.int64),
        name=name,
    )


def problem_of(group: Group, *, keep_spare: bool = True) -> Problem:
    """Return the balancing problem of a group, scored as hbal scores it.

    Instances with local disks, DRBD or without automatic balancing stay where they are.
    """
    online = np.array([not node.offline for node in group.nodes], dtype=np.bool_)
    rows = _merged(_metrics(group))
    reserved = _reserved(group)
    ratio = group.cluster.vcpu_ratio.get(group.name, VCPU_RATIO)
    cores = np.array([node.cores for node in group.nodes])
    own = np.array([node.own_cpus for node in group.nodes])
    up, every, vcpus = _memory(group, up=True), _memory(group, up=False), _vcpus(group)
    unallocated, recorded = _free(group)
    room = [
        unallocated + _by_host(group, up) - reserved - 1,
        np.floor(ratio * cores).astype(np.int64) - own,
        recorded + _by_host(group, every) - 1,
    ]
    return Problem(
        demand=np.array([row[0] for row in rows]).reshape(len(rows), -1),
        base=np.array([row[1] for row in rows]),
        capacity=np.array([row[2] for row in rows]),
        weight=np.array([row[3] for row in rows]),
        need=np.array([up, vcpus, every]),
        room=np.array(room),
        placed=group.placed,
        counted=online,
        movable=np.array([_movable(one) for one in group.instances], dtype=np.bool_),
        apart=_exclusions(group),
        harm=_TAGS,
        expelled=_OFFLINE_ALL + _OFFLINE_PRIMARY,
        constant=_constant(group, online, reserved, unallocated),
        keep_spare=keep_spare,
    )


Row = tuple[Floats, Floats, Floats, float]  # demand, base, capacity, weight


def _metrics(group: Group) -> list[Row]:
    total = np.array([float(node.total_mib or 1) for node in group.nodes])
    cores = np.array([(node.cores or 1) * node.cpu_speed for node in group.nodes])
    own = np.array([float(node.own_cpus) for node in group.nodes])
    one = np.ones(len(group.nodes))
    up, every, vcpus = _memory(group, up=True), _memory(group, up=False), _vcpus(group)
    unallocated, recorded = _free(group)
    each = np.ones(len(group.instances))
    mirrored = group.secondary[group.secondary >= 0]
    secondaries = np.bincount(mirrored, minlength=len(group.nodes)).astype(np.float64)
    return [
        (up.astype(np.float64), -(unallocated + _by_host(group, up)) * 1.0, total, _HALF),
        (every.astype(np.float64), -(recorded + _by_host(group, every)) * 1.0, total, _HALF),
        (vcpus.astype(np.float64), own, cores, 2 * _HALF),
        (each, one * 0.0, one, 3.0),  # CPU, memory and network load, each 1 of an instance
        (each, secondaries, one, 1.0),  # disk load, also of secondaries
    ]


def _merged(rows: list[Row]) -> list[Row]:
    """Return rows that differ in no more than a constant as one, with their weights added."""
    merged: list[Row] = []
    for demand, base, capacity, weight in rows:
        for number, (other, other_base, other_capacity, other_weight) in enumerate(merged):
            apart = base / capacity - other_base / other_capacity
            same = np.array_equal(demand, other) and np.array_equal(capacity, other_capacity)
            if same and np.ptp(apart) == 0:
                merged[number] = (other, other_base, other_capacity, other_weight + weight)
                break
        else:
            merged.append((demand, base, capacity, weight))
    return merged


def _memory(group: Group, *, up: bool) -> Ints:
    return np.array(
        [0 if up and one.status in DOWN else one.memory_mib for one in group.instances],
        dtype=np.int64,
    )


def _vcpus(group: Group) -> Ints:
    return np.array(
        [0 if one.status == OFFLINE else one.vcpus for one in group.instances],
        dtype=np.int64,
    )


def _free(group: Group) -> tuple[Ints, Ints]:
    """Return the memory that is not allocated, and what is left once all that is down starts."""
    free = np.array([node.free_mib for node in group.nodes], dtype=np.int64)
    beyond_own = np.array([node.total_mib - node.own_mib for node in group.nodes], dtype=np.int64)
    up, every = _memory(group, up=True), _memory(group, up=False)
    unallocated = np.minimum(free, beyond_own - _by_host(group, up))
    return unallocated, free - _by_host(group, every - up)


def _by_host(group: Group, amount: Ints) -> Ints:
    summed = np.bincount(group.placed, amount, len(group.nodes))
    return np.rint(summed).astype(np.int64)


def _movable(one: Instance) -> bool:
    return one.auto_balance and one.template in SHARED


def _exclusions(group: Group) -> tuple[tuple[int, ...], ...]:
    """Return the instances that share a tag which the cluster declares as excluding."""
    prefixes = tuple(
        tag.removeprefix(EXCLUSION) + ":" for tag in group.cluster.tags if tag.startswith(EXCLUSION)
    )
    found: dict[str, list[int]] = {}
    for number, one in enumerate(group.instances):
        for tag in set(one.tags):
            if prefixes and tag.startswith(prefixes):
                found.setdefault(tag, []).append(number)
    return tuple(tuple(members) for _, members in sorted(found.items()) if len(members) > 1)


def _reserved(group: Group) -> Ints:
    """Return by node the memory its secondaries need if the worst other node fails."""
    most = np.zeros(len(group.nodes), dtype=np.int64)
    peers: dict[tuple[int, int], int] = {}
    for number, one in enumerate(group.instances):
        secondary = int(group.secondary[number])
        if secondary >= 0 and one.auto_balance and one.status != OFFLINE:
            key = (secondary, int(group.placed[number]))
            peers[key] = peers.get(key, 0) + one.memory_mib
    for (secondary, _), memory in peers.items():
        most[secondary] = max(most[secondary], memory)
    return most


def _constant(
    group: Group, online: np.typing.NDArray[np.bool_], reserved: Ints, free: Ints
) -> float:
    """Return the part of hbal's score that moves of these instances do not change."""
    nodes = group.nodes
    if not online.any():
        return 0.0
    hosts = np.arange(len(nodes))
    with_secondary = group.secondary[group.secondary >= 0]
    seconds = np.bincount(with_secondary, minlength=len(nodes))
    held = np.bincount(group.placed, minlength=len(nodes)) + seconds
    total = np.array([float(node.total_mib or 1) for node in nodes])
    disk = np.array(
        [node.disk_free_mib / node.disk_mib if node.disk_mib else 1.0 for node in nodes]
    )
    ratio = group.cluster.spindle_ratio.get(group.name, SPINDLE_RATIO)
    spindles = np.array([ratio * max(1, node.spindles) for node in nodes])
    used = np.zeros(len(nodes))
    for number, one in enumerate(group.instances):
        if one.template in LOCAL:
            used[group.placed[number]] += one.spindle_use
            if group.secondary[number] >= 0:
                used[group.secondary[number]] += one.spindle_use
    short = online[hosts] & (free < reserved)
    share = (reserved / total)[online]
    return float(
        2 * _HALF * np.std(disk[online])
        + 2 * _HALF * np.std((used / spindles)[online])
        + np.std(share)
        + _RESERVED_SUM * share.sum()
        + held[short].sum()
        + _OFFLINE_ALL * seconds[~online].sum()
    )
