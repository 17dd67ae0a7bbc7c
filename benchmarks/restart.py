"""How long the plan of all restarts takes when three hosts die at once, in this process."""

import random
import time
from statistics import median

from anypool.model import HostId, Inventory
from anypool.planner.failover import of_hosts, plan_recovery
from benchmarks.failing import VMS_PER_HOST, pool
from benchmarks.table import Rows, show

SIZES = (100, 1_000, 10_000)
BAR = 1_000
DEAD = 3
RUNS = 15


def run() -> None:
    """Let three hosts die in pools of several sizes, many times, and print the figures."""
    rows: Rows = {}
    ratios: dict[str, float] = {}
    for hosts in SIZES:
        world, rng = pool(hosts), random.Random(hosts)
        runs = [_plan(world, rng.sample(sorted(world.hosts), DEAD)) for _ in range(RUNS)]
        durations, stopped, lost = (list(column) for column in zip(*runs, strict=True))
        rows[f"{hosts} hosts, {hosts * VMS_PER_HOST} VMs"] = {
            "plan ms": durations, "VMs": stopped, "lost": lost,
        }  # fmt: skip
        if hosts == BAR:
            ratios = {"plan_ms": median(durations), "plan_max_ms": max(durations)}
    show(f"restarts after {DEAD} hosts died", rows, ratios)


def _plan(world: Inventory, dead: list[HostId]) -> tuple[float, float, float]:
    begin = time.perf_counter()
    found = plan_recovery(world, of_hosts(dead))
    took = (time.perf_counter() - begin) * 1000
    return took, float(len(found.fates)), float(len(found.lost))
