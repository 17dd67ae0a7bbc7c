"""What a failure does to each VM, as values: where it restarts and when, or what keeps it down."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from anypool.model import HostId, Inventory, VmId
from anypool.plan import Reason, reason
from anypool.planner.failover.failure import Failure
from anypool.planner.failover.left import at_rest


class How(StrEnum):
    """By which of the planner's preferences a host was taken."""

    ROOMY = "roomy"
    WIDEST = "widest"
    TIGHT = "tight"
    PREFERRED = "preferred"


_WHY = {
    How.ROOMY: reason("fail.roomy"),
    How.WIDEST: reason("fail.widest"),
    How.TIGHT: reason("fail.tight"),
    How.PREFERRED: reason("fail.preferred"),
}


class Fate(NamedTuple):
    """One VM after a failure: `host` is None for a VM that does not restart, and `why` says why.

    `near` is the host that was nearest to taking such a VM, where one was. One that is `left` has
    a place there, beside all that restart, and nobody here starts it. `starts_ms` counts
    from the proof that its old host is dead, `after` are the VMs it waits for, `level` is its
    place in `order.LEVELS`.
    """

    vm: VmId
    home: HostId
    level: int
    host: HostId | None = None
    how: How = How.ROOMY
    starts_ms: int = 0
    after: tuple[VmId, ...] = ()
    why: Reason | None = None
    near: HostId | None = None
    left: bool = False


ENDLESS = 1 << 62


@dataclass(slots=True)
class Trail:
    """What a recovery looked at, and so which changes of a host could alter it.

    `seen` has the bit of each row that was passed, `strict` of those where more than memory
    decided. `slack` is by how much a row was roomy at least whenever it was taken, `lack` by
    how little it was not whenever it was passed by. VMs of `below` MiB and more looked at
    every host, VMs of `sparse` MiB and more at the roomy ones of an index. `fragile` is a
    recovery that any change may alter; one that is `closed` has a VM without a host whatever
    is free.
    """

    seen: int = 0
    strict: int = 0
    slack: dict[int, int] = field(default_factory=dict)
    lack: dict[int, int] = field(default_factory=dict)
    below: int = ENDLESS
    sparse: int = ENDLESS
    fragile: bool = False
    closed: bool = False

    def minds(self, change: "Change") -> bool:
        """Return whether a change of a host could alter what was planned."""
        bit = 1 << change.row
        if self.fragile or self.strict & bit or self.below <= change.most_free:
            return True
        if self.sparse <= change.most_margin:
            return True
        if change.anew:
            return bool(self.seen & bit) or self.closed
        return (
            self.slack.get(change.row, ENDLESS) + change.more < 0
            or self.lack.get(change.row, ENDLESS) <= change.more
        )

    def shift(self, change: "Change") -> None:
        """Take note of a change that altered nothing."""
        if change.row in self.slack:
            self.slack[change.row] += change.more
        if change.row in self.lack:
            self.lack[change.row] -= change.more


class Change(NamedTuple):
    """What changed about a host: how much `more` is free in MiB, the most that was or is free,
    and by how much it was or is roomy at most; `anew` if other things than its VMs changed.
    """

    row: int
    more: int
    most_free: int
    most_margin: int
    anew: bool


@dataclass(frozen=True, slots=True)
class Recovery:
    """The fates of all VMs that a failure stops, in the order in which they restart."""

    failure: Failure
    fates: tuple[Fate, ...] = ()
    trail: Trail = field(default_factory=Trail, compare=False)

    @property
    def lost(self) -> tuple[Fate, ...]:
        """Return the VMs that do not restart."""
        return tuple(fate for fate in self.fates if fate.host is None)

    @property
    def restarted(self) -> tuple[Fate, ...]:
        """Return the VMs that restart."""
        return tuple(fate for fate in self.fates if fate.host is not None)


def why_there(fate: Fate) -> Reason:
    """Return why a VM restarts where it does, or why it does not."""
    if fate.why is not None:
        return fate.why
    return _WHY[fate.how]


def proofs(recovery: Recovery, inventory: Inventory) -> tuple[Reason, ...]:
    """Return what has to be proven before any VM may be started elsewhere.

    That is the death of every host that may have a copy of one.
    """
    vms = [inventory.vms[fate.vm] for fate in recovery.restarted]
    homes = {fate.home for fate in recovery.restarted}
    dead = recovery.failure.hosts
    copies = (copy for vm in vms for copy in vm.copies if not at_rest(copy, inventory, dead))
    homes |= {copy.host for copy in copies}
    return tuple(reason("fail.proof", host=inventory.host(home).name) for home in sorted(homes))
