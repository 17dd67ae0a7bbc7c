"""The fewest equal hosts that hold given VMs, with a proven bound on how few there could be.

A VM is a row of numbers: one column for each resource at each point of time. Memory has one
column; a CPU load that changes over the day has as many as there are points, so that VMs
which are busy at different hours share a host and peaks are not summed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anypool.errors import Invalid

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

Suits = Callable[[Floats, Floats, Floats], Floats]
"""How well each kind of VM suits, from the kinds, what a host has left, what is needed in all."""

SLACK = 1e-9
"""Share of a capacity that sums of floating-point numbers may be too large by."""

EMPTIED = 12
"""Hosts, the least filled ones, that are tried for emptying before the search ends."""


@dataclass(frozen=True, kw_only=True)
class Packing:
    """The host of each VM, numbered from 0, how many hosts, and the bound below that number."""

    host: Ints
    hosts: int
    bound: int

    @property
    def gap(self) -> float:
        """Return by what share more hosts are used than the bound; 0 is proven best."""
        return self.hosts / self.bound - 1 if self.bound else 0.0


def consolidate(demand: Floats, capacity: Floats) -> Packing:
    """Return a packing of `demand` (N x C) into hosts of `capacity` (C).

    Raise `Invalid` for a VM that fits on no host, negative demands, or no capacity.
    """
    if demand.ndim != 2 or capacity.shape != (demand.shape[1],) or (capacity <= 0).any():
        raise Invalid("each VM needs a number for each capacity, and those must be above zero")
    if (demand < 0).any() or not np.isfinite(demand).all():
        raise Invalid("a demand is negative or no number")
    share = demand / capacity
    too_large = np.flatnonzero((share > 1 + SLACK).any(axis=1))
    if too_large.size:
        raise Invalid(f"VM {int(too_large[0])} is larger than a host", hint="leave it out")
    if not share.shape[0]:
        return Packing(host=np.zeros(0, dtype=np.int64), hosts=0, bound=0)
    bound = lower_bound(share)
    best: Ints | None = None
    for order in _orders(share):
        for pack in (best_fit, first_fit):
            host = pack(share, order)
            best = host if best is None or host.max() < best.max() else best
    for suits in (_along, _near, _shaped):
        host = _by_host(share, suits)
        best = host if best is None or host.max() < best.max() else best
    if best is None:
        raise AssertionError("every order gives a packing")
    best = _emptied(share, best, bound)
    return Packing(host=best, hosts=int(best.max()) + 1, bound=bound)


def lower_bound(share: Floats) -> int:
    """Return a number of hosts that no packing of `share` (N x C, parts of a host) is below.

    For each column the larger of the sum, and of the sum after numbers above 1 - t count as a
    whole host and those below t as nothing, for every t up to a half (Martello and Toth).
    """
    bound = int(np.ceil(share.sum(axis=0).max() - 1e-6))
    for column in share.T:
        bound = max(bound, _dual_bound(np.sort(column)))
    return max(bound, 1)


def _dual_bound(sizes: Floats) -> int:
    best = 0.0
    total = np.concatenate([[0.0], np.cumsum(sizes)])
    for least in np.unique(np.concatenate([[0.0], sizes[sizes <= 0.5]])):
        low = int(np.searchsorted(sizes, least - SLACK))
        high = int(np.searchsorted(sizes, 1 - least + SLACK, side="right"))
        half = int(np.searchsorted(sizes, 0.5 + SLACK, side="right"))
        whole, large = sizes.shape[0] - high, max(0, high - half)
        rest = total[min(half, high)] - total[low] - (large - (total[high] - total[half]))
        best = max(best, whole + large + max(0.0, float(np.ceil(rest - 1e-6))))
    return int(best)


def first_fit(share: Floats, order: Ints) -> Ints:
    """Return the hosts if each VM, in `order`, goes to the first host that has room."""
    left = np.ones((share.shape[0], share.shape[1]))
    host, count = np.zeros(share.shape[0], dtype=np.int64), 0
    for vm in order.tolist():
        fits = (left[:count] >= share[vm] - SLACK).all(axis=1)
        chosen = int(fits.argmax()) if fits.any() else count
        count = max(count, chosen + 1)
        left[chosen] -= share[vm]
        host[vm] = chosen
    return host


def best_fit(share: Floats, order: Ints) -> Ints:
    """Return the hosts if each VM, in `order`, goes to the fullest host that has room."""
    left = np.ones((share.shape[0], share.shape[1]))
    room = np.full(share.shape[0], float(share.shape[1]))
    host, count = np.zeros(share.shape[0], dtype=np.int64), 0
    for vm in order.tolist():
        fits = (left[:count] >= share[vm] - SLACK).all(axis=1)
        chosen = int(np.where(fits, room[:count], np.inf).argmin()) if fits.any() else count
        count = max(count, chosen + 1)
        left[chosen] -= share[vm]
        room[chosen] = left[chosen].sum()
        host[vm] = chosen
    return host


def decreasing(share: Floats) -> Ints:
    """Return the VMs, largest sum of shares first."""
    return np.argsort(-share.sum(axis=1), kind="stable")


def _orders(share: Floats) -> tuple[Ints, ...]:
    scarce = share.sum(axis=0)
    return (
        decreasing(share),
        np.arange(share.shape[0]),
        np.argsort(-share.max(axis=1), kind="stable"),
        np.argsort(-(share @ (scarce / max(scarce.max(), SLACK))), kind="stable"),
    )


def _by_host(share: Floats, suits: Suits) -> Ints:
    """Fill one host after the other with the VM that suits what is left there best."""
    kinds, back, remaining = np.unique(share, axis=0, return_inverse=True, return_counts=True)
    back = back.reshape(-1)
    waiting = [np.flatnonzero(back == kind)[::-1].tolist() for kind in range(kinds.shape[0])]
    host, number = np.zeros(share.shape[0], dtype=np.int64), 0
    while remaining.any():
        need = np.maximum(remaining @ kinds, SLACK)
        left = np.ones(share.shape[1])
        while True:
            fits = (remaining > 0) & (kinds <= left + SLACK).all(axis=1)
            if not fits.any():
                break
            kind = int(np.where(fits, suits(kinds, left, need), -np.inf).argmax())
            host[waiting[kind].pop()] = number
            remaining[kind] -= 1
            left = left - kinds[kind]
        number += 1
    return host


def _along(kinds: Floats, left: Floats, need: Floats) -> Floats:
    """Large in what the host has left and all VMs together need most."""
    return np.asarray(kinds @ (need / need.max() * left))


def _near(kinds: Floats, left: Floats, need: Floats) -> Floats:
    """Leaves least, by what all VMs together need."""
    return -np.asarray(((left - kinds) ** 2) @ (need / need.max()))


def _shaped(kinds: Floats, left: Floats, need: Floats) -> Floats:
    """Leaves what has the shape of the need of the other VMs."""
    after = np.maximum(left - kinds, 0.0)
    length = np.sqrt((after * after).sum(axis=1)) * np.sqrt((need * need).sum())
    alike = np.where(length > SLACK, (after @ need) / np.maximum(length, SLACK), 1.0)
    return np.asarray(alike + 0.2 * kinds.sum(axis=1) / kinds.shape[1])


def _emptied(share: Floats, host: Ints, bound: int) -> Ints:
    """Empty the least filled hosts by moves and exchanges as long as that succeeds."""
    while int(host.max()) + 1 > bound:
        count = int(host.max()) + 1
        filled = np.bincount(host, share.sum(axis=1), count)
        for victim in np.argsort(filled, kind="stable")[:EMPTIED].tolist():
            fewer = _without(share, host, victim)
            if fewer is not None:
                host = fewer
                break
        else:
            break
    return host


def _without(share: Floats, host: Ints, victim: int) -> Ints | None:
    """Return the packing with one host emptied, None if its VMs find no place."""
    count = int(host.max()) + 1
    now = host.copy()
    used = np.zeros((count, share.shape[1]))
    np.add.at(used, now, share)
    left = 1.0 - used
    left[victim] = -np.inf
    vms = np.flatnonzero(now == victim)
    for vm in vms[np.argsort(-share[vms].sum(axis=1), kind="stable")].tolist():
        if not _placed(share, now, left, vm) and not _exchanged(share, now, left, vm):
            return None
    now[now > victim] -= 1
    return now


def _placed(share: Floats, now: Ints, left: Floats, vm: int) -> bool:
    fits = (left >= share[vm] - SLACK).all(axis=1)
    if not fits.any():
        return False
    target = int(np.where(fits, left.sum(axis=1), np.inf).argmin())
    left[target] -= share[vm]
    now[vm] = target
    return True


def _exchanged(share: Floats, now: Ints, left: Floats, vm: int) -> bool:
    """Put a VM in the place of a smaller one that fits elsewhere."""
    fits = (left[now] + share >= share[vm] - SLACK).all(axis=1)
    fits &= share.sum(axis=1) < share[vm].sum() - SLACK
    candidates = np.flatnonzero(fits)
    for other in candidates[np.argsort(share[candidates].sum(axis=1), kind="stable")].tolist():
        home = int(now[other])
        left[home] += share[other] - share[vm]
        if _placed(share, now, left, other):
            now[vm] = home
            return True
        left[home] -= share[other] - share[vm]
    return False
