"""The table of the certificates that are looked at now and then."""

from sqlalchemy import Column, Double, Integer, Table, Text

from anypool.store.tables import metadata

certificates = Table(
    "certificates",
    metadata,
    Column("id", Text, primary_key=True),
    Column("what", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("pinned", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("until", Double, nullable=False),
    Column("looked_at", Double, nullable=False),
    Column("warned", Integer, nullable=False),
    Column("told", Text, nullable=False),
    Column("error", Text, nullable=False),
)
"""What each showed last. `warned` is the mark of days that was warned of last, `told` the
fingerprint of a certificate of which it was said that it is not the pinned one."""
