"""A run as the engine's core sees it: its journal rows and what is only in memory."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import NamedTuple, TypeAlias, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from anypool.engine.runs.decision import Decision, Deed
from anypool.engine.runs.migration import Times
from anypool.engine.runs.sight import Sight
from anypool.model import Bound, HostId, Inventory
from anypool.plan import Action, HandOver, MigrateVm, Plan, PlanState, Reason, Step, hosts_of
from anypool.settings import Settings
from anypool.store.records import FINAL_RUN_STATES, RunRecord, RunState, StepRecord, StepState

K = TypeVar("K", bound=str)


class Instant(NamedTuple):
    """A moment: `at` for people (seconds since 1970, may jump), `ticks` for measuring."""

    at: float
    ticks: float


class Phase(StrEnum):
    """What the engine does with a step at this moment."""

    IDLE = "idle"
    LOOKING = "looking"
    ACTING = "acting"
    RESTING = "resting"


class StepNow(Struct, frozen=True, kw_only=True, gc=False):
    """A step: its journal row, and what a restart may forget.

    `due` is when a resting step is looked at again, `tried_at` when work on it began,
    `since` since when every look led to the same decision (`last`), all in ticks. `late_at` is
    when its time was found to be over, 0 if it is not: what is seen after that decides, for as
    long as that must be seen, since what was seen before may be from before a standstill.
    """

    record: StepRecord
    phase: Phase = Phase.IDLE
    deed: Deed | None = None
    due: float = 0.0
    tried_at: float = 0.0
    acked: bool = False
    sent_before: bool = False
    last: Decision | None = None
    since: float = 0.0
    late_at: float = 0.0
    unanswered: int = 0
    noted_at: float = 0.0

    @property
    def state(self) -> StepState:
        """Return the state in the journal."""
        return self.record.state

    @property
    def active(self) -> bool:
        """Say whether the engine works on it."""
        return self.phase is not Phase.IDLE


class RunNow(Struct, frozen=True, kw_only=True, gc=False):
    """A run with its plan; `broken` says that an assumption of the plan no longer holds."""

    record: RunRecord
    plan: Plan
    steps: tuple[StepNow, ...]
    broken: Reason | None = None

    def step(self, number: int) -> StepNow:
        """Return a step by its number."""
        return self.steps[number - 1]

    def wish(self, number: int) -> Step:
        """Return what the plan says about a step."""
        return self.plan.steps[number - 1]

    def put(self, step: StepNow) -> "RunNow":
        """Return the run with one step replaced."""
        at = step.record.number - 1
        return replace(self, steps=(*self.steps[:at], step, *self.steps[at + 1 :]))

    @property
    def over(self) -> bool:
        """Say whether it has ended for good."""
        return self.record.state in FINAL_RUN_STATES

    @property
    def plan_state(self) -> PlanState:
        """Return the state of its plan."""
        if self.broken and not any(step.record.attempts for step in self.steps) and self.over:
            return PlanState.SUPERSEDED
        return _PLAN_STATES[self.record.state]


_PLAN_STATES = {
    RunState.RUNNING: PlanState.RUNNING,
    RunState.PAUSED: PlanState.PAUSED,
    RunState.NEEDS_HUMAN: PlanState.PAUSED,
    RunState.INTERRUPTED: PlanState.PAUSED,
    RunState.DONE: PlanState.DONE,
    RunState.FAILED: PlanState.FAILED,
    RunState.CANCELLED: PlanState.CANCELLED,
}


class Request(StrEnum):
    """What people ask of a run or of one of its steps."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    SKIP = "skip"
    RETRY = "retry"
    READY = "ready"


class Tick(Struct, frozen=True, gc=False, tag=True):
    """Time has passed."""


class Looked(Struct, frozen=True, gc=False, tag=True):
    """A look came back, without a sight if nobody knows why it failed."""

    number: int
    sight: Sight | None


class Outcome(StrEnum):
    """How a deed came back, as far as the next move depends on it."""

    DONE = "done"
    NOT_SENT = "not-sent"
    BUSY = "busy"
    REFUSED = "refused"
    UNDER_WAY = "under-way"
    UNKNOWN = "unknown"


class Acted(Struct, frozen=True, gc=False, tag=True):
    """A deed came back; `handle` names the task of one that the platform goes on with."""

    number: int
    outcome: Outcome
    message: str = ""
    handle: str = ""


class Asked(Struct, frozen=True, gc=False, tag=True):
    """A person asked for something; `number` is 0 for the whole run."""

    request: Request
    number: int = 0


Event: TypeAlias = Tick | Looked | Acted | Asked


class Look(Struct, frozen=True, gc=False, tag=True):
    """Look at the world for a step."""

    number: int


class Do(Struct, frozen=True, gc=False, tag=True):
    """Do a deed for a step; it is in the journal."""

    number: int
    deed: Deed


Command: TypeAlias = Look | Do


class Usage(Struct, frozen=True, gc=False):
    """What the runs of an engine do at one moment.

    `steps` are all active ones, `by_host` those on a host; `moves_by_host` and
    `moves_by_pool` are the migrations among them.
    """

    steps: int = 0
    by_host: dict[HostId, int] = {}
    moves_by_host: dict[HostId, int] = {}
    moves_by_pool: dict[str, int] = {}

    def plus(self, action: Action, inventory: Inventory) -> "Usage":
        """Return the usage with one more active step."""
        if isinstance(action, HandOver):
            return self  # people work then, for hours perhaps
        hosts = hosts_of(action)
        more = replace(self, steps=self.steps + 1, by_host=_more(self.by_host, hosts))
        if not isinstance(action, MigrateVm):
            return more
        return replace(
            more,
            moves_by_host=_more(self.moves_by_host, hosts),
            moves_by_pool=_more(self.moves_by_pool, pools_of(action, inventory)),
        )


def _more(counts: dict[K, int], keys: Iterable[K]) -> dict[K, int]:
    return counts | {key: counts.get(key, 0) + 1 for key in keys}


def pools_of(action: MigrateVm, inventory: Inventory) -> frozenset[str]:
    """Return the pools that a migration loads."""
    hosts = (inventory.hosts.get(host) for host in (action.source, action.target))
    return frozenset(host.pool for host in hosts if host is not None)


Rules: TypeAlias = Callable[[Inventory], tuple[Bound, ...]]


def no_rules(_: Inventory) -> tuple[Bound, ...]:
    """Return no rule."""
    return ()


class Context(Struct, frozen=True, kw_only=True, gc=False):
    """What the core is told besides the event: the time, the pool, and what others do.

    `bounds` returns the rules of now as they bind an inventory, `under_way` are the deeds of
    other runs that may have taken effect or not.
    """

    now: Instant
    settings: Settings
    inventory: Inventory
    others: Usage = Usage()
    bounds: Rules = no_rules
    under_way: tuple[Action, ...] = ()

    @property
    def times(self) -> Times:
        """Return the patience that decisions ask for."""
        return Times(
            self.settings.settle_s, self.settings.stall_s, self.settings.host_shut_down_wait_s
        )
