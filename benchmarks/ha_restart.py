"""Hosts die with VMs on them, until these answer again, against pacemaker on the same hosts.

Each round ends every process of one host and takes its links; its BMC says "off" from then on.
Every other time the VM on it has a disk with an image lock, or one that is `<shareable/>`, so
that nothing but the manager keeps it from running twice. An oracle samples the process table.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

from anypool import lab as labs
from benchmarks import ha_pacemaker
from benchmarks.answers import Guest
from benchmarks.bed import bed
from benchmarks.ha_ours import LAB, Ours
from benchmarks.ha_pacemaker import DEFAULT, TUNED, Peer
from benchmarks.ha_partitions import Partitions
from benchmarks.table import Rows, show
from tests.lab.oracle import Oracle

HOSTS = 3


def prepare() -> None:
    """Install the peer before there is a lab, whose servers have its user then."""
    ha_pacemaker.prepare()


def run_in_lab(state: str) -> None:
    """Run all rounds of every contestant and print the figures."""
    asked = _asked()
    status = labs.status(LAB, Path(state))
    machines = Path(state, "machines")
    rows: Rows = {}
    with Oracle(Path(status.console_dir)) as oracle:
        with bed(state, two_paths=True) as made:
            ours = Ours(made)
            rows["anypool"] = ours.rows
            _rounds("anypool", ours.round, ours.guests, asked.rounds)
            cuts = Partitions(ours)
            _rounds("anypool, cut off", cuts.round, ours.guests, asked.partitions)
            ours.ready()
            ours.write_machines(machines)
        twice = _twice(oracle, ours)
        for profile, rounds in ((DEFAULT, asked.peer_rounds), (TUNED, asked.tuned)):
            if rounds:
                with Peer(status, profile, ours.guests, machines) as peer:
                    rows[profile.name] = peer.rows
                    _rounds(profile.name, peer.round, ours.guests, rounds)
        told = {"double_runs": twice, "peer_double_runs": _twice(oracle, ours) - twice}
    told |= {"partitions": cuts.count, "false_fences": cuts.false_fences}
    show(f"ha_restart: {asked.rounds} kills", rows, _figures(rows) | told)


def _figures(rows: Rows) -> dict[str, float]:
    """Return the medians and how they compare; until the emulator is there, too: without boot."""
    whole = {name: median(found["whole s"]) for name, found in rows.items() if found["whole s"]}
    figures: dict[str, float] = {}
    if "anypool" in whole:
        figures["ours_s"] = whole["anypool"]
    start = {name: whole[name] - median(rows[name]["boot s"]) for name in whole}
    for profile, word in ((DEFAULT, "peer"), (TUNED, "tuned")):
        if {profile.name, "anypool"} <= whole.keys():
            figures[f"{word}_s"] = whole[profile.name]
            key = "ratio" if profile is DEFAULT else "tuned_ratio"
            figures[key] = whole["anypool"] / whole[profile.name]
            figures[f"start_{key}"] = start["anypool"] / start[profile.name]
    return figures


def _twice(oracle: Oracle, ours: Ours) -> int:
    return sum(len(oracle.twice(guest.uuid)) for guest in ours.guests)


def _asked() -> argparse.Namespace:
    words = argparse.ArgumentParser(prog="make bench NAME=ha_restart")
    words.add_argument("--rounds", type=int, default=20, help="kills for anypool")
    words.add_argument("--peer-rounds", type=int, default=20, help="kills for pacemaker")
    words.add_argument("--tuned", type=int, default=6, help="kills for a less patient peer")
    words.add_argument("--partitions", type=int, default=20, help="cuts of hosts that live")
    return words.parse_known_args(sys.argv[2:])[0]


def _rounds(
    who: str, round_: Callable[[Guest], float], guests: tuple[Guest, ...], count: int
) -> None:
    for number in range(count):
        guest = guests[number % len(guests)]
        took_s, load = round_(guest), os.getloadavg()[0]
        print(f"{who}: {number + 1}, {guest.name}: {took_s:.2f} s (load {load:.1f})", flush=True)
