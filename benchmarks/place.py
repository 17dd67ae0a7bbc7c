"""How long the choice of a host takes among 1,000 and 10,000, and how many claims are durable.

The choice alone is measured in this process; `claims.py` compares whole claims, each stored
before it is answered, with OpenStack placement.
"""

import time
from statistics import quantiles

from msgspec.structs import replace

from anypool.model import HostId, VmState
from anypool.planner.place import Wanted, choose
from anypool.planner.rules import Rulebook
from benchmarks.claims import claims
from benchmarks.pools import policies, pool, wanted
from benchmarks.table import show

SIZES = (1_000, 10_000)
RUNS = 300


def run() -> None:
    """Claim beside the peer, choose many times for VMs of changing sizes; print the figures."""
    rows, ratios = claims()
    for hosts in SIZES:
        rows[f"{hosts} hosts"] = latencies(hosts)
        for figure in ("ms", "cpu ms"):
            cuts = quantiles(rows[f"{hosts} hosts"][figure], n=100)
            name = figure.replace(" ", "_")
            ratios |= {f"p50_{name}_{hosts}": cuts[49], f"p99_{name}_{hosts}": cuts[98]}
    title = f"claims of room; choosing a host under {len(policies())} rules, {RUNS} times"
    show(title, rows, ratios)


def latencies(hosts: int) -> dict[str, list[float]]:
    """Place one VM after the other, each with all before it in the pool; return all times."""
    world = pool(hosts)
    coming = [wanted(number, hosts) for number in range(RUNS)]
    rules = Rulebook.on(policies(), world.patched_vms({vm.id: vm for vm in coming}))
    took: dict[str, list[float]] = {"ms": [], "cpu ms": []}
    for vm in coming:
        begin = time.perf_counter(), time.process_time()
        choice = choose(world, vm, Wanted(rules=rules))
        took["cpu ms"].append((time.process_time() - begin[1]) * 1000)
        took["ms"].append((time.perf_counter() - begin[0]) * 1000)
        if choice.host is not None:
            home = HostId(choice.host)
            world = world.with_vm(replace(vm, host=home, state=VmState.RUNNING))
    return took
