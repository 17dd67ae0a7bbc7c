"""Hosts with wardens in one process: a clock that is moved by hand, process tables in memory."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from anypool.warden import sector
from anypool.warden.config import Config
from anypool.warden.guests import Guest
from anypool.warden.hook import Asked, Gate
from anypool.warden.keeping import Keeping
from anypool.warden.running import Warden
from anypool.warden.watchdog import Armed, Watchdog

VM = "0f0f0f0f-0000-4000-8000-000000000001"
LIMIT_S, WATCHDOG_S, RENEW_S = 20.0, 10, 2.0


def be_quick(patch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk: what is told here is told without a loss of power."""
    patch.setattr(sector, "_PAST_THE_CACHE", 0)
    patch.setattr(sector, "_STORED", 0)


class Hands:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Dog(Watchdog):
    """A watchdog that says what it is told to say, and bites by the clock."""

    def __init__(self, clock: Hands, kind: str = "hardware") -> None:
        self.clock = clock
        self.kind = kind
        self.fed_at: float | None = None

    def arm(self) -> Armed:
        self.feed()
        return Armed(self.kind, "a dog", WATCHDOG_S)

    def feed(self) -> None:
        self.fed_at = self.clock()

    def disarm(self) -> None:
        self.fed_at = None

    def bites(self) -> bool:
        return self.fed_at is not None and self.clock() - self.fed_at >= WATCHDOG_S


class Host:
    """A host of which everything but the storage is made up."""

    def __init__(self, name: str, folder: Path, clock: Hands, *, kind: str = "hardware") -> None:
        self.name = name
        self.folder = folder
        self.clock = clock
        self.state = folder / f"run-{name}" / "state.json"
        self.dog = Dog(clock, kind)
        self.guests: list[Guest] = []
        self.boots = 0
        self.boot()

    def boot(self) -> None:
        """Begin a new boot: nothing runs, and nothing is remembered."""
        self.boots += 1
        self.guests.clear()
        shutil.rmtree(self.state.parent, ignore_errors=True)
        self.dog.fed_at = None
        self.begin()

    def begin(self) -> None:
        """Start the warden, in the same boot."""
        config = Config(
            host=f"id-{self.name}",
            name=self.name,
            datastores={"ds": str(self.folder)},
            renew_s=RENEW_S,
            limit_s=LIMIT_S,
        )
        state = str(self.state)
        self.warden = Warden(config, f"boot-{self.boots}", self.clock, self.dog, state)
        self.warden.look = lambda: tuple(self.guests)
        self.warden.uses = lambda guest, folder: True
        self.warden.end = self._end
        self.gate = Gate(self.clock, state)

    @property
    def keeping(self) -> Keeping:
        return self.warden.keepings[0]

    def turn(self) -> None:
        """Renew, then look around at once."""
        self.warden.turn(self.keeping)
        self.warden.tick()

    def ask(self, operation: str, *, vm: str = VM, more: str = "", folder: str = "") -> None:
        """Let libvirt ask; raise what forbids it."""
        moment = "end" if operation == "release" else "begin"
        path = folder or str(self.folder)
        disk = f"<devices><disk><source file='{path}/a.qcow2'/></disk></devices>"
        described = f"<domain><uuid>{vm}</uuid>{more}{disk}</domain>"
        self.gate.answer(Asked(["web1", operation, moment, "-"], described))

    def start(self, *, vm: str = VM, more: str = "") -> None:
        """Start a VM as libvirt does."""
        self.ask("prepare", vm=vm, more=more)
        self.ask("start", vm=vm, more=more)
        self.guests.append(Guest(len(self.guests) + 1, "1", vm))

    def stop(self, *, vm: str = VM) -> None:
        """Let a VM end."""
        self.guests[:] = [one for one in self.guests if one.vm != vm]
        self.ask("release", vm=vm)

    def runs(self, vm: str = VM) -> bool:
        return any(one.vm == vm for one in self.guests)

    def _end(self, those: tuple[Guest, ...]) -> None:
        self.guests[:] = [one for one in self.guests if one not in those]


def pass_(
    clock: Hands, seconds: float, *hosts: Host, each: Callable[[], None] | None = None
) -> None:
    """Let time pass in steps of a renewal, in which these hosts work."""
    until = clock.now + seconds
    while clock.now < until:
        clock.now = min(clock.now + RENEW_S, until)
        for host in hosts:
            host.turn()
        if each is not None:
            each()
