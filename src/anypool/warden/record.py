"""What is kept on a shared datastore: who lives (a lease for each host), who may run what.

No time is in either record: a reader measures on its own clock for how long a lease did not
change. The lengths of time that are in it are the holder's promises.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from anypool.warden.sector import Torn, decode, encode

LEASE_PREFIX = "anypool-lease-"
"""The file of a host's lease is this and the host's id, in the folder of the datastore."""
VM_FOLDER = ".anypool-vms"
MARGIN_S = 5.0
"""For a reset that takes a moment, clocks whose seconds differ, and a look that came late."""

HARDWARE = "hardware"
SOFTWARE = "software"
STAND_IN = "stand-in"
NO_WATCHDOG = "none"

T = TypeVar("T")


@dataclass(frozen=True)
class Incarnation:
    """One life of a host: a boot of it, and how often it lost its lease in that.

    What ran in an earlier one runs no more: the host has booted since, or its warden has seen
    every VM end before it began the next.
    """

    host: str
    boot: str
    epoch: int


@dataclass(frozen=True)
class Lease:
    """The lease of a host: that it lives, and what it promises to do when it cannot renew it.

    `sequence` grows with each renewal, all `renew_s`. `limit_s` after a renewal that was the
    last the host ends its VMs, and `watchdog_s` after it was last fed the watchdog resets the
    host. `watchdog` is one of `hardware`, `software`, `stand-in` and `none`, as it was read back
    once armed; `identity` is what it calls itself.
    """

    host: str
    boot: str
    epoch: int
    sequence: int
    name: str = ""
    renew_s: float = 2.0
    limit_s: float = 20.0
    watchdog: str = NO_WATCHDOG
    watchdog_s: float = 0.0
    identity: str = ""

    @property
    def incarnation(self) -> Incarnation:
        """Whose lease this is, and in which of its lives."""
        return Incarnation(self.host, self.boot, self.epoch)

    @property
    def bound_s(self) -> float:
        """For how long it must have been seen unchanged before the host's watchdog has acted."""
        return self.limit_s + self.watchdog_s + MARGIN_S

    def encoded(self) -> bytes:
        """As a sector."""
        return encode({"kind": "host", **asdict(self)})

    @staticmethod
    def decoded(sector: bytes) -> Lease:
        """From a sector; raise `Torn`."""
        return _of(Lease, decode(sector), "host")


@dataclass(frozen=True)
class Holding:
    """Who may run a VM: `owner`, None if nobody does, and `heir` while it migrates there."""

    vm: str
    number: int
    owner: Incarnation | None = None
    heir: Incarnation | None = None

    def encoded(self) -> bytes:
        """As a sector."""
        return encode({"kind": "vm", **asdict(self)})

    @staticmethod
    def decoded(sector: bytes) -> Holding:
        """From a sector; raise `Torn`."""
        raw = decode(sector)
        for role in ("owner", "heir"):
            if raw.get(role) is not None:
                raw[role] = _of(Incarnation, raw[role])
        return _of(Holding, raw, "vm")


def _of(kind: type[T], raw: dict[str, Any], tag: str = "") -> T:
    if tag and raw.pop("kind", "") != tag:
        raise Torn(f"no record of a {tag}")
    known = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    try:
        made = kind(**{name: value for name, value in raw.items() if name in known})
    except TypeError as problem:
        raise Torn("a record lacks what it must have") from problem
    if not _is_sound(made):
        raise Torn("a record says what cannot be")
    return made


def _is_sound(made: object) -> bool:
    if isinstance(made, Lease):
        times = (made.renew_s, made.limit_s, made.watchdog_s)
        if not all(isinstance(one, (int, float)) and 0 <= one < 1e6 for one in times):
            return False
        return _is_life(made) and isinstance(made.sequence, int)
    if isinstance(made, Incarnation):
        return _is_life(made)
    return isinstance(made, Holding) and isinstance(made.number, int)


def _is_life(made: Lease | Incarnation) -> bool:
    return isinstance(made.host, str) and isinstance(made.boot, str) and isinstance(made.epoch, int)
