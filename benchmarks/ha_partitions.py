"""Hosts that live and are cut off, in every way: who is switched off, and does a VM run twice?

Nobody who is heard on another path may be. One that is silent on all of them may: its VM then
has to run elsewhere.
"""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from anypool import lab as labs
from benchmarks.answers import Guest, answers_again
from benchmarks.ha_ours import ANSWER_S, LAB, Ours

SILENT_S = 6.0
HELD_S = 12.0
"""A cut lasts so long: a host that could be switched off would have been."""
GATEWAY = "10.77.0.254"
LIBVIRT_PORT = 16509


class Cut(NamedTuple):
    """What is cut: links or ports by the lab, packets on the host by a rule, and the BMC.

    `lost` says that no path is left on which the host is heard, while its BMC answers.
    """

    name: str
    links: tuple[str, ...] = ()
    rule: tuple[str, ...] = ()
    bmc: bool = False
    lost: bool = False


CUTS = (
    Cut("management", ("mgmt",)),
    Cut("management, it hears nothing", rule=("INPUT", "-s", GATEWAY)),
    Cut("management, it is not heard", rule=("OUTPUT", "-d", GATEWAY)),
    Cut("libvirt's port", (f"port:{LIBVIRT_PORT}",)),
    Cut("data", ("data",)),
    Cut("management and BMC", ("mgmt",), bmc=True),
    Cut("all networks", ("full",), lost=True),
    Cut("all networks and BMC", ("full",), bmc=True),
)


class Partitions:
    """One cut after another; counts who was switched off although that was not right."""

    def __init__(self, ours: Ours) -> None:
        self._ours = ours
        self.count = 0
        self.false_fences = 0
        self.fences = 0
        client = ours.bed.client
        client.delete("/policies/ha")
        rule = {"kind": "ha", "level": "automatic", "silent_s": SILENT_S, "power_every_s": 2}
        ours.put("ha", "pool = default", rule | {"cold_s": 0, "fences_within_s": 1})

    def round(self, guest: Guest) -> float:
        """Cut off the host of a guest and heal it; return the seconds that took."""
        self._ours.ready()
        cut = CUTS[self.count % len(CUTS)]
        self.count += 1
        server = next(
            server
            for server in labs.status(LAB, self._ours.state).servers
            if server.name == self._ours.bed.host_of(guest.name)
        )
        began = time.monotonic()
        wait = answers_again(guest) if cut.lost else None
        with _bmc_silent(server) if cut.bmc else _nothing():
            self._cut(server.name, cut)
            if wait is not None:
                wait.end(ANSWER_S)
            else:
                time.sleep(HELD_S)
            if _power(self._ours, server.name):
                self._heal(server.name, cut)
        off = self._ends(server.name)
        self.fences += off
        self.false_fences += off and not cut.lost
        print(f"{cut.name}: {server.name} {'was switched off' if off else 'runs on'}", flush=True)
        return time.monotonic() - began

    def _ends(self, host: str) -> bool:
        """Wait until a host is seen again, or is off; switch it on then, and say so."""
        bed = self._ours.bed

        def is_seen() -> bool:
            up = bed.client.get(f"/hosts/{host}")["state"] == "up"
            return up or not _power(self._ours, host)

        bed.wait(is_seen, f"{host} is seen again", ANSWER_S)
        off = not _power(self._ours, host)
        if off:
            labs.boot(LAB, host, self._ours.state)
        return off

    def _cut(self, host: str, cut: Cut) -> None:
        for link in cut.links:
            labs.partition(LAB, host, link, self._ours.state)
        if cut.rule:
            self._rule(host, "-I", cut)

    def _heal(self, host: str, cut: Cut) -> None:
        labs.heal(LAB, host, self._ours.state)
        if cut.rule:
            self._rule(host, "-D", cut)

    def _rule(self, host: str, what: str, cut: Cut) -> None:
        prefix = labs.server_command(LAB, host, self._ours.state)
        subprocess.run([*prefix, "iptables", what, *cut.rule, "-j", "DROP"], check=True)


def _power(ours: Ours, host: str) -> bool:
    """Return whether a server has a process, by the machine's process table."""
    return any(s.pids for s in labs.status(LAB, ours.state).servers if s.name == host)


@contextmanager
def _bmc_silent(server: labs.ServerStatus) -> Iterator[None]:
    """Let the BMC of a server answer nobody; it and the manager share a network namespace."""
    rule = ["OUTPUT", "-d", server.bmc_url.split("/")[2], "-j", "DROP"]
    subprocess.run(["iptables", "-I", *rule], check=True)
    try:
        yield
    finally:
        subprocess.run(["iptables", "-D", *rule], check=True)


@contextmanager
def _nothing() -> Iterator[None]:
    yield
