"""Live migration against `virsh migrate --live`, on the same hosts and guest, in turn.

The guest dirties 20 MB/s. The pause is what a client on its network misses of answers asked
for every 5 ms, and how late the guest's tick (every 0.1 s) comes. Beside it stands what
libvirt says of the time between the stop at the source and the start at the target: a client
also misses the guest while emulation begins to log its writes and while it warms up again.
"""

import re
import time
from pathlib import Path
from statistics import median

from benchmarks.bed import Bed
from benchmarks.prober import Prober
from benchmarks.table import show
from benchmarks.ticker import Ticker

HOSTS = 2
ROUNDS = 10
TICK_S = 0.1
SAME_LIMIT_MS = "10"


def run(bed: Bed) -> None:
    """Run all rounds and print the figures."""
    bed.add_image("dirty", f"dirty=20 tick={TICK_S}")
    bed.do("/vms", {"name": "subject", "image": "dirty", "networks": ["data"]})
    vm = bed.client.get("/vms/subject")
    high, low = (int(part, 16) for part in vm["nics"][0]["mac"].split(":")[4:])
    log = Path(bed.status.console_dir, f"{vm['id']}.log")
    names = ("anypool", "virsh", "virsh, limit 10 ms")
    rows = {name: {"client ms": [], "tick ms": [], "stop ms": [], "wall s": []} for name in names}
    with Prober(f"10.78.{high}.{low}") as prober, Ticker(log) as ticker:
        if not prober.wait_for_answer(30):
            raise SystemExit("the guest does not answer")
        bed.wait(lambda: ticker.count > 10, "ticks")
        bed.do("/vms/subject/migrate")  # the first move warms both hosts up
        for number in range(ROUNDS):
            for shift in range(len(names)):
                name = names[(number + shift) % len(names)]
                time.sleep(1.0)  # the guest and its network at rest again
                begin = time.monotonic()
                wall = _migrate(bed, name)
                end = time.monotonic()
                time.sleep(0.5)
                rows[name]["wall s"].append(wall)
                rows[name]["stop ms"].append(_stopped_ms(bed))
                rows[name]["client ms"].append(prober.longest_gap_ms(begin, end + 0.4))
                rows[name]["tick ms"].append(ticker.latest_ms(begin, end + 0.4, TICK_S))
    mine, theirs, limited = (rows[name] for name in names)
    figures = {
        "downtime_ratio": median(mine["client ms"]) / median(theirs["client ms"]),
        "same_limit_ratio": median(mine["client ms"]) / median(limited["client ms"]),
        "wall_ratio": median(mine["wall s"]) / median(theirs["wall s"]),
        "stop_ratio": median(mine["stop ms"]) / median(theirs["stop ms"]),
        "tick_ratio": median(mine["tick ms"]) / max(1.0, median(theirs["tick ms"])),
    }
    show(f"migrate: 128 MiB guest that dirties 20 MB/s, {ROUNDS} rounds", rows, figures)


def _migrate(bed: Bed, name: str) -> float:
    source = bed.host_of("subject")
    (target,) = set(bed.hosts) - {source}
    if name == "anypool":
        return bed.do("/vms/subject/migrate", {"host": target})
    if name != "virsh":
        bed.virsh(source, "migrate-setmaxdowntime", "subject", SAME_LIMIT_MS)
    begin = time.monotonic()
    bed.virsh_migrate("subject", source, target)
    wall = time.monotonic() - begin
    bed.wait(lambda: bed.host_of("subject") == target, "the manager sees the move")
    return wall


def _stopped_ms(bed: Bed) -> float:
    """Return how long the guest stood still, as libvirt measured it."""
    said = bed.virsh(bed.host_of("subject"), "domjobinfo", "subject", "--completed")
    found = re.search(r"Total downtime: +(\d+) +ms", said)
    if found is None:
        raise SystemExit(f"virsh says nothing of the last migration: {said}")
    return float(found[1])
