"""Find a host for each VM of a failure: the roomy ones in turn, then the widest, or the tightest.

Without a look at all hosts for each VM. A VM goes to the first roomy host after the one that
was taken last, so that the VMs of a host are spread, and those of another host elsewhere;
where none is roomy, to the one with most memory free. `tight` packs instead.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush, heapreplace
from itertools import chain

from msgspec.structs import replace

from anypool.model import HOLDS_MEMORY, OF_HOSTS, Bound, Host, HostId, Strength, Vm, VmId, VmState
from anypool.plan import Reason, reason
from anypool.planner.failover.ground import Ground, Lane
from anypool.planner.failover.recovery import ENDLESS, How, Trail
from anypool.planner.rules.needs import Needs, Scene, packs

_FEW = 8
"""If fewer than one row in so many is roomy, those are taken from the index."""

Found = tuple[int, How]
Accept = Callable[[int], bool]


class Search:
    """Where VMs were placed so far in one failure; a VM that is placed holds memory at once."""

    def __init__(self, ground: Ground, dead: frozenset[int], *, tight: bool) -> None:
        self.ground = ground
        self.dead = dead
        self.homes: dict[VmId, HostId] = {}
        self.trail = Trail(fragile=tight)
        self.vms: dict[int, int] = {}
        self.vcpus: dict[int, int] = {}
        self._left: dict[int, int] = {}
        self._tight = tight
        self._at = self._start = min(dead, default=0)
        self._around = len(ground.ids)
        self._passed = 0
        self._never_roomy: dict[Lane, int] = {}
        self._never: dict[Lane, int] = {}
        self._heaps: dict[Lane, list[tuple[int, int]]] = {}
        self._sorted: dict[Lane, list[tuple[int, int]]] = {}

    def left(self, row: int) -> int:
        """Return the memory that is free on a host now."""
        found = self._left.get(row)
        return self.ground.free[row] if found is None else found

    def ended(self) -> Trail:
        """Return what was looked at in all."""
        bits = ((1 << min(self._passed, self._around)) - 1) << (self._start + 1)
        self.trail.seen = bits & ((1 << self._around) - 1) | bits >> self._around
        return self.trail

    def place(self, vm: Vm, lane: Lane) -> Found | None:
        """Return the row that takes a VM, which is there from now on; None if none can."""
        bounds = self.ground.bounds(vm.id)
        if not bounds:
            row = -1 if self._tight else self._next(vm.memory_mib, lane)
            found = (row, How.ROOMY) if row >= 0 else self._first(vm.memory_mib, lane, _anybody)
        else:
            found = self._best(vm, lane, bounds)
        if found is None:
            self.trail.fragile = True
            return None
        self._take(vm, found[0])
        return found

    def against(self, vm: Vm, lane: Lane) -> tuple[Reason, HostId]:
        """Return what keeps a VM from the host that is nearest to taking it, and that host."""
        free, widest = self._top(self._heap(lane))
        need = vm.memory_mib
        if free < need:
            why = reason("host.memory", short=need - free, need=need, free=max(0, free))
            return why, self.ground.ids[widest]
        needs = self._needs(vm, self.ground.bounds(vm.id))
        rows = (row for row in lane.rows if row not in self.dead)
        for row in sorted(rows, key=lambda row: (-self.left(row), row)):
            why_not = needs.refusal(self.ground.hosts[row])
            if why_not is not None:
                return why_not, self.ground.ids[row]
        raise AssertionError("some host can take the VM")

    def _best(self, vm: Vm, lane: Lane, bounds: tuple[Bound, ...]) -> Found | None:
        """Return the first row that no must forbids and that misses the fewest preferences."""
        needs, hosts = self._needs(vm, bounds), self.ground.hosts
        of_hosts = any(isinstance(bound.rule, OF_HOSTS) for bound in bounds)
        prefers = any(b.strength is Strength.SHOULD or packs(b.rule) for b in bounds)
        best: dict[int, int] = {}

        def accept(row: int) -> bool:
            refused = needs.refusal(hosts[row]) is not None
            if refused or of_hosts:
                self.trail.strict |= 1 << row
            if refused:
                return False
            if not prefers:
                return True
            misses = len(needs.misses(hosts[row]))
            best.setdefault(misses, row)
            return misses == 0

        found = self._first(vm.memory_mib, lane, accept)
        if found is not None or not best:
            chosen = found is not None and found[1] is How.WIDEST and len(best) > 1
            return (found[0], How.PREFERRED) if found is not None and chosen else found
        self.trail.fragile = True
        row = best[min(best)]
        if self._tight:
            return row, How.TIGHT
        if self.left(row) - self.ground.kept[row] < vm.memory_mib:
            return row, How.PREFERRED if len(best) > 1 else How.WIDEST
        self._at = row
        return row, How.ROOMY

    def _first(self, need: int, lane: Lane, accept: Accept) -> Found | None:
        if self._tight:
            return self._tightest(need, lane, accept)
        for row in self._roomy(need, lane, mind=accept is not _anybody):
            if accept(row):
                self._look(row, need)
                return row, How.ROOMY
        self.trail.below = min(self.trail.below, need)
        return self._widest(need, lane, accept)

    def _next(self, need: int, lane: Lane) -> int:
        """Return the first roomy row for a VM without rules, -1 where it takes a longer look."""
        rows, kept, free, left = lane.rows, self.ground.kept, self.ground.free, self._left
        first = bisect_right(rows, self._at)
        if first < len(rows) and lane.count_roomy(need) * _FEW >= len(rows):
            row = rows[first]
            over = left.get(row, free[row]) - kept[row] - need
            if over >= 0 and row not in self.dead:
                self._look(row, need)
                return row
        return -1

    def _roomy(self, need: int, lane: Lane, *, mind: bool) -> Iterator[int]:
        """Yield roomy rows, those after the one that was taken last first."""
        if need >= self._never_roomy.get(lane, ENDLESS):
            return
        count, rows = lane.count_roomy(need), lane.rows
        if count * _FEW < len(rows):
            rows = tuple(sorted(lane.roomy(need)))
            self.trail.sparse = min(self.trail.sparse, need)
        kept, free, left, dead = self.ground.kept, self.ground.free, self._left, self.dead
        lack = self.trail.lack
        first = bisect_right(rows, self._at)
        for index in chain(range(first, len(rows)), range(first)) if count else ():
            row = rows[index]
            if row in dead:
                continue
            over = left.get(row, free[row]) - kept[row] - need
            if over >= 0:
                yield row
            elif lack.get(row, ENDLESS) > -over:
                lack[row] = -over
        if not mind:
            self._never_roomy[lane] = min(need, self._never_roomy.get(lane, ENDLESS))

    def _widest(self, need: int, lane: Lane, accept: Accept) -> Found | None:
        if need >= self._never.get(lane, ENDLESS):
            return None
        heap = self._heap(lane)
        aside: list[tuple[int, int]] = []
        found = None
        while heap and found is None and self._top(heap)[0] >= need:
            aside.append(heappop(heap))
            row = aside[-1][1]
            found = (row, How.WIDEST) if accept(row) else None
        for pair in aside:
            heappush(heap, pair)
        if found is None and accept is _anybody:
            self._never[lane] = min(need, self._never.get(lane, ENDLESS))
        return found

    def _heap(self, lane: Lane) -> list[tuple[int, int]]:
        """Return the living rows of a lane, that with most memory free first."""
        heap = self._heaps.get(lane)
        if heap is None:
            heap = [(-self.left(row), row) for row in lane.rows if row not in self.dead]
            heapify(heap)
            self._heaps[lane] = heap
        return heap

    def _top(self, heap: list[tuple[int, int]]) -> tuple[int, int]:
        """Return what is free on the first row of a heap, after entries that are old."""
        while True:
            entry, row = heap[0]
            now = self.left(row)
            if -entry == now:
                return now, row
            heapreplace(heap, (-now, row))

    def _tightest(self, need: int, lane: Lane, accept: Accept) -> Found | None:
        order = self._sorted.get(lane)
        if order is None:
            order = sorted((self.left(row), row) for row in lane.rows if row not in self.dead)
            self._sorted[lane] = order
        for index in range(bisect_left(order, (need, -1)), len(order)):
            if accept(order[index][1]):
                return order[index][1], How.TIGHT
        return None

    def _take(self, vm: Vm, row: int) -> None:
        before = self.left(row)
        self._left[row] = now = before - vm.memory_mib
        self.homes[vm.id] = self.ground.ids[row]
        self.vms[row] = self.vms.get(row, 0) + 1
        self.vcpus[row] = self.vcpus.get(row, 0) + vm.vcpus
        if self._sorted:
            for lane, order in self._sorted.items():
                if row in lane.members:
                    del order[bisect_left(order, (before, row))]
                    insort(order, (now, row))

    def _look(self, row: int, need: int) -> None:
        """Note a row that is taken, and those that were passed on the way to it."""
        self._passed += (row - self._at - 1) % self._around + 1
        self._at = row
        slack, over = self.trail.slack, self.left(row) - self.ground.kept[row] - need
        if over < slack.get(row, ENDLESS):
            slack[row] = over

    def _needs(self, vm: Vm, bounds: tuple[Bound, ...]) -> Needs:
        return Needs(_Aftermath(self, replace(vm, state=VmState.STOPPED)), bounds)


class _Aftermath(Scene):
    """The pool after a failure, with what has been placed so far."""

    def __init__(self, search: Search, vm: Vm) -> None:
        super().__init__(search.ground.inventory, vm, frozenset())
        self._search = search

    def others(self, bound: Bound) -> list[tuple[Vm, Host]]:
        found, hosts = [], self.inventory.hosts
        for key in sorted(bound.vms):
            other = self.inventory.vms.get(key)
            if other is None or key == self.vm.id:
                continue
            home = self._search.homes.get(key) or self._lives(other)
            if home is not None:
                found.append((other, hosts[home]))
        return found

    def _lives(self, other: Vm) -> HostId | None:
        """Return the host on which a VM runs or may run that the failure does not stop."""
        if other.host is None or other.state not in HOLDS_MEMORY:
            return None
        row = self._search.ground.row_of.get(other.host)
        return None if row is None or row in self._search.dead else other.host

    def running(self, host: HostId) -> int:
        row = self._search.ground.row_of[host]
        return self._search.ground.running(row) + self._search.vms.get(row, 0)

    def free_mib(self, host: HostId) -> int:
        return self._search.left(self._search.ground.row_of[host])

    def vcpus(self, host: HostId) -> int:
        row = self._search.ground.row_of[host]
        return super().vcpus(host) + self._search.vcpus.get(row, 0)


def _anybody(row: int) -> bool:
    return True
