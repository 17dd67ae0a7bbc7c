"""How long steps take together: a list schedule under limits, and what no schedule can beat."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence

from msgspec import Struct

from anypool.model import HostId
from anypool.plan.action import MigrateVm, hosts_of
from anypool.plan.plan import Step


class Limits(Struct, frozen=True, kw_only=True, gc=False):
    """How much goes on at one time: migrations of a plan and of a host, steps of any kind."""

    moves: int = 4
    moves_per_host: int = 2
    steps: int = 64


def makespan_ms(steps: Sequence[Step], limits: Limits) -> int:
    """Return the milliseconds of steps that begin in their order, each as soon as it may."""
    return _Schedule(steps, limits).run()


def begins_ms(steps: Sequence[Step], limits: Limits) -> dict[int, int]:
    """Return when each step by number would begin in that schedule, milliseconds from the first."""
    schedule = _Schedule(steps, limits)
    schedule.run()
    return schedule.begins


def least_ms(steps: Sequence[Step], limits: Limits) -> int:
    """Return milliseconds that no order of these steps under these limits can be below.

    That is the longest chain of steps that wait for each other, or what the migrations of
    the plan, or of its busiest host, take when every place is always taken.
    """
    ends: dict[int, int] = {}
    moving, by_host = 0, defaultdict[HostId, int](int)
    for step in steps:
        ready = max((ends[before] for before in step.after), default=0)
        ends[step.number] = ready + step.cost.duration_ms
        if isinstance(step.action, MigrateVm):
            moving += step.cost.duration_ms
            for host in set(hosts_of(step.action)):
                by_host[host] += step.cost.duration_ms
    busiest = max(by_host.values(), default=0)
    chain = max(ends.values(), default=0)
    return max(chain, _up(moving, limits.moves), _up(busiest, limits.moves_per_host))


def _up(total: int, places: int) -> int:
    return -(-total // max(1, places))


class _Schedule:
    """Steps that may begin wait by number; a migration whose host is taken waits there."""

    def __init__(self, steps: Sequence[Step], limits: Limits) -> None:
        self._steps = {step.number: step for step in steps}
        self._most = max(1, limits.steps)
        self._most_moves = max(1, limits.moves)
        self._most_of_host = max(1, limits.moves_per_host)
        self._waits = {step.number: len(step.after) for step in steps}
        self._next: dict[int, list[int]] = defaultdict(list)
        for step in steps:
            for before in step.after:
                self._next[before].append(step.number)
        self._others: list[int] = []
        self._moves: list[int] = []
        self._parked: dict[HostId, list[int]] = defaultdict(list)
        self._running: list[tuple[int, int]] = []
        self.begins: dict[int, int] = {}
        self._moving = 0
        self._of_host: dict[HostId, int] = defaultdict(int)
        for number, count in self._waits.items():
            if not count:
                self._release(number)

    def run(self) -> int:
        now = 0
        self._begin(now)
        while self._running:
            now, number = heapq.heappop(self._running)
            self._end(number)
            while self._running and self._running[0][0] == now:
                self._end(heapq.heappop(self._running)[1])
            self._begin(now)
        return now

    def _release(self, number: int) -> None:
        moves = isinstance(self._steps[number].action, MigrateVm)
        heapq.heappush(self._moves if moves else self._others, number)

    def _begin(self, now: int) -> None:
        while self._others and len(self._running) < self._most:
            self._run(heapq.heappop(self._others), now)
        while self._moves and self._moving < self._most_moves and len(self._running) < self._most:
            number = heapq.heappop(self._moves)
            hosts = hosts_of(self._steps[number].action)
            full = [host for host in hosts if self._of_host[host] >= self._most_of_host]
            if full:
                heapq.heappush(self._parked[full[0]], number)
                self._wake(host for host in hosts if host not in full)
                continue
            self._count(number, 1)
            self._run(number, now)

    def _run(self, number: int, now: int) -> None:
        self.begins[number] = now
        heapq.heappush(self._running, (now + self._steps[number].cost.duration_ms, number))

    def _wake(self, hosts: Iterable[HostId]) -> None:
        """Let the first that waits at each of some hosts try again: a place there is free."""
        for host in hosts:
            if self._parked[host]:
                heapq.heappush(self._moves, heapq.heappop(self._parked[host]))

    def _count(self, number: int, by: int) -> None:
        self._moving += by
        for host in set(hosts_of(self._steps[number].action)):
            self._of_host[host] += by

    def _end(self, number: int) -> None:
        action = self._steps[number].action
        if isinstance(action, MigrateVm):
            self._count(number, -1)
            self._wake(hosts_of(action))
        for after in self._next[number]:
            self._waits[after] -= 1
            if not self._waits[after]:
                self._release(after)
