"""Emptying a host of 10 guests, against a loop of `virsh migrate --live`, one after the other.

Beside the wall time stand the CPU seconds of the whole machine meanwhile: half of virsh's are
the least that any order of the same migrations could take on two CPUs.
"""

import os
import time
from statistics import median

from benchmarks.bed import Bed
from benchmarks.effort import busy_s
from benchmarks.table import show

HOSTS = 3
ROUNDS = 5
GUESTS = 10


def run(bed: Bed) -> None:
    """Empty the host with each of both in turn and print the figures."""
    bed.add_image("plain")
    home, *others = sorted(bed.hosts)
    body = {"name": "guest", "image": "plain", "count": GUESTS, "host": home, "networks": ["data"]}
    bed.do("/vms", body)
    time.sleep(6)  # all guests at rest
    rows: dict[str, dict[str, list[float]]] = {
        name: {"wall s": [], "CPU s": []} for name in ("anypool", "virsh")
    }
    for number in range(ROUNDS):
        for name in ("anypool", "virsh") if number % 2 else ("virsh", "anypool"):
            before = busy_s()
            wall = _with_anypool(bed, home) if name == "anypool" else _with_virsh(bed, home, others)
            rows[name]["wall s"].append(wall)
            rows[name]["CPU s"].append(busy_s() - before)
            _bring_back(bed, home)
    virsh_s = median(rows["virsh"]["wall s"])
    virsh_cpu_s = median(rows["virsh"]["CPU s"])
    figures = {
        "wall_ratio": median(rows["anypool"]["wall s"]) / virsh_s,
        "cpu_ratio": median(rows["anypool"]["CPU s"]) / virsh_cpu_s,
        "least_ratio": virsh_cpu_s / len(os.sched_getaffinity(0)) / virsh_s,
    }
    show(f"evacuate: {GUESTS} guests of 128 MiB, {ROUNDS} rounds", rows, figures)


def _with_anypool(bed: Bed, home: str) -> float:
    wall = bed.do(f"/hosts/{home}/evacuate")
    bed.do(f"/hosts/{home}/leave-maintenance")
    return wall


def _with_virsh(bed: Bed, home: str, others: list[str]) -> float:
    begin = time.monotonic()
    for number, vm in enumerate(bed.virsh(home, "list", "--name").split()):
        bed.virsh_migrate(vm, home, others[number % len(others)])
    wall = time.monotonic() - begin
    bed.wait(lambda: not _on(bed, home), "the manager sees the moves")
    return wall


def _bring_back(bed: Bed, home: str) -> None:
    for vm in bed.vms():
        if vm["host_name"] != home:
            bed.virsh_migrate(vm["name"], vm["host_name"], home)
    bed.wait(lambda: len(_on(bed, home)) == GUESTS, "the manager sees all guests at home")
    time.sleep(2)


def _on(bed: Bed, home: str) -> list[str]:
    return [vm["name"] for vm in bed.vms() if vm["host_name"] == home]
