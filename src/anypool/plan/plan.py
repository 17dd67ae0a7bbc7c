"""An ordered, explained, priced set of actions: pure data until somebody accepts it."""

from collections.abc import Iterator
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from anypool.model import BookingId, HostId, VmId, VmState
from anypool.plan.action import Action
from anypool.plan.reason import Reason

PLANNER_VERSION = 1


class VmIs(Struct, frozen=True, kw_only=True, gc=False, tag="vm-is"):
    """Holds while a VM is on a host in one of the states."""

    vm: VmId
    host: HostId
    states: frozenset[VmState]


class VmAbsent(Struct, frozen=True, kw_only=True, gc=False, tag="vm-absent"):
    """Holds while no host knows the VM."""

    vm: VmId


class HostOpen(Struct, frozen=True, kw_only=True, gc=False, tag="host-open"):
    """Holds while a host is up and not in maintenance."""

    host: HostId


class MemoryFree(Struct, frozen=True, kw_only=True, gc=False, tag="memory-free"):
    """Holds while a host has that much memory free."""

    host: HostId
    memory_mib: int


Condition: TypeAlias = VmIs | VmAbsent | HostOpen | MemoryFree


class Refusal(Struct, frozen=True, kw_only=True, gc=False):
    """A host that was considered for a VM and not chosen, and why."""

    vm: VmId
    host: HostId
    why: Reason


class Cost(Struct, frozen=True, kw_only=True, gc=False):
    """What a plan or a step takes: bytes copied, time, longest pause of any one VM, energy.

    `energy_j` is what doing it takes, not what the pool saves by it.
    """

    copy_bytes: int = 0
    duration_ms: int = 0
    pause_ms: int = 0
    energy_j: int = 0


class Proven(Struct, frozen=True, kw_only=True, gc=False):
    """A figure of a plan, and what no plan for the same wish can be below: that is proven.

    `what` is `moves` or `hosts` (a count), `time` (milliseconds, of these steps in any order) or
    `imbalance` (hundredths of a percent of a host).
    """

    what: str
    reached: int
    bound: int

    @property
    def gap(self) -> int | None:
        """How far the figure is above the bound, in hundredths of a percent; None above a 0."""
        over = max(0, self.reached - self.bound)
        if self.bound <= 0:
            return None if over else 0
        return -(-10_000 * over // self.bound)


class Redeemed(Struct, frozen=True, kw_only=True, gc=False):
    """How much of a booking a plan takes for what it makes, and on which host that is kept."""

    booking: BookingId
    host: HostId
    memory_mib: int


class Step(Struct, frozen=True, kw_only=True, gc=False):
    """One action, why it is there, which earlier steps it waits for, and what must still hold."""

    number: int
    action: Action
    why: Reason
    after: frozenset[int] = frozenset()
    valid_while: tuple[Condition, ...] = ()
    cost: Cost = Cost()

    def __post_init__(self) -> None:
        if not all(0 < before < self.number for before in self.after):
            raise ValueError("a step waits for earlier steps only")


class PlanState(StrEnum):
    """The life of a plan; SUPERSEDED means that the world changed before it ran.

    SHADOW is a plan that a policy would have run: it is only recorded.
    """

    RECOMMENDED = "recommended"
    APPROVED = "approved"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    SHADOW = "shadow"


FINAL_STATES = frozenset(
    {
        PlanState.DONE,
        PlanState.FAILED,
        PlanState.CANCELLED,
        PlanState.SUPERSEDED,
        PlanState.SHADOW,
    }
)


class Plan(Struct, frozen=True, kw_only=True, gc=False):
    """A proposal. `based_on` is the digest of the inventory it was made from.

    `aim` says what it is for, `goal` the same in English words.
    `waived` is what speaks against it and was overruled by whoever asked for it.
    `bounds` says how near it is to the best possible, where that is proven.
    `redeems` is the room that was kept for it: whoever judges it takes that as free.
    `names` pairs the ids in it with the names they had then, for texts that outlive them.

    Equal inventory, wish and planner version give equal bytes: a plan holds no clock
    time and no random id; those belong to its record in the store.
    """

    goal: str
    steps: tuple[Step, ...] = ()
    rejected: tuple[Refusal, ...] = ()
    cost: Cost = Cost()
    based_on: str = ""
    planner_version: int = PLANNER_VERSION
    names: tuple[tuple[str, str], ...] = ()
    aim: Reason | None = None
    waived: tuple[Reason, ...] = ()
    bounds: tuple[Proven, ...] = ()
    redeems: tuple[Redeemed, ...] = ()

    def __post_init__(self) -> None:
        numbers = [step.number for step in self.steps]
        if numbers != list(range(1, len(numbers) + 1)):
            raise ValueError("steps are numbered from 1")

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)
