"""How long the choice of a host takes among 1,000 and 10,000, in this process."""

import time
from statistics import quantiles

import numpy as np

from anypool.planner.rank import Filter, Room, Weight, rank
from benchmarks.table import Rows, show

SIZES = (1_000, 10_000)
RUNS = 300


def run() -> None:
    """Choose many times, for VMs of changing sizes, and print the figures."""
    rows: Rows = {}
    ratios = {}
    for hosts in SIZES:
        durations = _durations(hosts)
        rows[f"{hosts} hosts"] = {"ms": durations}
        ratios[f"p50_{hosts}_ms"] = quantiles(durations, n=100)[49]
        ratios[f"p99_{hosts}_ms"] = quantiles(durations, n=100)[98]
    show(f"choosing a host, {RUNS} times", rows, ratios)


def _durations(hosts: int) -> list[float]:
    rng = np.random.default_rng(hosts)
    free = rng.integers(0, 512, (2, hosts)) * np.array([[1024], [1]])
    room = Room(names=("memory", "cpus"), free=free, pending=free // 16)
    masks = [rng.random(hosts) < share for share in (0.97, 0.98, 0.9, 0.9, 0.95)]
    codes = ("host.state", "host.maintenance", "host.datastore", "host.network", "host.arch")
    filters = tuple(Filter(code=code, passes=mask) for code, mask in zip(codes, masks, strict=True))
    weights = tuple(
        Weight(code=code, value=rng.random(hosts), factor=factor)
        for code, factor in (("memory", 2.0), ("cpus", 1.0), ("vms", 1.0), ("load", 1.0))
    )
    found = []
    for number in range(RUNS):
        need = np.array([1024 * (1 + number % 64), 1 + number % 16])
        begin = time.perf_counter()
        ranking = rank(room, need, filters, weights, 10)
        ranking.counts()
        found.append((time.perf_counter() - begin) * 1000)
    return found
