"""The hosts of an inventory as columns, for planners that ask all of them for every VM.

A field follows an inventory at the cost of what changed. What it says of a host is what
`planner/place.py` and the rules say of one host after another; tests compare the two.
"""

import threading
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from anypool.model import HOLDS_MEMORY, Claim, Host, HostId, Inventory
from anypool.model.columns import HostColumns
from anypool.planner.rank import Ints

Bools = NDArray[np.bool_]
Predicate = Callable[[Host], bool]

_MASKS = 256
"""How many answers are kept; the oldest goes first."""
_FIELDS = 2
"""How many fields wait for the next plan: one for the pool of now, one for a planner's own."""


class Field:
    """All hosts in the order of their ids; row numbers are places in `ids`."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.ids = sorted(inventory.hosts)
        self.columns = HostColumns(len(self.ids))
        self._masks: dict[Hashable, tuple[Predicate, Bools]] = {}
        self._domains: dict[str, tuple[dict[frozenset[str], int], Ints]] = {}
        self._running: Ints | None = None
        self._lent: set[HostId] = set()
        for host in self.ids:
            self._take(host)

    def __len__(self) -> int:
        return len(self.ids)

    def follow(self, inventory: Inventory) -> bool:
        """Become the field of another inventory; False if hosts came or went: make it anew."""
        if inventory is self.inventory and not self._lent:
            return True
        old, hosts = self.inventory, inventory.hosts
        changed = set(hosts.changed_since(old.hosts))
        if any((host in hosts) != (host in old.hosts) for host in changed):
            return False
        self.inventory = inventory
        for host in changed:
            self._review(host)
        for host in changed.union(inventory.claims.changed_since(old.claims), self._lent):
            if host in self.columns.row_of:
                self._take(host)
        self._lent.clear()
        return True

    def lend(self, host: HostId, memory_mib: int) -> None:
        """Let a host have so much less free memory, until this follows an inventory again."""
        self.columns.memory_free_mib[self.columns.row_of[host]] -= memory_mib
        self._lent.add(host)

    def host(self, row: int) -> Host:
        """Return the host of a row."""
        return self.inventory.hosts[self.ids[row]]

    def rows(self, hosts: Iterable[HostId]) -> list[int]:
        """Return the rows of those hosts that are known."""
        row_of = self.columns.row_of
        return [row_of[host] for host in hosts if host in row_of]

    def mask(self, key: Hashable, predicate: Predicate) -> Bools:
        """Return which hosts a predicate holds for, not to be changed.

        It must depend on the host's record alone, and `key` must say which predicate it is:
        each is asked of each host once, and again of hosts that changed.
        """
        if (known := self._masks.get(key)) is None:
            hosts = self.inventory.hosts
            found = np.fromiter((predicate(hosts[host]) for host in self.ids), np.bool_, len(self))
            if len(self._masks) >= _MASKS:
                del self._masks[next(iter(self._masks))]
            known = self._masks[key] = (predicate, found)
        return known[1]

    def among(self, hosts: frozenset[HostId]) -> Bools:
        """Return which rows are one of `hosts`, not to be changed."""
        return self.mask(("among", hosts), lambda host: host.id in hosts)

    def sockets(self) -> Ints:
        """Return how many sockets each host has."""
        hosts = self.inventory.hosts
        return np.fromiter((hosts[host].sockets for host in self.ids), np.int64, len(self))

    def running(self) -> Ints:
        """Return how many VMs run or may run on each host, not to be changed."""
        if self._running is None:
            counts = (self._count(host) for host in self.ids)
            self._running = np.fromiter(counts, np.int64, len(self))
        return self._running

    def domains(self, kind: str) -> Ints:
        """Return a number for each host: hosts with equal ones share all domains of a kind.

        0 is that of hosts in no domain but their own. Not to be changed.
        """
        if (known := self._domains.get(kind)) is None:
            codes: dict[frozenset[str], int] = {frozenset(): 0}
            hosts = self.inventory.hosts
            numbers = (_code(codes, kind, hosts[host]) for host in self.ids)
            known = self._domains[kind] = (codes, np.fromiter(numbers, np.int64, len(self)))
        return known[1]

    def _review(self, host: HostId) -> None:
        row, record = self.columns.row_of[host], self.inventory.hosts[host]
        for predicate, mask in self._masks.values():
            mask[row] = predicate(record)
        for kind, (codes, numbers) in self._domains.items():
            numbers[row] = _code(codes, kind, record)

    def _take(self, host: HostId) -> None:
        claim = self.inventory.claims.get(host, Claim())
        self.columns.take(host, self.inventory.hosts[host], claim)
        if self._running is not None:
            self._running[self.columns.row_of[host]] = self._count(host)

    def _count(self, host: HostId) -> int:
        vms: Collection[str] = self.inventory.claims.get(host, Claim()).vms
        return sum(self.inventory.vms[vm].state in HOLDS_MEMORY for vm in vms)  # type: ignore[index]


def _code(codes: dict[frozenset[str], int], kind: str, host: Host) -> int:
    mark = f"{kind}:"
    named = frozenset(tag for tag in host.tags if tag.startswith(mark))
    return codes.setdefault(named, len(codes))


_waiting: list[Field] = []
_lock = threading.Lock()


@contextmanager
def field_of(inventory: Inventory) -> Iterator[Field]:
    """Give the field of an inventory, for this thread alone until the block ends.

    Fields are kept between plans, since the next plan's inventory is nearly the same; what a
    planner answers does not depend on it.
    """
    with _lock:
        field = _nearest(inventory)
    if field is None or not field.follow(inventory):
        field = Field(inventory)
    yield field
    with _lock:
        _waiting.append(field)
        del _waiting[:-_FIELDS]


def _nearest(inventory: Inventory) -> Field | None:
    """Take out the field whose inventory shares most with this one, None if there is none."""
    if not _waiting:
        return None

    def apart(field: Field) -> int:
        old = field.inventory
        if old is inventory:
            return 0
        pairs = zip(old.claims.chunks[::16], inventory.claims.chunks[::16], strict=True)
        return 1 + sum(mine is not theirs for mine, theirs in pairs)

    return _waiting.pop(min(range(len(_waiting)), key=lambda at: apart(_waiting[at])))
