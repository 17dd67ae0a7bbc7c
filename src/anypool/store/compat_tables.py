"""The table that says which releases may work on a database."""

from sqlalchemy import CheckConstraint, Column, Integer, Table, Text

from anypool.store.tables import metadata

compatibility = Table(
    "compatibility",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("floor", Text, nullable=False),
    CheckConstraint("id = 1", name="one"),
)
"""`floor` is the oldest schema whose releases may use this database."""
