"""How many more VMs of a size fit, with one host lost, against Ganeti's hspace."""

import re
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from anypool.exchange.ganeti import VCPU_RATIO
from anypool.exchange.htools import Cluster, read
from anypool.planner.capacity import Pool, capacity
from benchmarks.clusters import cluster
from benchmarks.peers import ensure, timed
from benchmarks.table import Rows, show

SERVERS, VMS_PER_HOST = 20, 15
CASES = ((1, 65_536, 16), (2, 65_536, 16))
"""Seed of the cluster, memory in MiB and vCPUs of the VMs that are counted."""

LIMIT_S = 600.0
RUNS = 9
_COUNT = re.compile(r"HTS_ALLOC_INSTANCES=(\d+)")


def run() -> None:
    """Count with both in turn and print the figures."""
    ensure("hspace")
    rows: Rows = {name: {"count": [], "wall s": []} for name in ("anypool", "hspace")}
    ratios, speeds = [], []
    with TemporaryDirectory(prefix="anypool-bench-") as folder:
        for seed, memory, vcpus in CASES:
            text = cluster(SERVERS, VMS_PER_HOST, seed)
            file = Path(folder) / f"{seed}.txt"
            file.write_text(text)
            ours, ours_s = _ours(text, memory, vcpus)
            argv = ["hspace", "-t", str(file), f"--standard-alloc=1024,{memory},{vcpus}"]
            answer = timed([*argv, "--machine-readable=yes"], LIMIT_S)
            if answer is None:
                print(f"seed {seed}: hspace did not finish in {LIMIT_S:.0f} s")
                continue
            found = _COUNT.search(answer[0])
            if found is None:
                raise SystemExit(f"hspace said something unexpected:\n{answer[0][:2000]}")
            theirs = int(found[1])
            for name, count, wall in (("anypool", ours, ours_s), ("hspace", theirs, answer[1])):
                rows[name]["count"].append(count)
                rows[name]["wall s"].append(wall)
            ratios.append(ours / theirs)
            speeds.append(answer[1] / ours_s)
    show(
        f"capacity: VMs of 64 GiB beside those of {SERVERS} hosts, one of which may fail",
        rows,
        {"count_ratio": min(ratios), "speed": median(speeds)},
    )


def _ours(text: str, memory: int, vcpus: int) -> tuple[int, float]:
    durations, count = [], 0
    for _ in range(RUNS):
        begin = time.perf_counter()
        found = capacity(pool_of(read(text)), np.array([memory, vcpus]), 1)
        durations.append(time.perf_counter() - begin)
        count = found.count
    return count, median(durations)


def pool_of(found: Cluster) -> Pool:
    """Return the pool of a cluster with one group; a host keeps 1 MiB free, as hspace wants."""
    index = {node.name: number for number, node in enumerate(found.nodes)}
    placed = np.array([index[one.primary] for one in found.instances], dtype=np.int64)
    vcpus = np.bincount(placed, [one.vcpus for one in found.instances], len(found.nodes))
    ratio = next(iter(found.vcpu_ratio.values()), VCPU_RATIO)
    cores = np.array([node.cores for node in found.nodes])
    free = [
        np.array([node.free_mib - 1 for node in found.nodes], dtype=np.int64),
        (ratio * cores - vcpus).astype(np.int64),
    ]
    memory = np.array([one.memory_mib for one in found.instances], dtype=np.int64)
    return Pool(free=np.array(free), memory=memory, placed=placed)
