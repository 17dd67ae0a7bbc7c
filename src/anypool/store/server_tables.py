"""The tables of physical servers: what is ours about them."""

from sqlalchemy import JSON, Boolean, Column, Table, Text

from anypool.store.tables import metadata

server_facts = Table(
    "server_facts",
    metadata,
    Column("server", Text, primary_key=True),
    Column("adoption", Text, nullable=False),
    Column("spare", Boolean, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("name", Text, nullable=False),
    Column("chassis", Text, nullable=False),
    Column("slot", Text, nullable=False),
)
"""What people say of servers: `name`, `chassis` and `slot` in place of what is observed."""
