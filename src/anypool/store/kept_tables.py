"""The tables of what is kept for a while: loads, inventories, and what retention did."""

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)

from anypool.store.tables import Counter, metadata


def _integer(name: str) -> "Column[int]":
    return Column(name, BigInteger, nullable=False)


def _key(name: str) -> "Column[int]":
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


def _body() -> "Column[bytes]":
    return Column("body", LargeBinary, nullable=False)


load_objects = Table(
    "load_objects",
    metadata,
    Column("number", Counter, primary_key=True, autoincrement=True),
    Column("object", Text, nullable=False, unique=True),
    Column("used_at", Double, nullable=False),
    sqlite_autoincrement=True,
)
"""Hosts and VMs by a small number; `used_at` is when a manager last began to write of one."""

load_tails = Table(
    "load_tails",
    metadata,
    Column("number", Counter, primary_key=True, autoincrement=True),
    _integer("hour"),
    _body(),
    Index(None, "hour"),
    sqlite_autoincrement=True,
)
"""What the running hour has so far, of all objects together."""

load_chunks = Table(
    "load_chunks",
    metadata,
    _key("hour"),
    _key("object"),
    _body(),
    sqlite_with_rowid=False,
)
"""An hour of one object. `hour` is hours since 1970."""

load_hours = Table(
    "load_hours",
    metadata,
    _key("hour"),
    _integer("objects"),
    _integer("bytes"),
)
"""The hours that have chunks, with how many and how large."""

load_day_rows = Table(
    "load_day_rows",
    metadata,
    _key("day"),
    _key("object"),
    _integer("samples"),
    _body(),
    sqlite_with_rowid=False,
)
"""A day of one object. `day` is days since 1970, in UTC."""

load_days = Table(
    "load_days",
    metadata,
    _key("day"),
    _integer("objects"),
    _integer("bytes"),
)
"""The days that are rolled up, with how many rows and how large."""

inventory_chunks = Table(
    "inventory_chunks",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    _body(),
)
"""Parts of inventories by the SHA-256 of what they hold, each once."""

inventories = Table(
    "inventories",
    metadata,
    Column("number", Counter, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("digest", Text, nullable=False, index=True),
    Column("root", LargeBinary, ForeignKey("inventory_chunks.hash"), nullable=False),
    Column("hosts", Integer, nullable=False),
    Column("vms", Integer, nullable=False),
    Column("plan", Text, nullable=False),
    sqlite_autoincrement=True,
)
"""The pool at moments; `plan` is the plan it was kept for, or empty."""

retention = Table(
    "retention",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("ran_at", Double, nullable=False),
    _integer("removed"),
    _integer("removed_ever"),
)
"""When each kind of record was last thinned out, and how many went."""

plan_inputs = Table(
    "plan_inputs",
    metadata,
    Column("plan", Text, ForeignKey("plans.id", ondelete="CASCADE"), primary_key=True),
    Column("release", Text, nullable=False),
    _body(),
)
"""What plans were made from beside their inventory, so that they can be made again."""

measurements = Table(
    "measurements",
    metadata,
    Column("run", Text, primary_key=True),
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("model", Integer, nullable=False),
    *(
        _integer(f"{whose}_{what}")
        for whose in ("base", "quoted", "took")
        for what in ("ms", "bytes", "pause_ms")
    ),
)
"""What steps took, beside what was expected; they outlive their runs."""

bookings = Table(
    "bookings",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("host", Text, nullable=False),
    _integer("memory_mib"),
    _integer("vcpus"),
    Column("by", Text, nullable=False),
    Column("made_at", Double, nullable=False),
    Column("until", Double, nullable=False, index=True),
)
"""Room that is kept for VMs to come."""
