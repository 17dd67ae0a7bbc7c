"""An inventory of 2,500 hosts and 40,000 VMs: cold start, searches while it changes, memory.

`python -m benchmarks inventory [VMS ...]`: other sizes are measured too, one after the other.
"""

import json
import sys
import time
from statistics import median

from benchmarks.inventory_load import Load
from benchmarks.inventory_peers import compare
from benchmarks.inventory_pool import PoolSize, pool

SIZES = (40_000, 100_000)
CHANGES_S = 500
SECONDS = 45.0
BARS = {"start_s": 5.0, "search_p95_ms": 50.0, "rss_mb": 600.0}


def run() -> None:
    """Measure every size and print a table, the ratios to the peers and a line of JSON."""
    sizes = tuple(int(word) for word in sys.argv[2:] if word.isdecimal()) or SIZES
    found = {vms: measure(PoolSize(vms=vms)) for vms in sizes}
    names = list(next(iter(found.values())))
    print(
        f"\ninventory: {CHANGES_S} changes a second, one endpoint read whole every 10 s, one hangs"
    )
    print(f"{'':28}" + "".join(f"{vms:>12,}" for vms in found))
    for name in names:
        bar = f"(at most {BARS[name]:g})" if name in BARS else ""
        print(f"{name:28}" + "".join(f"{one[name]:12.1f}" for one in found.values()) + f"  {bar}")
    first = found[sizes[0]]
    result = {name: round(first[name], 1) for name in (*BARS, "change_us")}
    others = {str(vms): {k: round(v, 2) for k, v in one.items()} for vms, one in found.items()}
    print(json.dumps({**result, "sizes": others}), flush=True)


def measure(size: PoolSize) -> dict[str, float]:
    """Return the figures of one size."""
    with pool(size, CHANGES_S) as made:
        started = [made.start() for _ in range(3)]
        ready_s = made.await_all_read()
        quiet = made.change_cost(15.0)
        made.hang()
        with Load(made) as load:
            time.sleep(SECONDS)
        made.await_hang()
        figures = {
            "start_s": median(started),
            "all_read_s": ready_s,
            "search_p50_ms": load.percentile(50),
            "search_p95_ms": load.percentile(95),
            "search_max_ms": load.percentile(100),
            "searches": float(load.count),
            "change_us": quiet.us_per_change,
            "changes_s": quiet.changes_s,
            "rss_mb": made.peak_rss_mb(),
            "workers_rss_mb": made.workers_rss_mb(),
            "load_average": made.load_average(),
        }
    return figures | compare(size)
