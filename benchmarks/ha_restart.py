"""Hosts die with VMs on them, until these answer again, against pacemaker on the same hosts.

Each round ends every process of one host and takes its links; its BMC says "off" from then on.
Every other time the VM on it has a disk with an image lock, or one that is `<shareable/>`, so
that nothing but the manager keeps it from running twice. An oracle samples the process table.
"""

import argparse
import os
import sys
from pathlib import Path

from anypool import lab as labs
from benchmarks.bed import bed
from benchmarks.ha_ours import LAB, Ours
from benchmarks.table import Rows, show
from tests.lab.oracle import Oracle

HOSTS = 3


def run_in_lab(state: str) -> None:
    """Run all rounds of every contestant and print the figures."""
    asked = _asked()
    status = labs.status(LAB, Path(state))
    rows: Rows = {}
    with Oracle(Path(status.console_dir)) as oracle:
        with bed(state, two_paths=True) as made:
            ours = Ours(made)
            for number in range(asked.rounds):
                guest = ours.guests[number % 2]
                _say("anypool", number, guest.name, ours.round(guest))
            rows["anypool"] = ours.rows
        twice = sum(len(oracle.twice(guest.uuid)) for guest in ours.guests)
    show(f"ha_restart: {asked.rounds} kills", rows, {"double_runs": twice})


def _asked() -> argparse.Namespace:
    words = argparse.ArgumentParser(prog="make bench NAME=ha_restart")
    words.add_argument("--rounds", type=int, default=20, help="kills for each contestant")
    return words.parse_known_args(sys.argv[2:])[0]


def _say(who: str, number: int, guest: str, took_s: float) -> None:
    load = os.getloadavg()[0]
    print(f"{who}: {number + 1}, {guest}: {took_s:.2f} s (load {load:.1f})", flush=True)
