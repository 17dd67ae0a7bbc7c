"""The text format of Ganeti's htools: read with line numbers, written back with VMs moved.

Sections are separated by one empty line: groups, nodes, instances, cluster tags, policies.
Columns are separated by `|`; sizes are in MiB. Columns that nothing here understands are
kept as they are, so that a file that nothing was moved in is written byte for byte.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from anypool.errors import Invalid

STATUSES = (
    "running",
    "ADMIN_down",
    "ADMIN_offline",
    "ERROR_down",
    "ERROR_up",
    "ERROR_nodedown",
    "ERROR_nodeoffline",
    "ERROR_wrongnode",
    "USER_down",
)
DOWN = frozenset({"ADMIN_down", "ADMIN_offline", "ERROR_down", "USER_down"})
TEMPLATES = (
    "diskless",
    "file",
    "sharedfile",
    "plain",
    "blockdev",
    "drbd",
    "rbd",
    "ext",
    "gluster",
)
_NODE_COLUMNS = (9, 15)
_INSTANCE_COLUMNS = (10, 13)
_POLICY_COLUMNS = 7


class Node(Struct, frozen=True, kw_only=True):
    """A hypervisor host; numbers are zero where `offline`."""

    name: str
    total_mib: int
    own_mib: int
    free_mib: int
    disk_mib: int
    disk_free_mib: int
    cores: int
    offline: bool
    group: str
    spindles: int
    own_cpus: int
    cpu_speed: float
    columns: tuple[str, ...]


class Instance(Struct, frozen=True, kw_only=True):
    """A VM: what it needs, where it is, and whether the tools may move it."""

    name: str
    memory_mib: int
    disk_mib: int
    vcpus: int
    status: str
    auto_balance: bool
    primary: str
    secondary: str
    template: str
    tags: tuple[str, ...]
    spindle_use: int
    columns: tuple[str, ...]


class Cluster(Struct, frozen=True, kw_only=True):
    """All of a file; `groups` maps the uuid to the name, policies are by name of the group."""

    groups: dict[str, str]
    nodes: tuple[Node, ...]
    instances: tuple[Instance, ...]
    tags: tuple[str, ...]
    vcpu_ratio: dict[str, float]
    spindle_ratio: dict[str, float]
    groups_as_read: tuple[str, ...]
    end_as_read: tuple[tuple[str, ...], ...]  # tags and policies


Row = TypeVar("Row", Node, Instance)
Parsed = TypeVar("Parsed")


def read(text: str) -> Cluster:
    """Return what a file says; raise `Invalid` with the number of the line that is wrong."""
    sections = _sections(text)
    groups = dict(_each(sections[0], "group", _group))
    nodes = _each(sections[1], "node", lambda row: _node(row, groups))
    names = {node.name for node in nodes}
    if len(names) != len(nodes):
        raise Invalid("two nodes have one name", hint="names of nodes must differ")
    instances = _each(sections[2], "instance", lambda row: _instance(row, names))
    policies = dict(_each(sections[4], "policy", _policy)) if len(sections) == 5 else {}
    return Cluster(
        groups=groups,
        nodes=tuple(nodes),
        instances=tuple(instances),
        tags=tuple(line for _, line in sections[3]),
        vcpu_ratio={name: ratio for name, (ratio, _) in policies.items()},
        spindle_ratio={name: ratio for name, (_, ratio) in policies.items()},
        groups_as_read=tuple(line for _, line in sections[0]),
        end_as_read=tuple(tuple(line for _, line in section) for section in sections[3:]),
    )


def write(cluster: Cluster) -> str:
    """Return the text of a cluster."""
    nodes = ["|".join(node.columns) for node in cluster.nodes]
    instances = ["|".join(instance.columns) for instance in cluster.instances]
    lines = [cluster.groups_as_read, nodes, instances, *cluster.end_as_read]
    return "\n".join("".join(f"{line}\n" for line in section) for section in lines)


def move(cluster: Cluster, targets: Mapping[str, str]) -> Cluster:
    """Return the cluster with instances (by name) on other nodes, free memory kept true."""
    gained: dict[str, int] = {}
    instances = []
    for instance in cluster.instances:
        target = targets.get(instance.name, instance.primary)
        if target != instance.primary and instance.status not in DOWN:
            gained[instance.primary] = gained.get(instance.primary, 0) + instance.memory_mib
            gained[target] = gained.get(target, 0) - instance.memory_mib
        instances.append(_with_columns(instance, {6: target}, primary=target))
    nodes = [
        _with_columns(node, {3: str(free)}, free_mib=free) if node.name in gained else node
        for node in cluster.nodes
        for free in (node.free_mib + gained.get(node.name, 0),)
    ]
    return replace(cluster, nodes=tuple(nodes), instances=tuple(instances))


def _with_columns(row: Row, changed: dict[int, str], **fields: object) -> Row:
    columns = tuple(changed.get(number, text) for number, text in enumerate(row.columns))
    return replace(row, columns=columns, **fields)


def _sections(text: str) -> list[list[tuple[int, str]]]:
    sections: list[list[tuple[int, str]]] = [[]]
    for number, line in enumerate(text.rstrip("\n").split("\n"), start=1):
        if line == "":
            sections.append([])
        else:
            sections[-1].append((number, line.rstrip("\r")))
    if len(sections) not in (4, 5):
        raise Invalid(
            f"the file has {len(sections)} sections instead of 4 or 5",
            hint="groups, nodes, instances, tags and policies, with one empty line between them",
        )
    return sections


def _each(
    section: list[tuple[int, str]], what: str, parse: Callable[[Sequence[str]], Parsed]
) -> list[Parsed]:
    found = []
    for number, line in section:
        try:
            found.append(parse(line.split("|")))
        except ValueError as error:
            hint = "`hscan` and `gnt-cluster` write such files; see htools(1)"
            raise Invalid(f"line {number}, {what}: {error}", hint=hint) from None
    return found


def _group(row: Sequence[str]) -> tuple[str, str]:
    if len(row) < 3:
        raise ValueError(f"{len(row)} columns instead of 3 or more")
    return row[1], row[0]


def _node(row: Sequence[str], groups: dict[str, str]) -> Node:
    _count(row, _NODE_COLUMNS)
    if row[8] not in groups:
        raise ValueError(f"there is no group with uuid {row[8]!r}")
    if row[7] not in ("Y", "N", "M"):
        raise ValueError(f"{row[7]!r} is none of Y, N and M")
    offline = row[7] == "Y" or "?" in row[1:7]
    numbers = ["0"] * 6 if offline else list(row[1:7])
    total, own, free, disk, disk_free, cores = (
        _number(text, name)
        for text, name in zip(
            numbers,
            ("total memory", "memory", "free memory", "disk", "free disk", "cores"),
            strict=True,
        )
    )
    if not offline and (total == 0 or cores == 0):
        raise ValueError("a node that is online has no memory or no cores")
    return Node(
        name=row[0],
        total_mib=total,
        own_mib=own,
        free_mib=free,
        disk_mib=disk,
        disk_free_mib=disk_free,
        cores=cores,
        offline=offline,
        group=row[8],
        spindles=_number(row[9], "spindles") if len(row) > 9 and row[9] else 1,
        own_cpus=_number(row[13], "node CPUs") if len(row) > 13 else 0,
        cpu_speed=_real(row[14], "CPU speed") if len(row) > 14 else 1.0,
        columns=tuple(row),
    )


def _instance(row: Sequence[str], nodes: set[str]) -> Instance:
    _count(row, _INSTANCE_COLUMNS)
    for name in (row[6], *filter(None, [row[7]])):
        if name not in nodes:
            raise ValueError(f"there is no node {name!r}")
    if row[6] == row[7]:
        raise ValueError("primary and secondary are the same node")
    for text, known in ((row[4], STATUSES), (row[8], TEMPLATES), (row[5], ("Y", "N"))):
        if text not in known:
            raise ValueError(f"{text!r} is none of {', '.join(known)}")
    return Instance(
        name=row[0],
        memory_mib=_number(row[1], "memory"),
        disk_mib=_number(row[2], "disk"),
        vcpus=_number(row[3], "vCPUs"),
        status=row[4],
        auto_balance=row[5] == "Y",
        primary=row[6],
        secondary=row[7],
        template=row[8],
        tags=tuple(filter(None, row[9].split(","))),
        spindle_use=_number(row[10], "spindle use") if len(row) > 10 else 1,
        columns=tuple(row),
    )


def _policy(row: Sequence[str]) -> tuple[str, tuple[float, float]]:
    if len(row) < _POLICY_COLUMNS - 1:
        raise ValueError(f"{len(row)} columns instead of {_POLICY_COLUMNS}")
    return row[0], (_real(row[-2], "vCPU ratio"), _real(row[-1], "spindle ratio"))


def _count(row: Sequence[str], limits: tuple[int, int]) -> None:
    if not limits[0] <= len(row) <= limits[1]:
        raise ValueError(f"{len(row)} columns instead of {limits[0]} to {limits[1]}")
    if not row[0]:
        raise ValueError("the name is empty")


def _number(text: str, what: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise ValueError(f"{what}: {text!r} is not a whole number of zero or more")
    return int(text)


def _real(text: str, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{what}: {text!r} is not a number") from None
    if not 0 < number < 1e9:
        raise ValueError(f"{what}: {text!r} is not above zero")
    return number
