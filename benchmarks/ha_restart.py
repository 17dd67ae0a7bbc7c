"""Hosts die with VMs on them until these answer again, against pacemaker on the same hosts.

Each round ends every process of one host and takes its links; its BMC says "off" from then on.
Two VMs were on it: one whose disk has an image lock, one whose disk is `<shareable/>`, so that
nothing but the product keeps it from running twice. An oracle samples the process table.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from statistics import median

from anypool import lab as labs
from anypool.cli.client import Json
from anypool.cli.showcase import set_bmc
from benchmarks.answers import Guest, all_answer
from benchmarks.bed import Bed, bed
from benchmarks.table import Rows, print_rows
from tests.lab.oracle import Oracle

HOSTS = 3
ANSWER_S = 120.0
PHASES = ("detect s", "prove s", "plan s", "start s", "boot s", "whole s")
KINDS = {"locked": False, "unlocked": True}


def run_in_lab(state: str) -> None:
    """Run all rounds of every contestant and print the figures."""
    asked = _asked()
    status = labs.status("bench", Path(state))
    with Oracle(Path(status.console_dir)) as oracle:
        with bed(state, two_paths=True) as made:
            ours = Ours(made, oracle)
            for _ in range(asked.rounds):
                ours.round()
    print(os.getloadavg())
    print_rows("ha_restart", {"anypool": ours.rows})


def _asked() -> argparse.Namespace:
    words = argparse.ArgumentParser(prog="make bench NAME=ha_restart")
    words.add_argument("--rounds", type=int, default=20, help="kills for each contestant")
    return words.parse_known_args(sys.argv[2:])[0]


class Ours:
    """The rounds of the product."""

    def __init__(self, made: Bed, oracle: Oracle) -> None:
        self._bed = made
        self._oracle = oracle
        self._servers = {server.name: server for server in made.status.servers}
        for server in made.status.servers:
            set_bmc(made.client, server, made.status)
        made.add_image("guest")
        rule: Json = {"kind": "ha", "level": "automatic"}
        self._policy("ha", "pool = default", rule)
        self._policy("both", "name = *locked", {"kind": "together"})
        self.rows: dict[str, list[float]] = {phase: [] for phase in PHASES}
        self.guests = tuple(self._make(name, shareable=KINDS[name]) for name in KINDS)

    def _policy(self, name: str, scope: str, rule: Json) -> None:
        self._bed.client.post("/policies", {"name": name, "scope": scope, "rule": rule})

    def _make(self, name: str, *, shareable: bool) -> Guest:
        body: Json = {"name": name, "image": "guest", "networks": ["data"], "shareable": shareable}
        self._bed.do("/vms", body)
        vm = self._bed.client.get(f"/vms/{name}")
        return Guest(name, vm["id"], vm["nics"][0]["mac"])

    def round(self) -> None:
        """Kill the host of the VMs, wait until both answer elsewhere, and mend the host."""
        bed = self._bed
        bed.wait(self._protected, "both VMs are protected", 120)
        victim = bed.host_of("locked")
        with all_answer(self.guests) as waits:
            began = time.time()
            labs.kill("bench", victim, self._state)
            answered = [wait.end(ANSWER_S) for wait in waits.values()]
        self._note(began, answered)
        print(victim, {k: round(v[-1], 2) for k, v in self.rows.items()}, os.getloadavg()[0], flush=True)
        labs.boot("bench", victim, self._state)

    @property
    def _state(self):
        from pathlib import Path
        return Path(self._bed.status.directory).parent

    def _protected(self) -> bool:
        client = self._bed.client
        hosts = list(client.items("/hosts"))
        vms = self._bed.vms()
        return (
            all(host["state"] == "up" for host in hosts)
            and all(vm["state"] == "running" for vm in vms)
            and all(client.get(f"/vms/{n}/ha")["protection"] == "protected" for n in KINDS)
        )

    def _note(self, began: float, answered: list[float]) -> None:
        for operation in self._bed.client.items("/operations"):
            if (operation["started_at"] or 0) >= began:
                found = self._bed.client.get(f"/operations/{operation['id']}")
                break
        steps = found["steps"]
        proof = steps[0]["action"]["proof"]
        ended = max(step["ended_at"] or time.time() for step in steps)
        marks = [began, proof["first_at"], proof["at"], steps[0]["begun_at"] or found["started_at"], ended, max(answered)]
        for phase, (a, b) in zip(PHASES, zip(marks, marks[1:])):
            self.rows[phase].append(b - a)
        self.rows["whole s"].append(max(answered) - began)
