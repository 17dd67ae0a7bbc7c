"""Which of several hosts that would all do is the best, and what the next ones lack.

The fewest preferences missed comes first. Then each host gets points: its rank by memory
left, by virtual CPUs for each CPU and by VMs, each times its factor.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from msgspec import Struct

from anypool.model import Claim, Host, HostId, Inventory, Vm
from anypool.plan import Reason, reason
from anypool.planner.field import Field
from anypool.planner.rank import Ints, Weight, best, points

RUNNERS_UP = 3
"""How many hosts that would do as well are named with what they lack against the best."""

MEMORY, CPU, VMS = 4, 2, 1
"""The factors: memory cannot be shared, CPUs can, the number of VMs settles ties."""


class Entrant(Struct, frozen=True, kw_only=True, gc=False):
    """A host that would do: MiB left afterwards, what it has, preferences it misses.

    `freest` if none that misses as few is left with more memory.
    """

    host: HostId
    left: int
    vcpus: int
    cpus: int
    vms: int
    misses: int
    points: int = 0
    freest: bool = False


@dataclass(frozen=True, kw_only=True)
class Entrants:
    """Many of them as columns, in the order of their ids."""

    ids: Sequence[str | None]
    rows: Ints
    left: Ints
    vcpus: Ints
    cpus: Ints
    vms: Ints
    misses: Ints


def entrant(inventory: Inventory, vm: Vm, host: Host, misses: int) -> Entrant:
    """Return a host as it stands."""
    claim = inventory.claims.get(host.id, Claim())
    return Entrant(
        host=host.id,
        left=inventory.memory_free_mib(host.id) - vm.memory_mib,
        vcpus=claim.vcpus,
        cpus=host.cpus,
        vms=len(claim.vms),
        misses=misses,
    )


def entrants(found: Sequence[Entrant]) -> Entrants:
    """Return hosts as columns; they must be in the order of their ids."""
    names = ("left", "vcpus", "cpus", "vms", "misses")
    columns = {name: np.array([getattr(one, name) for one in found], np.int64) for name in names}
    return Entrants(ids=[one.host for one in found], rows=np.arange(len(found)), **columns)


def of_field(field: Field, rows: Ints, vm: Vm, misses: Ints) -> Entrants:
    """Return the hosts of some rows of a field, which are in the order of their ids."""
    columns = field.columns
    return Entrants(
        ids=columns.ids,
        rows=rows,
        left=columns.memory_free_mib[rows] - vm.memory_mib,
        vcpus=columns.vcpus[rows].astype(np.int64),
        cpus=columns.cpus[rows].astype(np.int64),
        vms=columns.vms[rows].astype(np.int64),
        misses=misses[rows],
    )


def winner(found: Entrants) -> HostId | None:
    """Return the best, None if there is none; of equals the first id."""
    if not len(found.rows):
        return None
    at = int(np.argmax(_order(found, _score(found))))
    return HostId(str(found.ids[found.rows[at]]))


def podium(found: Entrants) -> list[Entrant]:
    """Return the best and its runners-up, best first; of equals the first id."""
    if not len(found.rows):
        return []
    score = _score(found)
    first = best(_order(found, score), 1 + RUNNERS_UP)
    most = found.left[found.misses == found.misses.min()].max()
    return [
        Entrant(
            host=HostId(str(found.ids[found.rows[at]])),
            left=int(found.left[at]),
            vcpus=int(found.vcpus[at]),
            cpus=int(found.cpus[at]),
            vms=int(found.vms[at]),
            misses=int(found.misses[at]),
            points=int(score[at]),
            freest=bool(found.left[at] >= most),
        )
        for at in first
    ]


def _score(found: Entrants) -> Ints:
    weights = (
        Weight(value=found.left, factor=MEMORY),
        Weight(value=-(found.vcpus / np.maximum(1, found.cpus)), factor=CPU),
        Weight(value=-found.vms, factor=VMS),
    )
    return points(weights, len(found.rows))


def _order(found: Entrants, score: Ints) -> Ints:
    """Return numbers whose largest is the best: a preference missed outweighs all points."""
    limit = (MEMORY + CPU + VMS) * len(score) + 1
    return np.asarray(score - limit * found.misses)


def won(winner: Entrant) -> Reason:
    """Return why the best is the best."""
    if winner.freest:
        return reason("place.most-free", free=winner.left)
    return reason(
        "place.ranked",
        free=winner.left, vcpus=winner.vcpus, cpus=winner.cpus, vms=winner.vms,
    )  # fmt: skip


def behind(winner: Entrant, other: Entrant) -> Reason:
    """Return what a runner-up that misses no more preferences lacks against the best."""
    if other.points == winner.points:
        return reason("place.equal")
    if other.left < winner.left:
        return reason("place.less-free", left=other.left, best=winner.left)
    if other.vcpus * winner.cpus > winner.vcpus * other.cpus:
        return reason("place.busier", vcpus=other.vcpus, cpus=other.cpus)
    return reason("place.more-vms", vms=other.vms, best=winner.vms)
