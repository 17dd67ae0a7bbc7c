"""What one look at the world shows, as a value that decisions are made from."""

from enum import StrEnum

from msgspec import Struct

from anypool.model import VM_DOWN, HostId, Inventory, Job, Power, StateReason, Vm, VmState
from anypool.plan import Reason, reason


class Copy(StrEnum):
    """One copy of a VM on one host, as far as safety must tell copies apart.

    `INCOMING` has never run; `MIGRATING` ran and is held while its state goes elsewhere;
    `STOPPED` is a definition without a process; `UNKNOWN` means that nobody answered.
    """

    ABSENT = "absent"
    RUNNING = "running"
    PAUSED = "paused"
    INCOMING = "incoming"
    MIGRATING = "migrating"
    STOPPED = "stopped"
    UNKNOWN = "unknown"


GONE = frozenset({Copy.ABSENT, Copy.STOPPED})


class Seen(Struct, frozen=True, gc=False):
    """A VM on one host: its record if it is there, `answered` if the host was read."""

    host: HostId
    answered: bool
    state: VmState | None = None
    reason: StateReason = StateReason.NONE
    vm: Vm | None = None

    @property
    def copy(self) -> Copy:
        """Return which kind of copy this is."""
        if not self.answered or self.state is VmState.UNKNOWN:
            return Copy.UNKNOWN
        if self.state is None:
            return Copy.ABSENT
        if self.state is VmState.PAUSED:
            return _PAUSED.get(self.reason, Copy.PAUSED)
        stopped = self.state in VM_DOWN
        return Copy.STOPPED if stopped else Copy.RUNNING


_PAUSED = {StateReason.INCOMING: Copy.INCOMING, StateReason.MIGRATING: Copy.MIGRATING}


NO_VOUCH = reason("ha.no-vouch")


class Sight(Struct, frozen=True, kw_only=True, gc=False):
    """One look for one step: the copies of its VM, read one after the other in this order.

    For a migration the target is read before the source, so that a source seen running
    beside a finished target has come back, and is not merely an older reading.
    `power` is what the BMC of a host says that is to be switched, UNKNOWN where it has none.
    `unready` is why a server gave its probe no good answer, "" if it did or has none.
    `dead` are hosts that say nothing and are proven to run nothing, for a start.
    `open` are silent hosts on which the VM may run unseen, and that nothing proves dead.
    `void` says why the proofs of a start after a failure do not stand now, None if they do;
    or of a host to be switched off that its lease is fresh. `job` is None if it could not be
    asked for; `inventory` is the pool as known right after the look. `boots` is False while the
    boot host of a server does not answer. Of a profile that a VM bears or is to bear, `serves`
    says whether a boot host has a part in it, `entered` as what it lets that VM boot.
    """

    inventory: Inventory
    seen: tuple[Seen, ...] = ()
    job: Job | None = None
    answered: bool = True
    power: Power = Power.UNKNOWN
    void: Reason | None = NO_VOUCH
    open: tuple[HostId, ...] = ()
    unready: str = ""
    dead: frozenset[HostId] = frozenset()
    boots: bool = True
    serves: bool = False
    entered: str = ""

    def at(self, host: HostId) -> Seen:
        """Return what was seen on a host; not answered if it was not looked at."""
        for seen in self.seen:
            if seen.host == host:
                return seen
        return Seen(host, answered=False)

    def elsewhere(self, *hosts: HostId) -> tuple[Seen, ...]:
        """Return what was seen on all other hosts."""
        return tuple(seen for seen in self.seen if seen.host not in hosts)

    def told(self) -> tuple[Reason, ...]:
        """Return the sight for people, with host names."""
        hosts = self.inventory.hosts
        names = {s.host: hosts[s.host].name for s in self.seen if s.host in hosts}
        return tuple(
            reason("run.copy", host=names.get(s.host, s.host), copy=s.copy) for s in self.seen
        )
