"""What the store keeps, one frozen record per kind of row.

Times are seconds since 1970 as floats, 0.0 for never. A record's fields are its table's
columns of the same name.
"""

from enum import StrEnum
from typing import Generic, TypeVar

from msgspec import Struct

from anypool.model import (
    Adoption,
    Datastore,
    DatastoreId,
    Host,
    HostId,
    Locking,
    Network,
    Origin,
    PlanId,
    PolicyId,
    RunId,
    Server,
    ServerId,
    Vm,
    VmId,
)
from anypool.plan import Cost, OutlinedStep, Plan, PlanState, Reason

T = TypeVar("T")


class Page(Struct, Generic[T], frozen=True, kw_only=True):
    """One page of a list; `total` counts all pages, `next` is None on the last one."""

    items: tuple[T, ...]
    total: int
    next: str | None = None


class PlanSummary(Struct, frozen=True, kw_only=True, gc=False):
    """What a list shows of a plan, readable whatever release stored it.

    `note` says why it was rejected, superseded or failed; `aim` and `said` are goal and
    note as values, None where only words were kept. `unknown` names the actions in it that
    this release does not know, for which it is never run.
    """

    id: PlanId
    goal: str
    state: PlanState
    by: str
    created_at: float
    changed_at: float
    steps: int
    cost: Cost
    run: RunId | None = None
    note: str = ""
    aim: Reason | None = None
    said: Reason | None = None
    unknown: tuple[str, ...] = ()
    policy: PolicyId | None = None


class PlanRecord(Struct, frozen=True, kw_only=True, gc=False):
    """A plan with its life; `run` is the latest run of it.

    Of a plan with `unknown` actions, `plan` has no steps: they are in `outline`, to be
    shown, and nothing here can run them.
    """

    id: PlanId
    plan: Plan
    state: PlanState
    by: str
    created_at: float
    changed_at: float
    run: RunId | None = None
    note: str = ""
    said: Reason | None = None
    unknown: tuple[str, ...] = ()
    outline: tuple[OutlinedStep, ...] = ()
    policy: PolicyId | None = None


class RunState(StrEnum):
    """The life of a run; NEEDS_HUMAN waits for a skip, a retry or a cancel.

    INTERRUPTED was under way in a backup that was restored: what it did since is not known.
    """

    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NEEDS_HUMAN = "needs-human"
    INTERRUPTED = "interrupted"


FINAL_RUN_STATES = frozenset({RunState.DONE, RunState.FAILED, RunState.CANCELLED})


class StepState(StrEnum):
    """The life of a step; BEGUN is written before the deed, so that a restart looks first."""

    WAITING = "waiting"
    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    NEEDS_HUMAN = "needs-human"


class RunRecord(Struct, frozen=True, kw_only=True, gc=False):
    """One execution of a plan; `paused` and `cancelling` are what people asked for.

    `said` is `message` as a value, None where only words were kept.
    """

    id: RunId
    plan: PlanId
    state: RunState
    by: str
    paused: bool = False
    cancelling: bool = False
    started_at: float = 0.0
    ended_at: float = 0.0
    message: str = ""
    said: Reason | None = None


class StepRecord(Struct, frozen=True, kw_only=True, gc=False):
    """How one step of a run stands; `number` is the step's in its plan.

    `pause_ms` is the measured pause of a migration, `result` whatever the step found out.
    `said` is `message` as a value, None where only words were kept.
    """

    run: RunId
    number: int
    state: StepState = StepState.WAITING
    attempts: int = 0
    message: str = ""
    begun_at: float = 0.0
    ended_at: float = 0.0
    progress_bytes_total: int = 0
    progress_bytes_left: int = 0
    pause_ms: int = 0
    result: str = ""
    said: Reason | None = None


class HostFacts(Struct, frozen=True, kw_only=True, gc=False):
    """What is ours about a host; `name` replaces the observed one unless empty."""

    host: HostId
    maintenance: bool = False
    reserved_mib: int = 0
    tags: frozenset[str] = frozenset()
    name: str = ""
    power_saved: bool = False
    wake_proven_at: float = 0.0


class VmFacts(Struct, frozen=True, kw_only=True, gc=False):
    """What is ours about a VM; `origin` replaces what its platform keeps, unless None."""

    vm: VmId
    tags: frozenset[str] = frozenset()
    origin: Origin | None = None


class DatastoreFacts(Struct, frozen=True, kw_only=True, gc=False):
    """What is ours about a datastore."""

    datastore: DatastoreId
    locking: Locking = Locking.UNKNOWN
    tags: frozenset[str] = frozenset()


class ServerFacts(Struct, frozen=True, kw_only=True, gc=False):
    """What is ours about a server; `name`, `chassis` and `slot` stand in for what is observed."""

    server: ServerId
    adoption: Adoption = Adoption.FOUND
    spare: bool = False
    tags: frozenset[str] = frozenset()
    name: str = ""
    chassis: str = ""
    slot: str = ""


class Watched(Struct, frozen=True, kw_only=True, gc=False):
    """What the watch knows of a policy: since when it is uneven (0: it is not), and how much.

    `said` is what it does about it or why nothing; `plan` the plan that this is about.
    """

    policy: PolicyId
    since: float = 0.0
    percent: float = 0.0
    said: Reason | None = None
    plan: PlanId | None = None


Observed = Host | Vm | Datastore | Network | Server


class LastKnown(Struct, frozen=True, kw_only=True):
    """Everything as last observed; `seen_at` by id, `unreadable` counts rows of other releases."""

    hosts: tuple[Host, ...] = ()
    vms: tuple[Vm, ...] = ()
    datastores: tuple[Datastore, ...] = ()
    networks: tuple[Network, ...] = ()
    servers: tuple[Server, ...] = ()
    seen_at: dict[str, float] = {}
    unreadable: int = 0


class Severity(StrEnum):
    """How much an event asks for attention."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class EventRecord(Struct, frozen=True, kw_only=True, gc=False):
    """Something that happened; `number` and `at` are given by the store when it is appended.

    `kind` is a dotted code such as `vm.migrated`; the subject is what it happened to.
    `said` is `message` as a value, None where only words were kept.
    """

    kind: str
    message: str
    severity: Severity = Severity.INFO
    subject_kind: str = ""
    subject_id: str = ""
    by: str = ""
    plan: PlanId | None = None
    run: RunId | None = None
    number: int = 0
    at: float = 0.0
    said: Reason | None = None


class Role(StrEnum):
    """What somebody may do: look, operate VMs and hosts, or everything."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"


class UserRecord(Struct, frozen=True, kw_only=True, gc=False):
    """A person; `password_hash` is argon2id as the caller made it, "" for no password."""

    name: str
    role: Role
    password_hash: str = ""
    disabled: bool = False
    created_at: float = 0.0


class TokenRecord(Struct, frozen=True, kw_only=True, gc=False):
    """An API token without its secret; it grants `role`, and never more than its user has.

    `deeds` is what it is limited to, None for everything that the role may do.
    """

    id: str
    user: str
    label: str
    role: Role
    created_at: float = 0.0
    expires_at: float = 0.0
    last_used_at: float = 0.0
    deeds: tuple[str, ...] | None = None


class SessionRecord(Struct, frozen=True, kw_only=True, gc=False):
    """A login of a browser, without its secret."""

    user: str
    created_at: float
    expires_at: float


class StoredResponse(Struct, frozen=True, kw_only=True, gc=False):
    """The answer a request with an idempotency key got; `location` is its header, or ""."""

    status: int
    body: bytes
    location: str = ""


class Lease(Struct, frozen=True, kw_only=True, gc=False):
    """Who manages the pool: every change of holder raises `epoch`; holder "" is nobody.

    `renewals` changes with each sign of life and `renewed_at` is for people: nobody
    compares the clocks of two machines. `guarded` says that the holder has the lock that
    ends with its process.
    """

    holder: str
    epoch: int
    ttl_s: float
    renewals: int
    renewed_at: float
    guarded: bool
