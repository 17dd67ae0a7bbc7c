"""What shows that a VM runs nowhere, so that it may be started elsewhere: one closed union.

Nobody starts a VM on another host because its own does not answer. Each kind of proof says
which threat it covers and which it does not. Another kind is a record here and in `Proof`;
mypy then fails wherever proofs are judged until it knows the newcomer.
"""

from typing import TypeAlias

from msgspec import Struct

from anypool.model.ids import DatastoreId, HostId, VmId
from anypool.model.lease import WatchdogKind

APART_S = 1.0
"""Two readings of the power that are nearer to each other count as one."""


class PowerOff(Struct, frozen=True, kw_only=True, gc=False, tag="power-off"):
    """The power of a host was read as off twice, by two questions at least `APART_S` apart.

    Covers a host that is frozen, cut off, slow or broken: what has no power runs nothing. The
    second reading covers a glitch of the first. Does not cover a BMC that says off of a host
    that is on: any other sign of life since `first_at` refutes it, but where every other path
    is silent too nobody can know, and that is outside of what anypool promises.
    """

    host: HostId
    first_at: float
    at: float

    def __post_init__(self) -> None:
        if not 0 < self.first_at <= self.at - APART_S:
            raise ValueError(f"two readings of the power are {APART_S:g} s apart at least")


class SaidGone(Struct, frozen=True, kw_only=True, gc=False, tag="said-gone"):
    """The host itself was read at `at`, and says that no process of the VM is there.

    Covers a VM that ended alone, and a host that came back after a failure. Does not cover a
    host that starts the VM by itself later: the host is read again right before the deed.
    """

    host: HostId
    vm: VmId
    at: float


class Stated(Struct, frozen=True, kw_only=True, gc=False, tag="stated"):
    """A person says that a host is dead and stays so, by name, for the reason `words`.

    `audit` is the row of the audit trail that chains the statement to all others. Covers what
    no machine can tell: a burnt rack, a pulled plug, no BMC. Any sign of life since `at`
    refutes it. Does not cover a person who is wrong about a host that shows no life.
    """

    host: HostId
    at: float
    by: str
    words: str
    audit: int

    def __post_init__(self) -> None:
        if not (self.by and self.words.strip()):
            raise ValueError("a statement has a name and a reason")


class LeaseExpired(Struct, frozen=True, kw_only=True, gc=False, tag="lease-expired"):
    """The storage lease of a host stood still for its bound, and its watchdog is hardware.

    From `at` on: it was read where it stands (`boot`, `epoch`, `sequence`) for `bound_s` before,
    by the reader's own clock. Covers a host that is frozen, cut off or broken, and one that lost
    its storage: it is fed no more and reset, or ended its VMs itself. `watchdog` is what its
    warden armed and read back; a stand-in counts in a lab that says so. Does not cover a
    watchdog that does not do what its kernel says of it, a clock of the host that runs slower
    than the margin allows, or storage that shows old content to who opens a file anew. An agent
    alone, or a software watchdog, is no proof: a frozen host thaws.
    """

    host: HostId
    datastore: DatastoreId
    boot: str
    epoch: int
    sequence: int
    bound_s: float
    watchdog: WatchdogKind
    identity: str
    at: float

    def __post_init__(self) -> None:
        if self.watchdog not in (WatchdogKind.HARDWARE, WatchdogKind.STAND_IN):
            raise ValueError("a lease that ran out proves nothing without a watchdog")
        if not (self.bound_s > 0 and self.at > 0):
            raise ValueError("a lease runs out in its bound, not at once")

    @property
    def stands_at(self) -> tuple[str, int, int]:
        """Where the lease stood when it ran out."""
        return self.boot, self.epoch, self.sequence


Proof: TypeAlias = PowerOff | SaidGone | Stated | LeaseExpired


def proven_since(proof: Proof) -> float:
    """Return since when a proof claims that nothing runs: later life refutes it."""
    return proof.first_at if isinstance(proof, PowerOff) else proof.at


def proves(proof: Proof, vm: VmId, host: HostId) -> bool:
    """Return whether a proof, while it stands, shows that a VM does not run on a host."""
    if isinstance(proof, SaidGone):
        return (proof.vm, proof.host) == (vm, host)
    return proof.host == host
