"""Whether a VM ever runs twice: judged from outside, by process tables and guests' consoles.

Nothing here asks libvirt or the manager. Two witnesses, either of which is enough:

* CPU time. An emulator's vCPU threads use CPU time only while its guest executes; an incoming
  or paused copy uses next to none. At 20 Hz the sampler reads that time for every emulator of
  the machine, and what it used between two reads was used between these two moments. Of two
  emulators of one VM the first may execute and then the second. As soon as each is seen to
  execute in a span that begins after the other was seen to, there are two copies: they run at
  the same time, or the history of the guest has forked. The switch-over of a migration cannot
  look like that, however late a read comes.
* The console. All copies of a VM write to one file, and the guest counts its ticks there; a
  tick that comes twice was counted by two copies.
"""

import os
import re
import threading
import time
from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path
from typing import NamedTuple

PERIOD_S = 0.05
EXECUTES_S = 0.003
"""A copy that uses so much CPU time within `SPAN_S` executes its guest."""
SPAN_S = 0.5
STARTS_S = 0.01
"""A copy that has used less in all has not executed yet: it takes 1 ms to get ready."""
_EMULATOR = b"qemu-system-"
_LOOKS_AT_STRANGERS = 200
_PF_EXITING = 0x4
_TICK = re.compile(r"^tick (\d+) ([\d.]+)$")
_BOOT = re.compile(r"^guest ready", re.MULTILINE)


class Copy:
    """One emulator process of a VM, and the first and the last time it was seen to execute."""

    def __init__(self, pid: int, uuid: str, threads: tuple[str, ...]) -> None:
        self.pid = pid
        self.uuid = uuid
        self.threads = threads
        self.first_seen_by: float | None = None
        """A moment by which it had executed."""
        self.last_began: float | None = None
        """A moment after which it executed again."""
        self.executed_at = 0.0
        self.gone = False
        self._base: tuple[float, float] | None = None

    def __str__(self) -> str:
        return f"executed by {self.first_seen_by:.3f} and after {self.last_began:.3f}"

    def read(self) -> None:
        """Take one sample; a process that ended is gone for good."""
        try:
            used_s = sum(map(_cpu_s, self.threads))
            if any(map(_exits, self.threads)):
                return
        except OSError:
            self.gone = True
            return
        now = time.monotonic()
        if self._base is None or (now - self._base[0] > SPAN_S and used_s == self._base[1]):
            self._base = now, used_s
            return
        began, before_s = self._base
        if used_s >= STARTS_S and used_s - before_s >= EXECUTES_S:
            self.first_seen_by = self.first_seen_by or now
            self.last_began = began
            self.executed_at = now
            self._base = now, used_s
        elif now - began > SPAN_S:
            self._base = now, used_s


class Twice(NamedTuple):
    """The proof that two copies executed one VM, neither of them only before the other."""

    uuid: str
    pids: tuple[int, int]
    at: float
    copies: tuple[str, str]


class Oracle:
    """Samples from `__enter__` to `__exit__` in a thread of its own."""

    def __init__(self, consoles: Path) -> None:
        self._consoles = consoles
        self._lock = threading.Lock()
        self._all: list[Copy] = []
        self._living: dict[int, Copy] = {}
        self._strangers: dict[int, int] = {}
        self._twice: dict[tuple[int, int], Twice] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="oracle", daemon=True)
        self.samples = 0
        self.longest_s = 0.0

    def __enter__(self) -> "Oracle":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def twice(self, uuid: str) -> tuple[Twice, ...]:
        """Every proof so far that a VM ran twice."""
        with self._lock:
            return tuple(one for one in self._twice.values() if one.uuid == uuid)

    def executing(self, uuid: str, within_s: float = 1.0) -> tuple[int, ...]:
        """The processes that execute a VM now, or did so in the last `within_s` seconds."""
        since = time.monotonic() - within_s
        with self._lock:
            copies = [one for one in self._living.values() if one.uuid == uuid]
            return tuple(sorted(one.pid for one in copies if one.executed_at > since))

    def copies(self, uuid: str) -> tuple[int, ...]:
        """The emulators of a VM that are there, whether or not they execute it."""
        with self._lock:
            return tuple(sorted(one.pid for one in self._living.values() if one.uuid == uuid))

    def ever(self, uuid: str) -> set[int]:
        """Every emulator of a VM that was seen since the beginning, also those that are gone."""
        with self._lock:
            return {one.pid for one in self._all if one.uuid == uuid}

    def console(self, uuid: str) -> "Console":
        """What the guest has written so far, all copies of it."""
        path = self._consoles / f"{uuid}.log"
        return Console(path.read_text(errors="replace") if path.exists() else "")

    def _run(self) -> None:
        due = last = time.monotonic()
        while not self._ended.wait(max(0.0, due - time.monotonic())):
            self._sample()
            now = time.monotonic()
            self.longest_s, last = max(self.longest_s, now - last), now
            due = max(due + PERIOD_S, now)
            self.samples += 1

    def _sample(self) -> None:
        with self._lock:
            self._meet(_pids())
            for copy in self._living.values():
                copy.read()
            self._living = {pid: copy for pid, copy in self._living.items() if not copy.gone}
            for one, other in combinations(self._all, 2):
                if one.uuid == other.uuid and (at := _both(one, other)) is not None:
                    pids, seen = (one.pid, other.pid), (str(one), str(other))
                    proof = Twice(one.uuid, pids, at, seen)
                    self._twice.setdefault(proof.pids, proof)

    def _meet(self, pids: set[int]) -> None:
        """Get to know new processes; a stranger may become an emulator by exec."""
        for pid in self._strangers.keys() - pids:
            del self._strangers[pid]
        for pid in pids - self._living.keys():
            looks = self._strangers.get(pid, 0)
            if looks >= _LOOKS_AT_STRANGERS:
                continue
            self._strangers[pid] = looks + 1
            if (copy := _emulator(pid)) is not None:
                del self._strangers[pid]
                self._living[pid] = copy
                self._all.append(copy)


class Console(NamedTuple):
    """The text of a guest's console."""

    text: str

    @property
    def boots(self) -> int:
        """How often the guest booted."""
        return len(_BOOT.findall(self.text))

    @property
    def ticks(self) -> list[int]:
        """The numbers of all ticks, in the order they were written."""
        return [number for number, _ in self._lines()]

    def forks(self) -> list[str]:
        """What in the order of the ticks one guest alone cannot have written."""
        found = []
        for boot in _BOOT.split(self.text)[1:]:
            lines = list(Console(boot)._lines())
            for (before, then), (after, now) in pairwise(lines):
                if after != before + 1 or now < then:
                    found.append(f"tick {after} at {now} s after tick {before} at {then} s")
        return found

    def _lines(self) -> Iterator[tuple[int, float]]:
        for line in self.text.split("\n")[:-1]:
            if match := _TICK.match(line.rstrip("\r")):
                yield int(match[1]), float(match[2])


def _both(one: Copy, other: Copy) -> float | None:
    """When it was proven that neither of two copies executed only before the other."""
    if one.first_seen_by is None or other.first_seen_by is None:
        return None
    assert one.last_began is not None
    assert other.last_began is not None
    if one.last_began >= other.first_seen_by and other.last_began >= one.first_seen_by:
        return max(one.last_began, other.last_began)
    return None


def _pids() -> set[int]:
    return {int(name) for name in os.listdir("/proc") if name.isdigit()}


def _emulator(pid: int) -> Copy | None:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if not os.path.basename(words[0]).startswith(_EMULATOR) or b"-uuid" not in words:
            return None
        uuid = words[words.index(b"-uuid") + 1].decode()
        threads = tuple(f"/proc/{pid}/task/{tid}" for tid in os.listdir(f"/proc/{pid}/task"))
        cpus = tuple(one for one in threads if Path(one, "comm").read_text().startswith("CPU "))
    except OSError:
        return None
    return Copy(pid, uuid, cpus) if cpus else None


def _exits(thread: str) -> bool:
    """Whether a thread has begun to exit: the last one is charged for giving back all memory."""
    with open(f"{thread}/stat", "rb") as file:
        return bool(int(file.read().rpartition(b")")[2].split()[6]) & _PF_EXITING)


def _cpu_s(thread: str) -> float:
    """CPU time of a thread in seconds, to the nanosecond where the kernel tells."""
    try:
        with open(f"{thread}/schedstat", "rb") as file:
            return int(file.read().split()[0]) / 1e9
    except FileNotFoundError:
        with open(f"{thread}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
