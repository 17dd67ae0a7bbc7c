"""The tables of the managers: the name of the records, and who works on them."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Double, Integer, Table, Text

from anypool.store.tables import metadata

installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("site", Text, nullable=False),
    CheckConstraint("id = 1", name="one"),
)
"""One row: 12 hexadecimal digits that tell these records from those of other installations."""

writers = Table(
    "writers",
    metadata,
    Column("writer", Text, primary_key=True),
    Column("mark", Text, nullable=False),
    Column("at", Double, nullable=False),
)
"""The last transaction of each process that wrote lately."""

managers = Table(
    "managers",
    metadata,
    Column("holder", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("certificate", Text, nullable=False),
    Column("release", Text, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
)
"""Managers that gave a sign of life lately, the one that leads and those that stand by."""

drained = Table(
    "drained",
    metadata,
    Column("holder", Text, primary_key=True),
    Column("by", Text, nullable=False),
    Column("at", Double, nullable=False),
)
"""Managers that are to leave the work to others, by the wish of a person."""

pool_leases = Table(
    "pool_leases",
    metadata,
    Column("pool", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("since", Double, nullable=False),
    Column("key_digest", Text, nullable=False),
)
"""Which manager looks after each pool, as the one that leads dealt them out."""
