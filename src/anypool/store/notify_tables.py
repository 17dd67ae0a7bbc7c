"""The tables of notifications: who is told of what, and what is still to be told."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Double, Index, Integer, Table, Text

from anypool.store.tables import metadata

notifications = Table(
    "notifications",
    metadata,
    Column("id", Text, primary_key=True),
    Column("filter", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("receiver", JSON, nullable=False),
    Column("window_s", Double, nullable=False),
    Column("at_once", Integer, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failing_since", Double, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("worked_at", Double, nullable=False),
    Column("error", Text, nullable=False),
)
"""The rules. `seen` is the number of the last event that was looked at for one; the others say
how it went with its receiver: failures in a row, when it is tried again."""

letters = Table(
    "letters",
    metadata,
    Column("id", Text, primary_key=True),
    Column("notification", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("event", JSON, nullable=False),
    Column("more", JSON, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("gathers", Boolean, nullable=False),
    Column("made_at", Double, nullable=False, index=True),
    Column("due_at", Double, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("ended_at", Double, nullable=False),
    Column("error", Text, nullable=False),
    Index(None, "notification", "state", "made_at"),
)
"""What is to be told, was told, or could not be; one letter may stand for many events."""
