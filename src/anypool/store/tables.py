"""The tables, as the code of this release sees them; migrations make a database match."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts rows only in a column declared INTEGER, which holds 64 bits there.
Counter = BigInteger().with_variant(Integer(), "sqlite")


def _key(name: str) -> Column[str]:
    return Column(name, Text, primary_key=True)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _time(name: str) -> Column[float]:
    return Column(name, Double, nullable=False)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False)


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _said(name: str = "said") -> Column[object]:
    return Column(name, JSON(none_as_null=True))


def _number() -> Column[int]:
    return Column("number", Counter, primary_key=True, autoincrement=True)


lease = Table(
    "lease",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    _text("holder"),
    _count("epoch"),
    _time("ttl_s"),
    _count("renewals"),
    _time("renewed_at"),
    _flag("guarded"),
    CheckConstraint("id = 1", name="one"),
)

plans = Table(
    "plans",
    metadata,
    _number(),
    Column("id", Text, nullable=False, unique=True),
    _text("goal"),
    _text("state"),
    _text("by"),
    _time("created_at"),
    _time("changed_at"),
    _count("steps"),
    Column("cost", JSON, nullable=False),
    Column("run", Text),
    _text("note"),
    _said("aim"),
    _said(),
    Column("body", LargeBinary, nullable=False),
    Column("policy", Text),
    Index(None, "state"),
    Index(None, "policy"),
    sqlite_autoincrement=True,
)

runs = Table(
    "runs",
    metadata,
    _number(),
    Column("id", Text, nullable=False, unique=True),
    Column("plan", Text, ForeignKey("plans.id"), nullable=False),
    _text("state"),
    _text("by"),
    _flag("paused"),
    _flag("cancelling"),
    _time("started_at"),
    _time("ended_at"),
    _text("message"),
    _said(),
    Index(None, "plan"),
    Index(None, "state"),
    sqlite_autoincrement=True,
)

steps = Table(
    "steps",
    metadata,
    Column("run", Text, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _text("state"),
    _count("attempts"),
    _text("message"),
    _time("begun_at"),
    _time("ended_at"),
    _count("progress_bytes_total"),
    _count("progress_bytes_left"),
    _count("pause_ms"),
    _text("result"),
    _said(),
)

endpoints = Table(
    "endpoints",
    metadata,
    _key("id"),
    _text("driver"),
    Column("uri", Text, nullable=False, unique=True),
    _text("pool"),
    Column("options", JSON, nullable=False),
    _flag("observe_only"),
)

pools = Table(
    "pools",
    metadata,
    _key("id"),
    _text("description"),
    _flag("observe_only"),
)

host_facts = Table(
    "host_facts",
    metadata,
    _key("host"),
    _flag("maintenance"),
    _count("reserved_mib"),
    Column("tags", JSON, nullable=False),
    _text("name"),
    _flag("power_saved"),
    _time("wake_proven_at"),
)

bmcs = Table(
    "bmcs",
    metadata,
    _key("host"),
    _text("url"),
    _text("user"),
    _text("system"),
    _text("fingerprint"),
    _text("product"),
    _flag("identified"),
)

vm_facts = Table(
    "vm_facts",
    metadata,
    _key("vm"),
    Column("tags", JSON, nullable=False),
    Column("origin", JSON(none_as_null=True)),
)

datastore_facts = Table(
    "datastore_facts",
    metadata,
    _key("datastore"),
    _text("locking"),
    Column("tags", JSON, nullable=False),
)

images = Table(
    "images",
    metadata,
    _key("id"),
    Column("name", Text, nullable=False, unique=True),
    _count("memory_mib"),
    _text("description"),
    Column("versions", JSON, nullable=False),
    Column("same", JSON, nullable=False),
    _count("last"),
)

services = Table(
    "services",
    metadata,
    _key("id"),
    _text("description"),
    Column("components", JSON, nullable=False),
)

policies = Table(
    "policies",
    metadata,
    _key("id"),
    _text("scope"),
    Column("rule", JSON, nullable=False),
    _text("strength"),
    _flag("enabled"),
    _text("description"),
)

watches = Table(
    "watches",
    metadata,
    _key("policy"),
    _time("since"),
    _time("percent"),
    _said(),
    Column("plan", Text),
)

rollouts = Table(
    "rollouts",
    metadata,
    _key("id"),
    _text("pool"),
    Column("wish", JSON, nullable=False),
    *(_text(name) for name in ("state", "by")),
    Column("waves", JSON, nullable=False),
    _count("fewest"),
    Column("forecast", Text),
    _count("number"),
    *(Column(name, JSON, nullable=False) for name in ("wave", "done")),
    Column("plan", Text),
    _count("attempts"),
    *(_time(name) for name in ("due", "started_at", "ended_at")),
    _said(),
)

audit = Table(
    "audit",
    metadata,
    Column("number", Counter, primary_key=True, autoincrement=False),
    _time("at"),
    *(_text(name) for name in ("who", "role", "proof", "deed", "outcome")),
    *(_text(name) for name in ("object_kind", "object_id", "plan", "run", "request", "detail")),
    _text("hash"),
    Index(None, "at"),
    Index(None, "run"),
    Index(None, "object_kind", "object_id"),
)

audit_checkpoints = Table(
    "audit_checkpoints",
    metadata,
    Column("number", Counter, primary_key=True, autoincrement=False),
    _text("hash"),
    _time("at"),
    _time("made_at"),
    _text("seal"),
)

observed = Table(
    "observed",
    metadata,
    _key("kind"),
    _key("id"),
    _time("seen_at"),
    Column("body", LargeBinary, nullable=False),
)

events = Table(
    "events",
    metadata,
    _number(),
    _time("at"),
    _text("kind"),
    _text("severity"),
    _text("subject_kind"),
    _text("subject_id"),
    _text("by"),
    _text("message"),
    Column("plan", Text),
    Column("run", Text),
    _said(),
    Index(None, "subject_kind", "subject_id", "number"),
    sqlite_autoincrement=True,
)

users = Table(
    "users",
    metadata,
    _key("name"),
    _text("role"),
    _text("password_hash"),
    _flag("disabled"),
    _time("created_at"),
)

tokens = Table(
    "tokens",
    metadata,
    _key("id"),
    Column("user", Text, ForeignKey("users.name", ondelete="CASCADE"), nullable=False, index=True),
    _text("label"),
    _text("role"),
    _time("created_at"),
    _time("expires_at"),
    _time("last_used_at"),
    Column("secret_hash", Text, nullable=False, unique=True),
    Column("deeds", JSON(none_as_null=True)),
)

sessions = Table(
    "sessions",
    metadata,
    _key("secret_hash"),
    Column("user", Text, ForeignKey("users.name", ondelete="CASCADE"), nullable=False, index=True),
    _time("created_at"),
    _time("expires_at"),
)

login_codes = Table(
    "login_codes",
    metadata,
    _key("secret_hash"),
    Column("user", Text, ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
    _time("expires_at"),
)

login_failures = Table(
    "login_failures",
    metadata,
    _number(),
    _text("who"),
    _time("at"),
    Index(None, "who", "at"),
    sqlite_autoincrement=True,
)

secrets = Table(
    "secrets",
    metadata,
    _key("object"),
    _key("field"),
    _text("key_id"),
    Column("nonce", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

requests = Table(
    "requests",
    metadata,
    _key("principal"),
    _key("key"),
    _text("request_hash"),
    _time("at"),
    Column("status", Integer),
    _text("location"),
    Column("body", LargeBinary),
)
