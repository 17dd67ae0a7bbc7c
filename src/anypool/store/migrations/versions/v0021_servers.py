"""Physical servers: what is ours about them."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add the table, empty."""
    op.create_table(
        "server_facts",
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("adoption", sa.Text(), nullable=False),
        sa.Column("spare", sa.Boolean(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("chassis", sa.Text(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("server", name=op.f("pk_server_facts")),
    )
