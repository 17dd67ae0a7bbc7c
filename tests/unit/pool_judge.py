"""Judges moves between hosts by the definitions alone; shares no code with planners."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from statistics import pstdev

import numpy as np
from hypothesis import strategies as st

from anypool.planner.balance import Problem


@dataclass
class Pool:
    """A pool of plain Python numbers; memory is the first need."""

    demand: list[list[float]]  # by metric, by VM
    capacity: list[list[float]]  # by metric, by host
    weight: list[float]
    need: list[list[int]]  # by resource, by VM
    room: list[list[int]]
    placed: list[int]
    movable: list[bool]
    closed: list[bool]  # by host
    forbidden: set[tuple[int, int]] = field(default_factory=set)
    apart: list[tuple[int, ...]] = field(default_factory=list)
    together: list[tuple[int, ...]] = field(default_factory=list)

    @property
    def hosts(self) -> range:
        return range(len(self.closed))

    @property
    def vms(self) -> range:
        return range(len(self.placed))

    def problem(self, placed: list[int] | None = None) -> Problem:
        allowed = np.ones((len(self.placed), len(self.closed)), dtype=bool)
        for vm, host in self.forbidden:
            allowed[vm, host] = False
        return Problem(
            demand=np.array(self.demand, dtype=float),
            base=np.zeros((len(self.weight), len(self.closed))),
            capacity=np.array(self.capacity, dtype=float),
            weight=np.array(self.weight),
            need=np.array(self.need, dtype=np.int64),
            room=np.array(self.room, dtype=np.int64),
            placed=np.array(placed or self.placed, dtype=np.int64),
            counted=~np.array(self.closed),
            movable=np.array(self.movable),
            allowed=allowed if self.forbidden else None,
            apart=tuple(self.apart),
            together=tuple(self.together),
        )

    def score(self, placed: list[int]) -> float:
        total = 20.0 * sum(self.closed[host] for host in placed)
        for metric, weight in enumerate(self.weight):
            loads = []
            for host in self.hosts:
                if not self.closed[host]:
                    held = [self.demand[metric][vm] for vm in self.vms if placed[vm] == host]
                    loads.append(sum(held) / self.capacity[metric][host])
            total += weight * pstdev(loads)
        return total + 2.0 * len(self.broken(placed))

    def broken(self, placed: list[int]) -> list[object]:
        """Return one entry for each harm of a rule."""
        found: list[object] = [(vm, host) for vm, host in self.forbidden if placed[vm] == host]
        for group in self.apart:
            inside = [placed[vm] for vm in group if not self.closed[placed[vm]]]
            found += ["apart"] * (len(inside) - len(set(inside)))
        for group in self.together:
            where = [placed[vm] for vm in group]
            found += ["together"] * (len(where) - max(where.count(host) for host in where))
        return found

    def excess(self, placed: list[int]) -> list[int]:
        """Return by resource and host how much more is used than there is room."""
        return [
            max(0, sum(needs[vm] for vm in self.vms if placed[vm] == host) - room[host])
            for needs, room in zip(self.need, self.room, strict=True)
            for host in self.hosts
        ]

    def harms(self, before: list[int], after: list[int]) -> bool:
        """Return whether a host is fuller than allowed, or a new one cannot be done without."""
        pairs = zip(self.excess(after), self.excess(before), strict=True)
        return any(now > then for now, then in pairs) or bool(
            self.unsafe(after) - self.unsafe(before)
        )

    def unsafe(self, placed: list[int]) -> set[int]:
        """Return the hosts whose VMs have no place if they fail, by trying everything."""
        return {host for host in self.hosts if not self._absorbed(placed, host)}

    def _absorbed(self, placed: list[int], failed: int) -> bool:
        homeless = [vm for vm in self.vms if placed[vm] == failed]
        now: list[int | None] = [None if host == failed else host for host in placed]
        return self._place(now, homeless, failed)

    def _place(self, now: list[int | None], homeless: list[int], failed: int) -> bool:
        if not homeless:
            return True
        vm, rest = homeless[0], homeless[1:]
        for host in self.hosts:
            if host == failed or self.closed[host] or (vm, host) in self.forbidden:
                continue
            used = sum(self.need[0][other] for other in self.vms if now[other] == host)
            mates = {other for group in self.apart if vm in group for other in group} - {vm}
            if used + self.need[0][vm] > max(self.room[0][host], used):
                continue
            if any(now[mate] == host for mate in mates):
                continue
            now[vm] = host
            if self._place(now, rest, failed):
                return True
            now[vm] = None
        return False

    def single_changes(self, placed: list[int]) -> Iterator[list[int]]:
        """Yield every placement that one move, or one exchange of two VMs, leads to."""
        grouped = {vm for group in self.together for vm in group}
        free = [vm for vm in self.vms if self.movable[vm] and vm not in grouped]
        for vm in free:
            for host in self.hosts:
                if host != placed[vm]:
                    yield [host if one == vm else at for one, at in enumerate(placed)]
        for left, right in combinations(free, 2):
            if placed[left] != placed[right]:
                swapped = list(placed)
                swapped[left], swapped[right] = placed[right], placed[left]
                yield swapped


@st.composite
def pools(draw: st.DrawFn, *, rules: bool = True) -> Pool:
    """Draw small and tight pools, also with rules that are broken from the start."""
    hosts = draw(st.integers(2, 4))
    vms = draw(st.integers(1, 8))
    memory = [draw(st.sampled_from((1, 2, 3, 5))) for _ in range(vms)]
    cpus = [draw(st.sampled_from((1, 2, 4))) for _ in range(vms)]
    placed = [draw(st.integers(0, hosts - 1)) for _ in range(vms)]
    sizes = [draw(st.sampled_from((8, 10, 14))) for _ in range(hosts)]
    even = draw(st.booleans())
    share = [10.0] * hosts if even else [float(size) for size in sizes]
    pool = Pool(
        demand=[[float(one) for one in memory], [float(one) for one in cpus], [1.0] * vms],
        capacity=[share, [8.0] * hosts, [1.0] * hosts],
        weight=[1.0, 0.5, draw(st.sampled_from((0.0, 0.3)))],
        need=[memory, cpus],
        room=[sizes, [16] * hosts],
        placed=placed,
        movable=[draw(st.integers(0, 5)) > 0 for _ in range(vms)],
        closed=[host > 1 and draw(st.integers(0, 5)) == 0 for host in range(hosts)],
    )
    if rules:
        pairs = st.tuples(st.integers(0, vms - 1), st.integers(0, hosts - 1))
        pool.forbidden = draw(st.sets(pairs, max_size=3))
        group = st.lists(st.integers(0, vms - 1), min_size=2, max_size=3, unique=True)
        if vms > 2:
            pool.apart = [tuple(sorted(draw(group))) for _ in range(draw(st.integers(0, 2)))]
            if draw(st.integers(0, 2)) == 0:
                pool.together = [tuple(sorted(draw(group)))]
    return pool
