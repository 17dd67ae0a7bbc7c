"""50 VMs from an image, defined and started, against virt-clone and `virsh start`."""

import subprocess
import time
from statistics import median

from benchmarks.bed import Bed
from benchmarks.table import show

HOSTS = 2
ROUNDS = 3
COUNT = 50


def run(bed: Bed) -> None:
    """Make, start and delete the VMs with each of both in turn and print the figures."""
    bed.add_image("plain")
    first = sorted(bed.hosts)[0]
    bed.do("/vms", {"name": "original", "image": "plain", "host": first, "start": False})
    rows: dict[str, dict[str, list[float]]] = {
        "anypool": {"wall s": []},
        "virt-clone": {"wall s": []},
    }
    for number in range(ROUNDS):
        for name in ("anypool", "virt-clone") if number % 2 else ("virt-clone", "anypool"):
            make = _with_anypool if name == "anypool" else _with_virt_clone
            rows[name]["wall s"].append(make(bed, first))
            _delete(bed)
    ratio = median(rows["anypool"]["wall s"]) / median(rows["virt-clone"]["wall s"])
    title = f"clone: {COUNT} VMs from an image, defined and started, {ROUNDS} rounds"
    show(title, rows, {"wall_ratio": ratio})


def _with_anypool(bed: Bed, first: str) -> float:
    body = {"name": "copy", "image": "plain", "count": COUNT, "host": first, "networks": ["data"]}
    return bed.do("/vms", body, timeout_s=900)


def _with_virt_clone(bed: Bed, first: str) -> float:
    begin = time.monotonic()
    for number in range(COUNT):
        argv = ["virt-clone", "--connect", bed.hosts[first], "--original", "original"]
        argv += ["--name", f"copy-{number}", "--auto-clone", "--quiet"]
        done = subprocess.run(argv, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"virt-clone: {done.stderr.strip()}")
        bed.virsh(first, "start", f"copy-{number}")
    return time.monotonic() - begin


def _delete(bed: Bed) -> None:
    for host in bed.hosts:
        for name in bed.virsh(host, "list", "--all", "--name").split():
            if name == "original":
                continue
            bed.virsh(host, "destroy", name)
            bed.virsh(host, "undefine", name, "--remove-all-storage")
    bed.wait(lambda: len(bed.vms()) == 1, "the manager sees that they are gone")
