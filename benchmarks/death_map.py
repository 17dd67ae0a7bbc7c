"""How long the death map takes anew, and after one change, in this process."""

import time
from statistics import median, quantiles

from anypool.model import Inventory
from anypool.planner.failover import DeathMap
from benchmarks.failing import VMS_PER_HOST, changes, pool
from benchmarks.table import Rows, show

SIZES = (250, 1_000, 2_000)
BAR = 1_000
RUNS = 3
CHANGES = 100


def run() -> None:
    """Make the map of pools of several sizes, change them, and print the figures."""
    rows: Rows = {}
    ratios: dict[str, float] = {}
    for hosts in SIZES:
        world = pool(hosts)
        full = [_seconds(world) for _ in range(RUNS)]
        durations, again = _updates(world)
        failures = sum(1 for _ in DeathMap(world).all())
        rows[f"{hosts} hosts, {hosts * VMS_PER_HOST} VMs"] = {
            "failures": [failures], "full s": full, "update ms": durations, "anew": again,
        }  # fmt: skip
        if hosts == BAR:
            ratios["full_s"] = median(full)
            ratios["update_ms"] = median(durations)
            ratios["update_p90_ms"] = quantiles(durations, n=10)[8]
            ratios["update_max_ms"] = max(durations)
    show(f"death map: anew, and after each of {CHANGES} single changes", rows, ratios)


def _seconds(world: Inventory) -> float:
    begin = time.perf_counter()
    DeathMap(world)
    return time.perf_counter() - begin


def _updates(world: Inventory) -> tuple[list[float], list[float]]:
    """Return how long each update took in ms, and how many failures it planned again."""
    map_ = DeathMap(world)
    durations, again = [], []
    for after in changes(world, CHANGES):
        begin = time.perf_counter()
        count = map_.advance(after)
        durations.append((time.perf_counter() - begin) * 1000)
        again.append(float(count))
    anew = DeathMap(map_.inventory)
    if any(a.fates != b.fates for a, b in zip(map_.all(), anew.all(), strict=True)):
        raise SystemExit("the map that was kept up is not the one made anew")
    return durations, again
