"""What a failure does to each VM, as values: where it restarts and when, or what keeps it down."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from anypool.model import HostId, Inventory, VmId
from anypool.plan import Reason, reason
from anypool.planner.failover.failure import Failure


class How(StrEnum):
    """By which of the planner's preferences a host was taken."""

    ROOMY = "roomy"
    WIDEST = "widest"
    TIGHT = "tight"


class Fate(NamedTuple):
    """One VM after a failure: `host` is None for a VM that does not restart, and `why` says why.

    `near` is the host that was nearest to taking such a VM, where one was. `left_mib` stays
    free on the host when it has started, `starts_ms` counts from the proof that its old host
    is dead, `after` are the VMs it waits for, `level` its place in `order.LEVELS`.
    """

    vm: VmId
    home: HostId
    level: int
    host: HostId | None = None
    how: How = How.ROOMY
    left_mib: int = 0
    starts_ms: int = 0
    after: tuple[VmId, ...] = ()
    why: Reason | None = None
    near: HostId | None = None


@dataclass(frozen=True, slots=True)
class Recovery:
    """The fates of all VMs that a failure stops, in the order in which they restart.

    The rest says which changes make it out of date: `seen` has the bit of each row of hosts
    that was looked at; `below` is the least memory that was looked for anywhere; `fragile`
    if every change of a host matters, `closed` if a VM has no host whatever its memory.
    """

    failure: Failure
    fates: tuple[Fate, ...] = ()
    seen: int = 0
    below: int = 1 << 62
    fragile: bool = False
    closed: bool = False

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
    if fate.how is How.ROOMY:
        return reason("fail.roomy", left=fate.left_mib)
    if fate.how is How.WIDEST:
        return reason("fail.widest", left=fate.left_mib)
    return reason("fail.tight", left=fate.left_mib)


def proofs(recovery: Recovery, inventory: Inventory) -> tuple[Reason, ...]:
    """Return what has to be proven before any VM may be started elsewhere.

    That is the death of every host that may have a copy of one.
    """
    vms = [inventory.vms[fate.vm] for fate in recovery.restarted]
    homes = {fate.home for fate in recovery.restarted}
    homes |= {copy.host for vm in vms for copy in vm.copies}
    return tuple(reason("fail.proof", host=inventory.host(home).name) for home in sorted(homes))
