"""The tables of high availability: who is guarded, what was said, who was switched off."""

from sqlalchemy import BigInteger, Column, Double, Integer, Table, Text

from anypool.store.tables import Counter, metadata

ha_charges = Table(
    "ha_charges",
    metadata,
    Column("vm", Text, primary_key=True),
    Column("host", Text, nullable=False, index=True),
    Column("since", Double, nullable=False),
    Column("tries", Integer, nullable=False),
)
"""VMs that are to run: where each last ran, since when, and how often it was started again."""

ha_statements = Table(
    "ha_statements",
    metadata,
    Column("number", Counter, primary_key=True, autoincrement=True),
    Column("host", Text, nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("by", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("audit", BigInteger, nullable=False),
    Column("void_at", Double, nullable=False),
    sqlite_autoincrement=True,
)
"""What people said of dead hosts; `void_at` is when one showed life after all, 0 if it stands."""

ha_fences = Table(
    "ha_fences",
    metadata,
    Column("plan", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("at", Double, nullable=False, index=True),
    Column("age_s", Double, nullable=False, server_default="0"),
)
"""Hosts that were switched off, by the plan that did it; written before the deed.

`age_s` is how long ago it was when whoever leads kept that last, by a clock that nobody sets.
"""

ha_pulse = Table(
    "ha_pulse",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("cold_at", Double, nullable=False),
)
"""When the hosts were last looked at, and when whoever looks began to without knowing before."""

ha_left = Table(
    "ha_left",
    metadata,
    Column("vm", Text, primary_key=True),
    Column("host", Text, primary_key=True),
)
"""Hosts that a VM was started on or away from: a copy may be there, until they were seen."""
