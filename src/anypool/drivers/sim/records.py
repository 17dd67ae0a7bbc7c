"""What the simulated world keeps beside the model's records, and the faults it can be given."""

from enum import StrEnum

from msgspec import Struct

from anypool.model import (
    AgentState,
    Capability,
    Datastore,
    Host,
    HostId,
    JobState,
    Server,
    Vm,
    VmId,
    Volume,
)

HOST_ABILITIES = frozenset(Capability) - {
    *(Capability.SERVER_IMAGES, Capability.PUSH),
    Capability.IDENTITY,
    *(Capability.HARDWARE, Capability.BOOT_OVERRIDE),
    *(Capability.VIRTUAL_MEDIA, Capability.PORT_ADDRESSES),
    Capability.TASKS,
    Capability.HOST_MAINTENANCE,
    Capability.INVITATION,
}
"""What every simulated host can do: all that needs no management server above it."""
ABILITIES = HOST_ABILITIES | {Capability.IDENTITY, Capability.BOOT_OVERRIDE}
"""What the simulator can do, with the physical servers that run no VMs."""


class BmcMood(StrEnum):
    """What the BMC of a host is like; `NONE` is a host whose endpoint tells of its power.

    One that `LIES` says off of a host that is on, with `GLITCH` once only; a `STUCK` one takes
    the order to switch off and does nothing; a `DEAD` one never answers, a `LATE` one late.
    """

    NONE = ""
    WORKS = "works"
    LIES = "lies"
    GLITCH = "glitch"
    STUCK = "stuck"
    DEAD = "dead"
    LATE = "late"


class SimHost(Struct, frozen=True, kw_only=True, gc=False):
    """A host and its fate: dead ones run nothing, cut ones run on and answer nobody.

    `frozen_at` is since when it stands still, 0 if it does not: nothing on it moves, and
    whoever asks it waits. One that is not `powered` was switched off, which its endpoint tells
    where it has no `bmc`. One that is not `heard` is cut off on its other network too.
    """

    host: Host
    alive: bool = True
    reachable: bool = True
    frozen_at: float = 0.0
    powered: bool = True
    bmc: BmcMood = BmcMood.NONE
    heard: bool = True

    @property
    def lives(self) -> bool:
        """Return whether something executes on it, or would once it thaws."""
        return self.alive and self.powered

    @property
    def answers(self) -> bool:
        """Return whether anybody gets an answer from it."""
        return self.alive and self.reachable and not self.frozen_at


class SimServer(Struct, frozen=True, kw_only=True, gc=False):
    """A physical server that runs no VMs, and its fate; its BMC works unless it has a mood.

    `boot` is what it is to boot from once, `booted` what it booted from last. As whom it is set up
    boots a hypervisor if `hosting`: it is a host then while it is on.
    """

    server: Server
    powered: bool = False
    bmc: BmcMood = BmcMood.WORKS
    boot: str = ""
    booted: str = ""
    hosting: bool = False


class SimCopy(Struct, frozen=True, kw_only=True, gc=False):
    """A VM as one host knows it; `started_at` is when this copy began to run, 0 if it does not."""

    vm: Vm
    started_at: float = 0.0


class Rhythm(Struct, frozen=True, kw_only=True, gc=False):
    """How a load swings around its mean: over a day, busiest at `peak_h` UTC, and in waves.

    The two percentages are of the mean, and together at most 100.
    """

    day_percent: int = 0
    peak_h: float = 12.0
    wave_percent: int = 0
    wave_s: float = 120.0


class SimGuest(Struct, frozen=True, kw_only=True, gc=False):
    """What no hypervisor reports: how much a guest uses, how far it grows, whether it listens.

    `busy_percent` is of all its CPUs; a `deaf` guest ignores a request to shut down.
    `rhythm` is how that changes over the day, None if it does not. `agent` is what its agent
    says, until it hangs at `hung_at`, 0 for never: from then on it does nothing at all, until it
    is reset or started.
    """

    max_vcpus: int = 0
    max_memory_mib: int = 0
    busy_percent: int = 5
    dirty_mib_s: int = 0
    deaf: bool = False
    memory_percent: int = 100
    rhythm: Rhythm | None = None
    agent: AgentState = AgentState.NONE
    hung_at: float = 0.0


class SimVolume(Struct, frozen=True, kw_only=True, gc=False):
    """A volume and the tag of the step that made it.

    `content` is what is on it: files of one name have the same unless somebody wrote to one.
    """

    volume: Volume
    made_by: str = ""
    content: str = ""


class SimDatastore(Struct, frozen=True, kw_only=True, gc=False):
    """A datastore; with `locks`, a second writer of an unshareable disk is stopped.

    `filled_bytes` is what somebody else put there to fill it; `marked` if we did the marking.
    """

    datastore: Datastore
    locks: bool = True
    filled_bytes: int = 0
    marked: bool = False


class Lost(StrEnum):
    """Which message of a migration is lost, and so what its two ends believe.

    With `FINISH_REPLY` the target has taken over and the source never hears of it.
    """

    NOTHING = ""
    FINISH_REPLY = "finish-reply"
    MEMORY = "memory"


class Move(Struct, frozen=True, kw_only=True, gc=False):
    """A migration under way; the moments are seconds since 1970.

    Memory flows until `switch_at`; the VM is held until `finish_at`, when the target
    takes over; if its answer is lost, the source waits for it until `give_up_at`.
    """

    vm: VmId
    source: HostId
    target: HostId
    start_paused: bool
    began_at: float
    switch_at: float
    finish_at: float
    give_up_at: float
    total_bytes: int
    phase: str = "copy"
    lost: Lost = Lost.NOTHING


class SimJob(Struct, frozen=True, kw_only=True, gc=False):
    """How the last migration of a VM ended, as its source's endpoint remembers it."""

    source: HostId
    target: HostId
    state: JobState
    total_bytes: int = 0
    pause_ms: int = 0
    message: str = ""


class DoubleRun(Struct, frozen=True, kw_only=True, gc=False):
    """The moment at which two copies of one VM ran at once: what must never be."""

    vm: VmId
    hosts: tuple[HostId, ...]
    at: float


class DoubleAddress(Struct, frozen=True, kw_only=True, gc=False):
    """The moment at which two servers, or one and a VM, had one address: what must never be."""

    address: str
    servers: tuple[str, ...]
    at: float


class Loss(Struct, frozen=True, kw_only=True, gc=False):
    """The moment at which the last copy of a VM vanished although nobody deleted it."""

    vm: VmId
    at: float


class FaultKind(StrEnum):
    """What goes wrong with a call.

    `UNREACHABLE` before anything is done; `REJECTED` likewise, as the platform's own no;
    `LOST_ANSWER` after all is done; `HALF_WAY` after the volumes of a new VM or disk are
    made and nothing else; `DELAY` by `delay_s`, then as usual; `HANG` until the world is
    released; `LOST_FINISH` and `LOST_MEMORY` strike a migration in its course, and `SLOW`
    lets one crawl.
    """

    UNREACHABLE = "unreachable"
    REJECTED = "rejected"
    LOST_ANSWER = "lost-answer"
    HALF_WAY = "half-way"
    DELAY = "delay"
    HANG = "hang"
    LOST_FINISH = "lost-finish"
    LOST_MEMORY = "lost-memory"
    SLOW = "slow"


_ONLY = {
    FaultKind.LOST_FINISH: ("begin_migration",),
    FaultKind.LOST_MEMORY: ("begin_migration",),
    FaultKind.SLOW: ("begin_migration",),
    FaultKind.HALF_WAY: ("create_vm", "attach_disk"),
}


class Fault(Struct, frozen=True, kw_only=True, gc=False):
    """A fault waiting for a call: `operation` "" is any; `times` -1 is for ever."""

    kind: FaultKind
    operation: str = ""
    vm: VmId | None = None
    host: HostId | None = None
    times: int = 1
    delay_s: float = 0.0

    def fits(self, operation: str, vm: VmId | None, host: HostId | None) -> bool:
        """Return whether it strikes a call."""
        return (
            self.operation in ("", operation)
            and operation in _ONLY.get(self.kind, (operation,))
            and self.vm in (None, vm)
            and self.host in (None, host)
        )
