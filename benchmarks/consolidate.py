"""The fewest hosts for given VMs against first fit, best fit decreasing and a proven bound.

Each set is packed from the beginning, and once also planned: its VMs run scattered over twice
as many hosts, and `anypool pool consolidate` would move them, with memory and CPU by the hour.
`$AZURE_TRACES` may name a folder with arrivals and flavours of Azure's public trace
(`azure_v1_v1.test.txt`, `azure_v1_flav_map.txt`); without it only made-up VMs are packed.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

import numpy as np

from anypool.model import (
    HOURS,
    Capability,
    Curve,
    Datastore,
    DatastoreId,
    Disk,
    EndpointId,
    Host,
    HostId,
    Inventory,
    Vm,
    VmId,
    VmState,
)
from anypool.planner.consolidate import (
    Floats,
    best_fit,
    consolidate,
    decreasing,
    first_fit,
)
from anypool.planner.fewest import Wish, consolidated
from benchmarks.table import Rows, show

SEEDS = range(1, 6)
VMS = 800
WINDOW = 2000
PLANNED = 800
"""VMs of a set that are also planned, the first ones."""
CPUS, MEMORY_MIB = 64, 256 * 1024
HOST_TYPES = ((64.0, 256.0), (32.0, 192.0), (48.0, 384.0))
"""Cores and GiB of the hosts that Azure's VMs are packed into."""


def run() -> None:
    """Pack all sets with all packers and print the figures."""
    rows: Rows = {
        name: {"hosts": [], "to bound": [], "wall s": []}
        for name in ("anypool", "first fit", "best fit decreasing", "anypool's plan")
    }
    rows["anypool's plan"]["moves"] = []
    worse, ratios, sets, plan_worse = 0, [], 0, 0
    for name, demand, limits in _sets():
        begin = time.perf_counter()
        packing = consolidate(demand, limits)
        ours_s = time.perf_counter() - begin
        share = demand / limits
        _note(rows["anypool"], packing.hosts, packing.bound, ours_s)
        for peer, pack, order in (
            ("first fit", first_fit, np.arange(share.shape[0])),
            ("best fit decreasing", best_fit, decreasing(share)),
        ):
            begin = time.perf_counter()
            hosts = int(pack(share, order).max()) + 1
            _note(rows[peer], hosts, packing.bound, time.perf_counter() - begin)
        worse += packing.hosts > rows["best fit decreasing"]["hosts"][-1]
        ratios.append(packing.hosts / packing.bound)
        sets += 1
        print(f"{name}: {packing.hosts} hosts, bound {packing.bound}", flush=True)
        plan_worse += _plan(share[:PLANNED], rows["anypool's plan"])
    ratio = {
        "bound_ratio": fmean(ratios),
        "best_fit_worse": float(worse),
        "plan_bound_ratio": fmean(rows["anypool's plan"]["to bound"]),
        "plan_best_fit_worse": float(plan_worse),
    }
    show(f"consolidate: {sets} sets of VMs", rows, ratio)


def _plan(share: Floats, row: dict[str, list[float]]) -> bool:
    """Plan the moves of VMs that run scattered; return whether best fit would need fewer hosts."""
    inventory, curves = _scattered(share)
    wish = Wish(hosts=frozenset(inventory.hosts), curves=curves, headroom_percent=0)
    begin = time.perf_counter()
    made = consolidated(inventory, wish)
    wall_s, found = time.perf_counter() - begin, made.found
    hosts = len(found.problem.hosts) - len(found.empty)
    _note(row, hosts, found.bound, wall_s)
    row["moves"].append(len(made.plan.steps))
    best = int(best_fit(share, decreasing(share)).max()) + 1
    print(f"  planned: {hosts} hosts, bound {found.bound}, best fit {best}", flush=True)
    return hosts > best


def _scattered(share: Floats) -> tuple[Inventory, dict[VmId, Curve]]:
    """Return VMs that run on twice as many hosts as needed, wherever there was memory, and curves.

    The last column is memory, the others are CPU: one for always, or one for each hour of a day.
    """
    rng = np.random.default_rng(1)
    room = np.ones(2 * (int(best_fit(share, decreasing(share)).max()) + 1))
    store = Datastore(id=DatastoreId("san"), name="san", shared=True)
    inventory = Inventory().with_datastore(store)
    for number in range(room.shape[0]):
        inventory = inventory.with_host(_host(number))
    vms: dict[VmId, Vm | None] = {}
    curves: dict[VmId, Curve] = {}
    for number, one in enumerate(share):
        order = rng.permutation(room.shape[0])
        home = int(order[(room[order] >= one[-1]).argmax()])
        room[home] -= one[-1]
        key = VmId(f"v{number}")
        busy = np.resize(one[:-1] * 100.0 * CPUS, HOURS)
        curves[key] = Curve(high=busy, mean=busy)
        vms[key] = Vm(
            id=key,
            name=key,
            host=HostId(f"h{home:04}"),
            state=VmState.RUNNING,
            memory_mib=int(one[-1] * MEMORY_MIB),
            disks=(Disk(target="vda", volume=key, datastore=DatastoreId("san")),),
        )
    return inventory.patched_vms(vms), curves


def _host(number: int) -> Host:
    key = HostId(f"h{number:04}")
    return Host(
        id=key,
        name=key,
        endpoint=EndpointId("bench"),
        cpus=CPUS,
        memory_mib=MEMORY_MIB,
        capabilities=frozenset(Capability),
        datastores=frozenset({DatastoreId("san")}),
        peer_uri=f"bench://{key}",
    )


def _note(row: dict[str, list[float]], hosts: int, bound: int, wall_s: float) -> None:
    for figure, value in (("hosts", hosts), ("to bound", hosts / bound), ("wall s", wall_s)):
        row[figure].append(value)


def _sets() -> Iterator[tuple[str, Floats, Floats]]:
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        cpus = rng.choice([1.0, 2.0, 4.0, 8.0, 16.0], VMS)
        memory = cpus * rng.choice([1.0, 2.0, 4.0, 8.0], VMS)
        yield f"flavours {seed}", np.column_stack([cpus, memory]), np.array([64.0, 256.0])
        yield f"any size {seed}", rng.uniform(0.02, 0.3, (VMS, 2)), np.ones(2)
        hours = np.arange(24)
        busiest = rng.integers(0, 24, VMS)[:, None]
        day = 0.3 + 0.35 * (1 + np.cos((hours - busiest) * 2 * np.pi / 24))
        load = cpus[:, None] / 2 * day
        limits = np.array([*(64.0,) * 24, 256.0])
        yield f"days {seed}", np.column_stack([load, memory / 2]), limits
    folder = os.environ.get("AZURE_TRACES", "")
    if folder:
        yield from _azure(Path(folder))


def _azure(folder: Path) -> Iterator[tuple[str, Floats, Floats]]:
    flavours = {}
    for line in (folder / "azure_v1_flav_map.txt").read_text().splitlines():
        size, name = line.split()
        flavours[name] = [float(part) for part in size.split(",")]
    arrivals: list[list[float]] = []
    for line in (folder / "azure_v1_v1.test.txt").read_text().splitlines():
        names = line.partition(" ")[2].split(",")
        arrivals += [flavours[name] for name in names if name in flavours]
    for number, limits in enumerate(HOST_TYPES * 3):
        part = arrivals[number * WINDOW : (number + 1) * WINDOW]
        yield f"azure {number}", np.array(part), np.array(limits)
