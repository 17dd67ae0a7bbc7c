"""Judges consolidation by the definitions alone, in plain Python; shares no code with planners."""

from collections.abc import Iterator, Mapping
from itertools import product
from math import isnan

import numpy as np
from hypothesis import strategies as st

from anypool.model import Curve, HostId, HostState, Inventory, VmId, VmState
from anypool.plan import MigrateVm, Plan, apply

HOLD = {VmState.RUNNING, VmState.PAUSED, VmState.SUSPENDED, VmState.UNKNOWN}
Week = list[float]
NOBODY = float("nan")


@st.composite
def weeks(draw: st.DrawFn) -> Curve:
    """A week with a night, a day and a few hours that nobody measured."""
    night, day = draw(st.integers(0, 60)), draw(st.integers(0, 260))
    begin = draw(st.integers(0, 23))
    missing = draw(st.sets(st.integers(0, 167), max_size=3))
    high = [float(day if (hour - begin) % 24 < 8 else night) for hour in range(168)]
    high = [NOBODY if hour in missing else one for hour, one in enumerate(high)]
    return Curve(high=np.array(high), mean=np.array([one / 2 for one in high]))


@st.composite
def measured(draw: st.DrawFn, world: Inventory) -> dict[VmId, Curve]:
    """Curves of most VMs of a pool."""
    return {key: draw(weeks()) for key in sorted(world.vms) if draw(st.integers(0, 3))}


def wanted(world: Inventory, curves: Mapping[VmId, Curve], vm: VmId, least: int = 24) -> Week:
    """What one VM may need in each hour: unknown hours are as bad as the worst known one."""
    known = [one for one in curves[vm].high.tolist() if not isnan(one)] if vm in curves else []
    if len(known) < least:
        return [100.0 * world.vms[vm].vcpus] * 168
    return [max(known) if isnan(one) else one for one in curves[vm].high.tolist()]


def busiest(world: Inventory, curves: Mapping[VmId, Curve], host: HostId) -> float:
    """The share of its CPUs that a host needs in its worst hour."""
    sums = [0.0] * 168
    for vm in world.vms.values():
        if vm.host == host and vm.state in HOLD:
            sums = [a + b for a, b in zip(sums, wanted(world, curves, vm.id), strict=True)]
    return max(sums) / (100.0 * world.hosts[host].cpus)


def held_mib(world: Inventory, host: HostId) -> int:
    return sum(v.memory_mib for v in world.vms.values() if v.host == host and v.state in HOLD)


def overloaded(
    plan: Plan, world: Inventory, curves: Mapping[VmId, Curve], headroom: float
) -> list[str]:
    """What is too full after any step that brought a VM there."""
    found = []
    for step in plan:
        world = apply(step.action, world)
        if not isinstance(step.action, MigrateVm):
            continue
        host = world.hosts[step.action.target]
        share = busiest(world, curves, host.id)
        if share > 1 - headroom / 100 + 1e-6:
            found.append(f"step {step.number}: {host.name} needs {share:.3f} of its CPUs")
        if held_mib(world, host.id) > host.memory_mib - host.reserved_mib:
            found.append(f"step {step.number}: {host.name} has not enough memory")
    return found


def in_use(world: Inventory) -> set[HostId]:
    """The open hosts that run something."""
    return {
        key
        for key, host in world.hosts.items()
        if host.state is HostState.UP and not host.maintenance and held_mib(world, key)
    }


def fewest(world: Inventory, curves: Mapping[VmId, Curve], headroom: float) -> int:
    """The fewest hosts that hold all VMs, by trying every placement; for pools without rules.

    Every VM must be able to go to every host.
    """
    hosts, vms = sorted(world.hosts), sorted(world.vms)
    best = len(hosts)
    for homes in product(hosts, repeat=len(vms)):
        if len(set(homes)) < best and all(_holds(world, curves, headroom, homes)):
            best = len(set(homes))
    return best


def _holds(
    world: Inventory, curves: Mapping[VmId, Curve], headroom: float, homes: tuple[HostId, ...]
) -> Iterator[bool]:
    vms = sorted(world.vms)
    for host in set(homes):
        mine = [vm for vm, home in zip(vms, homes, strict=True) if home == host]
        record = world.hosts[host]
        yield sum(world.vms[vm].memory_mib for vm in mine) <= record.memory_mib
        sums = [0.0] * 168
        for vm in mine:
            sums = [a + b for a, b in zip(sums, wanted(world, curves, vm), strict=True)]
        yield max(sums) <= 100.0 * record.cpus * (1 - headroom / 100) + 1e-6
