"""Pools as records of their own, and endpoints that may only be looked at."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make a pool of every name that an endpoint bears, and the one that is always there."""
    op.create_table(
        "pools",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("observe_only", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pools")),
    )
    op.execute(
        "INSERT INTO pools SELECT pool, '', false FROM endpoints UNION SELECT 'default', '', false"
    )
    op.add_column(
        "endpoints",
        sa.Column("observe_only", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
