"""50 VMs from an image, defined and started, against virt-clone and `virsh start`.

Twice: with the lab's guest, which boots, and with an empty disk, at which the firmware stops.
The boots of 50 emulated guests take more of two CPUs than all else together, and go on while
later VMs are made; so the CPU seconds of the whole machine stand beside the wall time.
"""

import os
import subprocess
import time
from statistics import median

from benchmarks.bed import Bed
from benchmarks.effort import busy_s
from benchmarks.table import Rows, show

HOSTS = 2
ROUNDS = 3
COUNT = 50
NAMES = ("anypool", "virt-clone")


def run(bed: Bed) -> None:
    """Make, start and delete the VMs with each of both in turn and print the figures."""
    bed.add_image("booting")
    bed.add_image("empty", boots=False)
    ratios: dict[str, float] = {}
    for image, ratio in (("empty", "launch_ratio"), ("booting", "wall_ratio")):
        rows = _compare(bed, image)
        walls = {name: median(rows[name]["wall s"]) for name in NAMES}
        ratios[ratio] = walls["anypool"] / walls["virt-clone"]
        if image == "booting":
            cpus = len(os.sched_getaffinity(0))
            ratios["anypool_cpus"] = median(rows["anypool"]["CPU s"]) / walls["anypool"] / cpus
        show(f"clone: {COUNT} VMs from an image, {image}, {ROUNDS} rounds", rows, ratios)


def _compare(bed: Bed, image: str) -> Rows:
    first = sorted(bed.hosts)[0]
    bed.do("/vms", {"name": image, "image": image, "host": first, "start": False})
    rows: Rows = {name: {"wall s": [], "CPU s": []} for name in NAMES}
    for number in range(ROUNDS):
        for name in NAMES if number % 2 else reversed(NAMES):
            make = _with_anypool if name == "anypool" else _with_virt_clone
            busy = busy_s()
            rows[name]["wall s"].append(make(bed, first, image))
            rows[name]["CPU s"].append(busy_s() - busy)
            _delete(bed, "copy-")
    _delete(bed, image)
    return rows


def _with_anypool(bed: Bed, first: str, image: str) -> float:
    body = {"name": "copy", "image": image, "count": COUNT, "host": first, "networks": ["data"]}
    return bed.do("/vms", body, timeout_s=900)


def _with_virt_clone(bed: Bed, first: str, image: str) -> float:
    begin = time.monotonic()
    for number in range(COUNT):
        argv = ["virt-clone", "--connect", bed.hosts[first], "--original", image]
        argv += ["--name", f"copy-{number}", "--auto-clone", "--quiet"]
        done = subprocess.run(argv, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"virt-clone: {done.stderr.strip()}")
        bed.virsh(first, "start", f"copy-{number}")
    return time.monotonic() - begin


def _delete(bed: Bed, prefix: str) -> None:
    for host in bed.hosts:
        running = bed.virsh(host, "list", "--name").split()
        for name in bed.virsh(host, "list", "--all", "--name").split():
            if not name.startswith(prefix):
                continue
            if name in running:
                bed.virsh(host, "destroy", name)
            bed.virsh(host, "undefine", name, "--remove-all-storage")
    bed.wait(
        lambda: not any(vm["name"].startswith(prefix) for vm in bed.vms()),
        "the manager sees that they are gone",
    )
