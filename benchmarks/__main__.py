"""`python -m benchmarks NAME`: compare the product with a peer in the same run."""

import importlib
import sys
from pathlib import Path

from benchmarks.bed import bed, run_inside

NAMES = (
    "migrate",
    "evacuate",
    "clone",
    "inventory",
    "balance_htools",
    "balance_roadef",
    "capacity",
    "consolidate",
    "place",
    "growth",
    "death_map",
    "restart",
    "ha_restart",
    "failover",
    "history",
    "vsphere_inventory",
    "look",
    "bmc",
    "flat",
    "console",
    "console_paint",
    "console_tasks",
)


def main() -> int:
    """Run one benchmark; `--inside FOLDER` says that the lab is there already.

    A benchmark with `run_in_lab` makes its own bed there, or several.
    """
    if len(sys.argv) < 2 or sys.argv[1] not in NAMES:
        print(f"usage: make bench NAME=...   with one of: {' '.join(NAMES)}", file=sys.stderr)
        return 2
    name = sys.argv[1]
    module = importlib.import_module(f"benchmarks.{name}")
    if not hasattr(module, "HOSTS"):
        module.run()
        return 0
    if "--inside" not in sys.argv:
        if hasattr(module, "prepare"):
            module.prepare()
        return run_inside(sys.argv[1:], module.HOSTS)
    state = str(Path(sys.argv[-1]))
    if hasattr(module, "run_in_lab"):
        module.run_in_lab(state)
        return 0
    with bed(state) as made:
        module.run(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
