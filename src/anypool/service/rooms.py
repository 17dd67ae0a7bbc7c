"""How many more VMs of a size a pool takes, also when hosts may fail."""

import numpy as np
from msgspec import Struct

from anypool.engine import Engine
from anypool.errors import Invalid
from anypool.model import Columns, HostFlag, HostId, Inventory
from anypool.planner.capacity import Capacity, capacity
from anypool.planner.capacity import Pool as Room
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.wishes import checked_memory, checked_vcpus

_ENOUGH = 1 << 40
"""Room for virtual CPUs on a host: they are shared, so that only the CPUs of one VM count."""


class Fitting(Struct, frozen=True, kw_only=True):
    """How many VMs of a size fit, on which hosts if all were made, and a proven upper bound.

    `count` is -1 where the pool does not even survive the failures as it is. `exact` says that
    every combination of failing hosts was tried, and not only bounded.
    """

    count: int
    bound: int
    exact: bool
    hosts: tuple[tuple[str, int], ...]


class Rooms:
    """The use cases about room."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def capacity(
        self, by: Principal, pool: str, *, vcpus: int, memory_mib: int, survive: int
    ) -> Fitting:
        """Return how many more fit such that any `survive` hosts may fail; raise `Invalid`.

        Counted are memory, and whether a host has the CPUs; rules and datastores are not.
        """
        require(by, Deed.READ)
        find.pool(self._engine.pools.all(), pool)
        checked_vcpus(vcpus)
        checked_memory(memory_mib)
        inventory = self._engine.inventory
        hosts, room = _room(inventory, pool, vcpus)
        if not hosts:
            raise Invalid(f"no host of {pool} is open", hint="`anypool host list` shows them")
        found = capacity(room, np.array([memory_mib, vcpus]), survive)
        return _fitting(found, [inventory.hosts[host].name for host in hosts])


def _room(inventory: Inventory, pool: str, vcpus: int) -> tuple[list[HostId], Room]:
    """Return the open hosts of a pool, and what is free there and what runs.

    Where all that is open may only be looked at, that is counted: the answer is advice.
    """
    columns = Columns(inventory)
    looked_at = columns.hosts.used & (columns.hosts.flags == HostFlag.UP | HostFlag.OBSERVE_ONLY)
    rows: list[int] = []
    for open_ in (columns.hosts.open(), looked_at):
        rows = rows or [
            row
            for row in np.flatnonzero(open_).tolist()
            if inventory.hosts[HostId(str(columns.hosts.ids[row]))].pool == pool
        ]
    if not rows:
        return [], Room(
            free=np.zeros((2, 1), np.int64),
            memory=np.zeros(0, np.int64),
            placed=np.zeros(0, np.int64),
        )
    place = np.full(len(columns.hosts.used), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    vms = columns.vms
    there = vms.used & vms.holds & (vms.host >= 0)
    there[there] &= place[vms.host[there]] >= 0
    cpus = np.where(columns.hosts.cpus[rows] >= vcpus, _ENOUGH, 0).astype(np.int64)
    room = Room(
        free=np.stack([columns.hosts.memory_free_mib[rows], cpus]),
        memory=vms.memory_mib[there],
        placed=place[vms.host[there]],
    )
    return [HostId(str(columns.hosts.ids[row])) for row in rows], room


def _fitting(found: Capacity, names: list[str]) -> Fitting:
    hosts = zip(names, found.on_host.tolist(), strict=True)
    return Fitting(
        count=found.count,
        bound=found.bound,
        exact=found.exact,
        hosts=tuple(sorted((name, count) for name, count in hosts if count)),
    )
