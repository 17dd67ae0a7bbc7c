"""The product's side of `ha_restart`: a policy of the kind `ha`, and hosts that die under it."""

import time
from itertools import pairwise
from pathlib import Path

from anypool import lab as labs
from anypool.cli.client import Json
from anypool.cli.showcase import set_bmc
from benchmarks.answers import Guest, answers_again, began_at
from benchmarks.bed import Bed

LAB = "bench"
KINDS = {"locked": False, "unlocked": True}
"""The guests, and whether their disks are `<shareable/>`."""
PHASES = ("detect s", "prove s", "plan s", "start s", "boot s", "whole s")
ANSWER_S = 180.0
READY_S = 180.0
APART_S = 61.0
"""A VM whose hosts die one after the other, each within a minute of its start, rests: a kill is
to be news."""


class Ours:
    """A bed whose hosts have BMCs, two guests that are kept apart, and one kill after another."""

    def __init__(self, bed: Bed) -> None:
        self.bed = bed
        self.state = Path(bed.status.directory).parent
        for server in bed.status.servers:
            set_bmc(bed.client, server, bed.status)
        bed.add_image("guest")
        self.put("ha", "pool = default", {"kind": "ha", "level": "automatic"})
        self.put("apart", "name = *locked", {"kind": "apart"})
        self.rows: dict[str, list[float]] = {phase: [] for phase in PHASES}
        self._answered: dict[str, float] = {}
        self.guests = tuple(self._made(name, shareable=KINDS[name]) for name in KINDS)

    def put(self, name: str, scope: str, rule: Json) -> None:
        """Make a policy."""
        self.bed.client.post("/policies", {"name": name, "scope": scope, "rule": rule})

    def ready(self) -> None:
        """Wait until all hosts answer and both guests are protected."""
        self.bed.wait(self._is_ready, "all hosts are up, all guests protected", READY_S)

    def round(self, guest: Guest) -> float:
        """Kill the host of a guest, return the seconds until it answers, mend the host."""
        due = self._answered.get(guest.name, 0.0) + APART_S
        self.bed.wait(lambda: time.time() > due, f"{guest.name} runs for a minute", READY_S)
        self.ready()
        victim = self.bed.host_of(guest.name)
        wait = answers_again(guest)
        began = time.time()
        labs.kill(LAB, victim, self.state)
        answered = self._answered[guest.name] = wait.end(ANSWER_S)
        self._note(guest, began, answered)
        labs.boot(LAB, victim, self.state)
        return answered - began

    def write_machines(self, folder: Path) -> None:
        """Keep what each guest is to its hypervisor, for another manager."""
        folder.mkdir()
        for guest in self.guests:
            told = self.bed.virsh(self.bed.host_of(guest.name), "dumpxml", guest.name)
            (folder / f"{guest.name}.xml").write_text(told)

    def _made(self, name: str, *, shareable: bool) -> Guest:
        body: Json = {"name": name, "image": "guest", "networks": ["data"], "shareable": shareable}
        self.bed.do("/vms", body)
        vm = self.bed.client.get(f"/vms/{name}")
        return Guest(name, vm["id"], vm["nics"][0]["mac"])

    def _is_ready(self) -> bool:
        client = self.bed.client
        up = all(host["state"] == "up" for host in client.items("/hosts"))
        told = [client.get(f"/vms/{name}/ha")["protection"] for name in KINDS]
        runs = all(vm["state"] == "running" for vm in self.bed.vms())
        return up and runs and all(one == "protected" for one in told)

    def _note(self, guest: Guest, began: float, answered: float) -> None:
        """Keep where the seconds went, by the proof and the journal."""
        step = self._start_of(guest, began)
        proof = step["action"]["proof"]
        runs_at = began_at(guest, LAB, self.state)
        marks = (began, proof["first_at"], proof["at"], step["begun_at"], runs_at, answered)
        for phase, (since, until) in zip(PHASES, pairwise(marks), strict=False):
            self.rows[phase].append(until - since)
        self.rows[PHASES[-1]].append(answered - began)

    def _start_of(self, guest: Guest, since: float) -> Json:
        client = self.bed.client
        for row in client.items("/operations"):
            if (row["started_at"] or 0.0) < since:
                continue
            for step in client.get(f"/operations/{row['id']}")["steps"]:
                wish = step["action"].get("wish", {})
                if wish.get("id") == guest.uuid and "proof" in step["action"]:
                    return dict(step)
        raise SystemExit(f"no operation has started {guest.name} again")
