"""Blades die, until a spare answers as them: same name, MAC, address and disk.

Two blades of the lab take turns: the one that bears the profile is killed, the other takes over
by itself and goes on from the same iSCSI disk, on which each start counts itself. An oracle looks
20 times a second at all QEMU processes whether two of them have the profile's MAC; who is logged
in to the disk is asked of its target.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from anypool import lab as labs
from anypool.lab.blades.disk_system import CMDLINE
from anypool.lab.spec import MANAGEMENT_GATEWAY
from benchmarks.table import Rows, show
from tests.lab.bladed import ADDRESS, NAME, PROBE, Bladed, fetched
from tests.lab.booting import TARGET, TINY, Booted, booting, take_boot_host

BLADES = ("b1", "b2")
LOOK_S = 0.1
BOOTS_S = 600.0


class _Raced(Bladed):
    """Two blades, both of them spares, and a profile whose disk is the boot host's."""

    serving = Booted.serving

    def furnish(self, *_: str, **__: Any) -> None:
        take_boot_host(self, self.boot, "tiny", TINY, CMDLINE)
        target = {"iqn": TARGET, "address": MANAGEMENT_GATEWAY}
        super().furnish(*BLADES, ip=ADDRESS, image="tiny", iscsi=[target])


def run() -> None:
    """Run all rounds and print the figures."""
    words = argparse.ArgumentParser(prog="make bench NAME=failover")
    words.add_argument("--rounds", type=int, default=10, help="kills")
    rounds = words.parse_known_args(sys.argv[2:])[0].rounds
    with tempfile.TemporaryDirectory(prefix="anypool-bench-") as place:
        made = {"hosts": 0, "spares": 0, "blades": 2, "blade_memory_mib": 256}
        settings = {"observe_every_s": 5.0, "failover_pause_s": 1.0}
        with booting(_Raced, "bench", Path(place), written=settings, **made) as stack:
            _measured(stack, rounds)


def _measured(stack: Bladed, rounds: int) -> None:
    rows: Rows = {"anypool": {name: [] for name in ("control s", "boot s", "whole s", "over s")}}
    others = 0
    with stack.watching() as watching:
        stack.do(f"/profiles/{NAME}/assign", {"to": BLADES[0]})
        who = _wait(stack.answer, "the first blade answers")
        print(f"it is {who}", flush=True)
        stack.client.patch(f"/profiles/{NAME}", {"probe": PROBE, "failover": "automatic"})
        for number in range(rounds):
            _wait(lambda: stack.state["state"] == "well", "it is watched")
            said = _round(stack, rows["anypool"])
            others += said != _started_once_more(who) or len(_logged_in(stack)) != 1
            who = said
            print(f"{number + 1}: {_latest(rows)}; {said}", flush=True)
    figures = {
        "control_s": median(rows["anypool"]["control s"]),
        "control_most_s": max(rows["anypool"]["control s"]),
        "boot_s": median(rows["anypool"]["boot s"]),
        "duplicates": len(watching.twice),
        "strangers": others,
    }
    show(f"failover: {rounds} kills, {watching.looks} looks", rows, figures)


def _round(stack: Bladed, row: dict[str, list[float]]) -> str:
    """Kill the blade that bears the profile, and return what answers in its place."""
    dead = stack.owner
    spare = next(name for name in BLADES if name != dead)
    killed = time.time()
    labs.kill(stack.lab.name, dead, stack.lab.state_dir)
    with stack.lab.inside():
        said = _wait(lambda: fetched(f"http://{ADDRESS}/eth0"), f"{spare} answers")
    answered, began = time.time(), stack.powered_on_at(spare)
    _wait(lambda: stack.state["state"] == "well", "the plan is over")
    row["control s"].append(began - killed)
    row["boot s"].append(answered - began)
    row["whole s"].append(answered - killed)
    row["over s"].append(time.time() - answered)
    return said


def _started_once_more(said: str) -> str:
    """Return what the next start from the same disk says."""
    *same, starts = said.split()
    return " ".join((*same, str(int(starts) + 1)))


def _logged_in(stack: Bladed) -> list[str]:
    """Return who is logged in to the disk, as its target says."""
    targets = stack.client.get("/boot-hosts/boot")["targets"]
    return [who for one in targets if one["iqn"] == TARGET for who in one["sessions"]]


def _latest(rows: Rows) -> str:
    return ", ".join(f"{name} {values[-1]:.2f}" for name, values in rows["anypool"].items())


def _wait(look: Callable[[], object], what: str) -> str:
    deadline = time.monotonic() + BOOTS_S
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise SystemExit(f"not in {BOOTS_S:g} s: {what}")
        time.sleep(LOOK_S)
    return str(seen)
