"""How many more VMs of one size fit, such that any r hosts may fail and all VMs run again.

Failures are judged by memory, the resource that cannot be shared; the new VMs themselves
must fit in every resource of the host they are counted on.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt

from anypool.errors import Invalid

Ints = npt.NDArray[np.int64]

MEMORY = 0
EXHAUSTIVE = 2000
"""Up to this many combinations of failing hosts are each tried; beyond, a safe bound judges."""

BEYOND = 3
"""Counts above the first that fails which are tried too: packing is not monotonous."""


@dataclass(frozen=True, kw_only=True)
class Pool:
    """H hosts with free room in R resources, memory first, and the memory of the VMs there."""

    free: Ints  # R x H
    memory: Ints  # V, of each VM
    placed: Ints  # V, its host

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit together; raise `Invalid`."""
        hosts = self.free.shape[1] if self.free.ndim == 2 else 0
        if hosts == 0 or self.free.shape[0] == 0 or self.memory.shape != self.placed.shape:
            raise Invalid("the pool has no hosts, or not a host for each VM")
        if self.placed.size and not (self.placed.min() >= 0 and self.placed.max() < hosts):
            raise Invalid("a VM is placed on a host that is not there")


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """How many fit, how many on each host, and a proven upper bound.

    `count` is -1 where the pool cannot lose the hosts even as it is. `exact` says that
    every combination of failing hosts was tried, and not only bounded.
    """

    count: int
    on_host: Ints
    bound: int
    exact: bool


def capacity(pool: Pool, size: Ints, failures: int = 0) -> Capacity:
    """Return how many VMs of `size` (R numbers, memory above zero) fit besides those there.

    Raise `Invalid` for a size without memory or more failures than leave a host.
    """
    hosts = pool.free.shape[1]
    if size.shape != (pool.free.shape[0],) or size[MEMORY] <= 0 or (size < 0).any():
        raise Invalid("the size must have memory, and a number for each resource")
    if not 0 <= failures < hosts:
        raise Invalid(f"{failures} of {hosts} hosts cannot fail", hint="at least one must be left")
    slots = _slots(pool, size)
    bound = _bound(pool, size, slots, failures)
    exact = comb(hosts, failures) <= EXHAUSTIVE
    found: tuple[int, Ints] = (-1, np.zeros(hosts, dtype=np.int64))
    low, high = -1, bound + 1
    while high - low > 1:
        middle = (low + high) // 2
        spread = _survives(pool, size, slots, middle, failures)
        if spread is None:
            high = middle
        else:
            low, found = middle, (middle, spread)
    for count in range(min(high + BEYOND, bound), high, -1):
        spread = _survives(pool, size, slots, count, failures)
        if spread is not None:
            found = (count, spread)
            break
    return Capacity(count=found[0], on_host=found[1], bound=bound, exact=exact)


def _slots(pool: Pool, size: Ints) -> Ints:
    used = size > 0
    each = np.maximum(pool.free[used], 0) // size[used][:, None]
    return np.asarray(each.min(axis=0), dtype=np.int64)


def _bound(pool: Pool, size: Ints, slots: Ints, failures: int) -> int:
    """Return what no spread exceeds: slots, and memory without the hosts that have most."""
    total = int(slots.sum())
    if failures == 0:
        return total
    held = np.rint(np.bincount(pool.placed, pool.memory, slots.shape[0])).astype(np.int64)
    room = np.maximum(pool.free[MEMORY], 0) + held
    left = int(np.sort(room)[: slots.shape[0] - failures].sum()) - int(held.sum())
    return max(-1, min(total, left // int(size[MEMORY])))


def _survives(pool: Pool, size: Ints, slots: Ints, count: int, failures: int) -> Ints | None:
    """Return how `count` new VMs are spread so that failures are absorbed, None if not."""
    for spread in _spreads(pool, size, slots, count, failures):
        if failures == 0 or _absorbs(pool, size, spread, failures):
            return spread
    return None


def _absorbs(pool: Pool, size: Ints, spread: Ints, failures: int) -> bool:
    hosts, count = spread.shape[0], int(spread.sum())
    memory = np.concatenate([pool.memory, np.full(count, size[MEMORY], dtype=np.int64)])
    placed = np.concatenate([pool.placed, np.repeat(np.arange(hosts), spread)])
    free = np.maximum(pool.free[MEMORY], 0) - spread * size[MEMORY]
    if _bounded(memory, placed, free, failures):
        return True
    if comb(hosts, failures) > EXHAUSTIVE:
        return False
    on_host: list[list[int]] = [[] for _ in range(hosts)]
    for vm, host in enumerate(placed.tolist()):
        on_host[host].append(int(memory[vm]))
    return all(_absorbed(on_host, free, failed) for failed in combinations(range(hosts), failures))


def _spreads(pool: Pool, size: Ints, slots: Ints, count: int, failures: int) -> Iterator[Ints]:
    """Yield spreads to try: even ones, and ones that keep the emptiest hosts free to the last.

    Even room everywhere suits small VMs; large ones need room in one piece.
    """
    emptiest = np.argsort(-pool.free[MEMORY], kind="stable")
    for kept in (0, *range(failures, failures + 3)) if failures else (0,):
        first = slots.copy()
        first[emptiest[:kept]] = 0
        if int(first.sum()) >= count:
            yield _level(pool, size, first, count)
        elif kept < slots.shape[0]:
            yield first + _level(pool, size, slots - first, count - int(first.sum()))


def _level(pool: Pool, size: Ints, slots: Ints, count: int) -> Ints:
    """Spread `count` VMs so that the memory left is as even as slots allow."""
    free, unit = pool.free[MEMORY], int(size[MEMORY])
    low, high = int(free.min()) - unit * (count + 1), int(free.max()) + 1
    while high - low > 1:
        middle = (low + high) // 2
        if int(np.clip((free - middle) // unit, 0, slots).sum()) >= count:
            low = middle
        else:
            high = middle
    spread = np.clip((free - high) // unit, 0, slots)
    more = np.flatnonzero(np.clip((free - low) // unit, 0, slots) > spread)
    spread[more[: count - int(spread.sum())]] += 1
    return np.asarray(spread, dtype=np.int64)


def _bounded(memory: Ints, placed: Ints, free: Ints, failures: int) -> bool:
    """Return whether any failures are absorbed for certain, by first fit's least filling.

    Where no VM is larger than m, first fit fills all but m of each host before it fails.
    """
    beyond = np.maximum(free - memory.max(initial=0), 0)
    held = np.bincount(placed, memory, free.shape[0])
    worst = np.sort(held + beyond)[free.shape[0] - failures :].sum()
    return bool(beyond.sum() >= worst)


def _absorbed(on_host: list[list[int]], free: Ints, failed: tuple[int, ...]) -> bool:
    """Return whether the VMs of the failed hosts fit, tightest or widest host first."""
    left = np.delete(free, failed)
    homeless = sorted((size for host in failed for size in on_host[host]), reverse=True)
    if sum(homeless) > int(left.sum()):
        return False
    return _fits(homeless, left, tight=True) or _fits(homeless, left, tight=False)


def _fits(sizes: list[int], left: Ints, *, tight: bool) -> bool:
    room = sorted(left.tolist())
    for size in sizes:
        index = bisect_left(room, size) if tight else len(room) - 1
        if index >= len(room) or room[index] < size:
            return False
        insort(room, room.pop(index) - size)
    return True
