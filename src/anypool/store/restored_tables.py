"""The tables of a manager that came back from a backup: what it has not read again yet."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Double, Integer, Table, Text

from anypool.store.tables import metadata

restoration = Table(
    "restoration",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("backup_at", Double, nullable=False),
    Column("release", Text, nullable=False),
    Column("endpoints", BigInteger, nullable=False),
    Column("runs", BigInteger, nullable=False),
    Column("audit_from", BigInteger, nullable=False),
    Column("ended_at", Double, nullable=False),
    CheckConstraint("id = 1", name="one"),
)
"""The latest restore; `ended_at` is 0 until every endpoint was read or removed."""

unread = Table(
    "unread",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("vouched_by", Text, nullable=False),
)
"""Endpoints that were not read whole since the restore; `vouched_by` is "" or who looked there."""
