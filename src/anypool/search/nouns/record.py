"""What can be asked about plans, operations and events.

Their records live in the store, which this package must not know; the protocols here
say what of them is read.
"""

from typing import Protocol

from anypool.search.field import Field, Kind, Table

PLAN_STATES = (
    "recommended",
    "approved",
    "running",
    "paused",
    "done",
    "failed",
    "cancelled",
    "superseded",
    "shadow",
)
OPERATION_STATES = (
    *("running", "paused", "done", "failed", "cancelled", "needs-human"),
    "interrupted",
)
SEVERITIES = ("info", "warning", "error")


class CostRow(Protocol):
    """A cost, as far as it is searched."""

    @property
    def copy_bytes(self) -> int:
        """Bytes to copy."""

    @property
    def duration_ms(self) -> int:
        """Milliseconds it takes."""

    @property
    def pause_ms(self) -> int:
        """Longest pause of a VM in milliseconds."""


class PlanRow(Protocol):
    """A stored plan, as far as it is searched."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def goal(self) -> str:
        """What it is for."""

    @property
    def steps(self) -> int:
        """Number of its steps."""

    @property
    def cost(self) -> CostRow:
        """Its cost."""

    @property
    def state(self) -> str:
        """One of `PLAN_STATES`."""

    @property
    def by(self) -> str:
        """Who asked for it."""

    @property
    def policy(self) -> str | None:
        """Id of the policy that made it."""

    @property
    def run(self) -> str | None:
        """Id of its latest run."""

    @property
    def created_at(self) -> float:
        """Seconds since 1970."""

    @property
    def changed_at(self) -> float:
        """Seconds since 1970."""


class OperationRow(Protocol):
    """A run of a plan, as far as it is searched."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def plan(self) -> str:
        """Id of its plan."""

    @property
    def state(self) -> str:
        """One of `OPERATION_STATES`."""

    @property
    def by(self) -> str:
        """Who started it."""

    @property
    def message(self) -> str:
        """What it says about itself."""

    @property
    def started_at(self) -> float:
        """Seconds since 1970."""

    @property
    def ended_at(self) -> float | None:
        """Seconds since 1970; None or 0 while it runs."""


class EventRow(Protocol):
    """An event, as far as it is searched."""

    @property
    def number(self) -> int:
        """Its number, growing."""

    @property
    def at(self) -> float:
        """Seconds since 1970."""

    @property
    def kind(self) -> str:
        """What happened, as a code."""

    @property
    def severity(self) -> str:
        """One of `SEVERITIES`."""

    @property
    def subject_kind(self) -> str:
        """Noun of what it is about."""

    @property
    def subject_id(self) -> str:
        """Id of what it is about."""

    @property
    def by(self) -> str:
        """Who caused it."""

    @property
    def message(self) -> str:
        """What happened, in words."""

    @property
    def plan(self) -> str | None:
        """Id of the plan it belongs to."""

    @property
    def run(self) -> str | None:
        """Id of the run it belongs to."""


PLAN: Table[PlanRow] = Table(
    fields=(
        Field("id", Kind.TEXT, lambda row, _: row.id, "its id", free=True),
        Field("goal", Kind.TEXT, lambda row, _: row.goal, "what it is for", free=True),
        Field("state", Kind.ENUM, lambda row, _: row.state, "where it stands", PLAN_STATES),
        Field("by", Kind.TEXT, lambda row, _: row.by, "who asked for it", free=True),
        Field("policy", Kind.TEXT, lambda row, _: row.policy or "", "the policy that made it"),
        Field("created", Kind.TIME, lambda row, _: row.created_at, "when it was made"),
        Field("changed", Kind.TIME, lambda row, _: row.changed_at, "when its state changed"),
        Field("operation", Kind.TEXT, lambda row, _: row.run or "", "id of its latest operation"),
        Field("steps", Kind.NUMBER, lambda row, _: row.steps, "number of steps"),
        Field("copy", Kind.SIZE, lambda row, _: row.cost.copy_bytes, "bytes to copy"),
        Field("duration", Kind.DURATION, lambda row, _: row.cost.duration_ms, "predicted"),
        Field("pause", Kind.DURATION, lambda row, _: row.cost.pause_ms, "longest pause"),
    ),
)

OPERATION: Table[OperationRow] = Table(
    fields=(
        Field("id", Kind.TEXT, lambda row, _: row.id, "its id", free=True),
        Field("plan", Kind.TEXT, lambda row, _: row.plan, "id of its plan", free=True),
        Field("state", Kind.ENUM, lambda row, _: row.state, "where it stands", OPERATION_STATES),
        Field("by", Kind.TEXT, lambda row, _: row.by, "who started it", free=True),
        Field("message", Kind.TEXT, lambda row, _: row.message, "what it says", free=True),
        Field("started", Kind.TIME, lambda row, _: row.started_at, "when it started"),
        Field("ended", Kind.TIME, lambda row, _: row.ended_at or 0.0, "when it ended"),
    ),
)

EVENT: Table[EventRow] = Table(
    fields=(
        Field("number", Kind.NUMBER, lambda row, _: row.number, "its number, growing"),
        Field("at", Kind.TIME, lambda row, _: row.at, "when it happened"),
        Field("kind", Kind.TEXT, lambda row, _: row.kind, "what happened, as a code", free=True),
        Field("severity", Kind.ENUM, lambda row, _: row.severity, "how bad", SEVERITIES),
        Field("subject-kind", Kind.TEXT, lambda row, _: row.subject_kind, "noun of its subject"),
        Field("subject", Kind.TEXT, lambda row, _: row.subject_id, "id of its subject", free=True),
        Field("by", Kind.TEXT, lambda row, _: row.by, "who caused it", free=True),
        Field("message", Kind.TEXT, lambda row, _: row.message, "in words", free=True),
        Field("plan", Kind.TEXT, lambda row, _: row.plan or "", "id of its plan"),
        Field("operation", Kind.TEXT, lambda row, _: row.run or "", "id of its operation"),
    ),
)
