"""Hosts and VMs as rows of numbers: memory, what rules limit, and CPU in each hour of the week."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from msgspec import Struct

from anypool.model import HOURS, Curve, HostId, Inventory, Vm, VmId
from anypool.model.energy import NO_TARIFF, Tariff, Watts
from anypool.planner.balance import Floats, Ints, Masks
from anypool.planner.rebalance import Weights, numbers_of
from anypool.planner.rebalance.numbers import UNLIMITED
from anypool.planner.rules import NO_RULES, Rulebook

EPS = 1e-6
"""What sums of floating-point numbers may be too large by, in MiB or percent."""


class Wish(Struct, frozen=True, kw_only=True):
    """Which hosts are to be fewer, and what must be kept.

    At every hour of the week the VMs of a host may use all but `headroom_percent` of its CPUs,
    by the sum of their `curves`; a VM that was measured in fewer than `least_hours` of the
    week counts with all its virtual CPUs busy. `failures` of hosts are survived without those
    that are emptied. VMs in `left_alone` stay. With `close` emptied hosts go into maintenance.
    """

    hosts: frozenset[HostId]
    name: str = ""
    rules: Rulebook = NO_RULES
    curves: Mapping[VmId, Curve] = {}
    least_hours: int = 24
    headroom_percent: float = 20.0
    failures: int = 0
    left_alone: frozenset[VmId] = frozenset()
    close: bool = False
    watts: Mapping[HostId, Watts] = {}
    tariff: Tariff = NO_TARIFF


@dataclass(frozen=True, kw_only=True)
class Loads:
    """CPU of V VMs in percent of one CPU for each hour of the week, without gaps.

    `unmeasured` are rows that count with their configured sizes, `partly` is how many others
    had hours that nobody measured.
    """

    high: Floats  # V x HOURS
    mean: Floats
    unmeasured: tuple[int, ...] = ()
    partly: int = 0


def loads_of(vms: Iterable[Vm], curves: Mapping[VmId, Curve], least_hours: int) -> Loads:
    """Return what VMs use of CPUs; an hour nobody measured counts as the busiest known one."""
    high, mean, unmeasured, partly = list[Floats](), list[Floats](), list[int](), 0
    for row, vm in enumerate(vms):
        curve = curves.get(vm.id)
        hours = 0 if curve is None else curve.hours
        if curve is None or hours < max(1, least_hours):
            unmeasured.append(row)
            high.append(np.full(HOURS, 100.0 * vm.vcpus))
            mean.append(high[-1])
            continue
        partly += hours < HOURS
        known = np.isfinite(curve.high)
        high.append(np.where(known, curve.high, curve.high[known].max()))
        mean.append(np.where(known, curve.mean, curve.mean[known].mean()))
    empty: Floats = np.zeros((0, HOURS))
    return Loads(
        high=np.array(high) if high else empty,
        mean=np.array(mean) if mean else empty,
        unmeasured=tuple(unmeasured),
        partly=partly,
    )


@dataclass(frozen=True, kw_only=True)
class Problem:
    """V VMs on H hosts in C columns: memory first, then limits of rules, then the hours.

    `take` is what a VM needs, `room` what a host has for VMs in all. `allowed` says which VM
    may be on which host at all; no two VMs of a group of `apart` share a host, and those of a
    group of `together` move as one.
    """

    hosts: tuple[HostId, ...]
    vms: tuple[VmId, ...]
    take: Floats  # V x C
    room: Floats  # H x C
    cpus: Floats  # H, in percent of one CPU
    loads: Loads
    placed: Ints  # V
    movable: Masks  # V
    allowed: Masks | None
    apart: tuple[tuple[int, ...], ...]
    together: tuple[tuple[int, ...], ...]

    @property
    def hours(self) -> slice:
        """Return the columns that are hours of the week."""
        return slice(self.take.shape[1] - HOURS, None)

    def left(self, placed: Ints) -> Floats:
        """Return what each host has left, H x C; below zero where it is too full."""
        used = np.zeros_like(self.room)
        np.add.at(used, placed, self.take)
        return np.asarray(self.room - used)

    def in_use(self, placed: Ints) -> list[int]:
        """Return the hosts that run a VM."""
        return [int(one) for one in np.unique(placed)]


def problem_of(inventory: Inventory, wish: Wish) -> Problem:
    """Return the open hosts of a wish, and the VMs that hold memory there, as numbers."""
    found = numbers_of(inventory, wish.hosts, wish.rules, {}, Weights())
    base = found.problem
    vms = [inventory.vms[key] for key in found.vms]
    loads = loads_of(vms, wish.curves, wish.least_hours)
    hosts = [inventory.hosts[key] for key in found.hosts]
    cpus = np.array([100.0 * max(1, host.cpus) for host in hosts])
    limited = [0, *(row for row in range(1, 4) if (base.room[row] < UNLIMITED).any())]
    kept = 1 - wish.headroom_percent / 100
    busy = np.repeat((cpus * kept)[:, None], HOURS, axis=1)
    stays = np.array([key in wish.left_alone for key in found.vms], dtype=np.bool_)
    return Problem(
        hosts=found.hosts,
        vms=found.vms,
        take=np.hstack([base.need[limited].T.astype(np.float64), loads.high]),
        room=np.hstack([base.room[limited].T.astype(np.float64), busy]),
        cpus=cpus,
        loads=loads,
        placed=base.placed,
        movable=base.movable & ~stays,
        allowed=base.allowed,
        apart=base.apart,
        together=base.together,
    )
