"""Wardens on three hosts that freeze, boot, lose their storage and race: no VM runs on two.

No manager is there at all. Everybody starts every VM everywhere, all the time, as people with
virsh and managers without a proof would. Then the same with builds that are broken on purpose.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from anypool.warden import deciding, hook, watching
from anypool.warden.config import Misconfigured
from anypool.warden.deciding import Here
from anypool.warden.guests import Guest
from anypool.warden.holdings import Holdings, Refused
from anypool.warden.record import Incarnation
from anypool.warden.watching import Proven, Sighting
from tests.unit.warden_kit import Hands, Host, be_quick

VMS = ("vm-a", "vm-b")
STEPS = 300
STEP_S = 1.0


class Twice(AssertionError):
    """A VM was on two hosts."""


class Yard:
    """Hosts with wardens, and trouble drawn from a seed; frozen ones keep what they have."""

    def __init__(self, folder: Path, seed: int, kind: str) -> None:
        folder.mkdir()
        self.chance = random.Random(seed)
        self.clock = Hands()
        self.hosts = [Host(f"h{n}", folder, self.clock, kind=kind) for n in (1, 2, 3)]
        self.frozen: set[str] = set()
        self.cut: set[str] = set()
        self.started = 0

    def step(self) -> None:
        """Let a second pass, with some trouble in it; raise `Twice`."""
        self.clock.now += STEP_S
        for host in self.hosts:
            if host.dog.kind == "hardware" and host.dog.bites():
                self.frozen.discard(host.name)
                host.boot()
            if host.name in self.frozen:
                continue
            if host.name not in self.cut and self.chance.random() < 0.6:
                host.warden.turn(host.keeping)
            host.warden.tick()
        self.trouble()
        for vm in VMS:
            places = [host.name for host in self.hosts if host.runs(vm)]
            if len(places) > 1:
                raise Twice(f"{vm} on {places} at {self.clock.now}")

    def trouble(self) -> None:
        host, vm = self.chance.choice(self.hosts), self.chance.choice(VMS)
        match self.chance.randrange(14):
            case 0:
                self.frozen ^= {host.name}
            case 1:
                self.cut ^= {host.name}
            case 2 if host.name not in self.frozen and self.chance.random() < 0.2:
                host.boot()
            case 3 if self.able(host):
                host.begin()
            case 4 | 5:
                self.migrate(host, self.chance.choice(self.hosts), vm)
            case 6 if self.able(host) and host.runs(vm):
                host.stop(vm=vm)
            case _ if self.able(host) and not host.runs(vm):
                with suppress(Refused, Misconfigured):
                    host.start(vm=vm)
                    self.started += 1
            case _:
                pass

    def able(self, host: Host) -> bool:
        return host.name not in self.frozen and host.name not in self.cut

    def migrate(self, source: Host, target: Host, vm: str) -> None:
        """Move a VM, or lose the source or the will on the way."""
        if source is target or not source.runs(vm):
            return
        if not (self.able(source) and self.able(target)):
            return
        with suppress(Refused, Misconfigured):
            for operation in ("migrate", "prepare", "start"):
                target.ask(operation, vm=vm)
            if self.chance.random() < 0.3:
                target.ask("release", vm=vm)
                return
            source.guests[:] = [one for one in source.guests if one.vm != vm]
            target.guests.append(Guest(len(target.guests) + 1, "1", vm))
            if self.chance.random() < 0.7:
                source.ask("release", vm=vm)


def survived(folder: Path, seed: int, kind: str) -> int:
    """Return how many starts were let through."""
    yard = Yard(folder, seed, kind)
    for _ in range(STEPS):
        yard.step()
    return yard.started


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    be_quick(monkeypatch)


@pytest.mark.parametrize("kind", ["hardware", "software"])
def test_no_vm_is_on_two_hosts_whatever_fails(tmp_path: Path, kind: str) -> None:
    assert sum(survived(tmp_path / f"{seed}", seed, kind) for seed in range(2)) > 3


def skips_the_record(patch: pytest.MonkeyPatch) -> None:
    def take(holdings: Holdings, vm: str, here: Here) -> None:
        return None

    patch.setattr(hook, "take", take)
    patch.setattr(hook, "check", take)


def believes_software(patch: pytest.MonkeyPatch) -> None:
    honest = watching.is_over

    def is_over(owner: Incarnation, seen: Sighting | None, proven: tuple[Proven, ...] = ()) -> bool:
        if seen is not None and seen.lease.incarnation == owner:
            return seen.unchanged_s() >= seen.lease.bound_s
        return honest(owner, seen, proven)

    patch.setattr(deciding, "is_over", is_over)


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        (skips_the_record, "hardware"),
        (believes_software, "software"),
    ],
)
def test_broken_build_is_caught(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: Callable[[pytest.MonkeyPatch], None],
    kind: str,
) -> None:
    how(monkeypatch)
    for seed in range(10):
        try:
            survived(tmp_path / f"{seed}", seed, kind)
        except Twice:
            return
    raise AssertionError("nobody noticed")
