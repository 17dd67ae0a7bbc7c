"""Which manager looks after which pool."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "pool_leases",
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("key_digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("pool", name=op.f("pk_pool_leases")),
    )
