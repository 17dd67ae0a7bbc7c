"""A rack of blades with a manager, and an oracle for who uses an address: no test of its own.

Who uses one is asked of the command lines of QEMU and of the lab's bridge, not of the manager.
"""

import os
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anypool import lab as labs
from anypool.lab.blades import netboot, system
from anypool.lab.blades.board import Board
from anypool.lab.places import default_cache_dir, lab_places
from tests.lab.booting import Booting, adopt
from tests.lab.conftest import RunningLab

ADDRESS, NAME = "10.77.0.50", "db"
_LOOKS_AT_STRANGERS = 200
PROBE = {"kind": "tcp", "address": ADDRESS, "port": 80, "interval_s": 1.0, "timeout_s": 0.5}


class Bladed(Booting):
    """A rack of blades with a manager."""

    def furnish(self, *blades: str, **profile: Any) -> None:
        """Adopt blades, all of them spares, and make a profile that boots from the network."""
        for name in blades:
            made = adopt(self, name, prove=True)
            assert {"identity", "addresses", "iscsi-boot"} <= set(made["abilities"]), made
        range_ = {"name": "lan", "kind": "mac", "first": "02:00:00:00:01:00", "count": 8}
        self.client.post("/address-ranges", range_)
        wish = {"name": NAME, "nics": [[]], "boot": ["network"], **profile}
        self.client.post("/profiles", wish)

    @property
    def mac(self) -> str:
        (port,) = self.client.get(f"/profiles/{NAME}")["ports"]
        return str(port["address"])

    @property
    def owner(self) -> str:
        return str(self.client.get(f"/profiles/{NAME}")["server"])

    @property
    def state(self) -> dict[str, Any]:
        """What is thought of the server that bears the profile."""
        (found,) = self.client.get("/coverage")["items"]
        return dict(found)

    def users(self) -> list[str]:
        """The blades whose QEMU runs with the profile's address now."""
        return users_of(self.mac, self.pids())

    def pids(self) -> dict[str, tuple[int, ...]]:
        return {one.name: one.pids for one in self.lab.status().servers}

    def heard_at(self) -> str:
        """The port of the lab's bridge behind which the profile's address was heard last."""
        said = self.lab.run(["bridge", "fdb", "show"]).out
        found = re.findall(rf"^{self.mac} dev (\S+)", said, re.MULTILINE)
        assert len(found) < 2, said
        return found[0] if found else ""

    def answer(self) -> str:
        """What answers at the profile's address says of itself: name, MAC, address; "" if none."""
        with self.lab.inside():
            return fetched(f"http://{ADDRESS}/eth0")

    def powered_on_at(self, blade: str) -> float:
        """When a blade was switched on last, by its own journal (seconds since 1970)."""
        board = Board(lab_places(self.lab.name, self.lab.state_dir).server(blade))
        found = [one.at for one in board.entries() if one.what == "power-on"]
        return found[-1] if found else 0.0

    @contextmanager
    def booting(self) -> Iterator[None]:
        """Serve the lab's system, and the profile's address and name by its MAC."""
        made = system.ensure(default_cache_dir(), print)
        files = {"vmlinuz": made.kernel, "initrd.gz": made.initrd}
        script = netboot.script_of(system.CMDLINE)
        known = {self.mac: f"{ADDRESS},{NAME}"}
        with netboot.serving(self.lab.name, self.lab.state_dir, files, script, known):
            yield

    def watching(self) -> "Watching":
        """Watch from now on who uses the profile's address."""
        return Watching(self.lab, self.mac)

    def mood(self, blade: str, mood: Any) -> None:
        labs.set_mood(self.lab.name, blade, mood, self.lab.state_dir)


def fetched(url: str) -> str:
    """Return what an address says, "" for nothing."""
    try:
        with urllib.request.urlopen(url, timeout=1.0) as answer:
            return str(answer.read(200).decode().strip())
    except (OSError, urllib.error.URLError, ValueError):
        return ""


def users_of(mac: str, pids: dict[str, tuple[int, ...]]) -> list[str]:
    """Return the blades one of whose processes has a MAC in its command line."""
    return [name for name, some in pids.items() for pid in some if f"mac={mac}" in _argv(pid)]


def _argv(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def _is_below(pid: int, top: int) -> bool:
    """Whether a process descends from another, as those of a lab do from its supervisor."""
    while pid > 1 and pid != top:
        try:
            status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
        except OSError:
            return False
        pid = int(status.split()[1])
    return pid == top


class Watching:
    """Counts how often two blades or VMs of a lab used one of some MACs, 20 times a second.

    All processes below the lab's supervisor are looked at; another lab has the same addresses.
    """

    def __init__(self, lab: RunningLab, *macs: str) -> None:
        top = lab.status().supervisor_pid
        assert top is not None
        self._macs = macs
        self._top = top
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.looks = 0
        self.twice: list[tuple[float, int]] = []
        self._strangers: dict[int, int] = {}

    def __enter__(self) -> "Watching":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(0.05):
            self.looks += 1
            count = sum(map(self._uses, self._looked_at()))
            if count > 1:
                self.twice.append((time.time(), count))

    def _looked_at(self) -> list[int]:
        """The processes that may be emulators; one that is no longer new does not become one."""
        pids = {int(name) for name in os.listdir("/proc") if name.isdecimal()}
        self._strangers = {pid: self._strangers.get(pid, 0) for pid in pids}
        return [pid for pid, looks in self._strangers.items() if looks < _LOOKS_AT_STRANGERS]

    def _uses(self, pid: int) -> bool:
        words = _argv(pid)
        ways = ("mac={}", '"mac":"{}"')  # the second is libvirt's
        mine = any(way.format(mac) in words for way in ways for mac in self._macs)
        self._strangers[pid] += "qemu-system" not in words[:200]
        uses = "qemu-system" in words[:200] and mine
        return uses and _is_below(pid, self._top)
