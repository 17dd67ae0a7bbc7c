"""When a guest answers on its network, and which boot of it does."""

import http.client
import json
import os
import subprocess
import threading
import time
from pathlib import Path

from anypool import lab as labs

EVERY_S = 0.05
PATIENCE_S = 0.3
ANSWERS_S = 120.0


class Guest:
    """A guest of the lab's image by its address, asked by a client on the data network."""

    def __init__(self, name: str, uuid: str, mac: str) -> None:
        self.name = name
        self.uuid = uuid
        high, low = (int(part, 16) for part in mac.split(":")[4:])
        self.address = f"10.78.{high}.{low}"
        # A client that spoke with it a moment ago knows its hardware address; else what is
        # measured would be the kernel's pauses between two questions for it.
        neighbour = ["ip", "neigh", "replace", self.address, "lladdr", mac, "dev", "data"]
        subprocess.run([*neighbour, "nud", "permanent"], check=True)

    def boot_id(self) -> str:
        """Return which boot answers now, "" if none does."""
        line = http.client.HTTPConnection(self.address, 80, timeout=PATIENCE_S)
        try:
            line.request("GET", "/")
            said = json.loads(line.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError):
            return ""
        finally:
            line.close()
        return str(said["boot_id"]) if said["uuid"] == self.uuid else ""


class Wait:
    """Until a guest answers after another boot than `before`; `at` is when, 0 for never."""

    def __init__(self, guest: Guest, before: str) -> None:
        self._guest = guest
        self._before = before
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self.at = 0.0
        self._thread.start()

    def end(self, timeout_s: float) -> float:
        """Return when it answered, seconds since 1970; end the benchmark if it does not."""
        self._thread.join(timeout_s)
        self._ended.set()
        if not self.at:
            raise SystemExit(f"{self._guest.name} does not answer in {timeout_s:g} s")
        return self.at

    def _ask(self) -> None:
        while not self._ended.wait(EVERY_S):
            if self._guest.boot_id() not in ("", self._before):
                self.at = time.time()
                return


def answers_again(guest: Guest) -> Wait:
    """Wait for the next boot of a guest that answers now, or will in a moment."""
    deadline = time.monotonic() + ANSWERS_S
    while not (boot := guest.boot_id()):
        if time.monotonic() > deadline:
            raise SystemExit(f"{guest.name} does not answer")
        time.sleep(EVERY_S)
    return Wait(guest, boot)


def began_at(guest: Guest, lab: str, state: Path) -> float:
    """Return when the one emulator of a guest was started, seconds since 1970."""
    pids = [
        one.pid
        for server in labs.status(lab, state).servers
        for one in labs.processes(lab, server.name, state)
        if one.vm_uuid == guest.uuid
    ]
    if len(pids) != 1:
        raise SystemExit(f"{guest.name} has {len(pids)} emulators")
    ticks = int(Path(f"/proc/{pids[0]}/stat").read_text().rpartition(")")[2].split()[19])
    up_s = float(Path("/proc/uptime").read_text().split()[0])
    return time.time() - up_s + ticks / os.sysconf("SC_CLK_TCK")
