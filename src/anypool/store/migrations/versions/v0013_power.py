"""Of each host: whether we switched it off, and when it was last seen to wake."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the columns: nothing was switched off by us before, and nothing proven."""
    op.add_column(
        "host_facts",
        sa.Column("power_saved", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column(
        "host_facts",
        sa.Column("wake_proven_at", sa.Double(), nullable=False, server_default="0"),
    )
