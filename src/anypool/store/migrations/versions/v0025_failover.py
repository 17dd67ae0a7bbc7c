"""What happens to a profile when its server fails, and what is asked whether it works."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Add the columns; nothing happens by itself until somebody says so."""
    nothing, disabled = sa.text("'{}'"), sa.text("'disabled'")
    columns = (
        sa.Column("probe", sa.JSON(), nullable=False, server_default=nothing),
        sa.Column("failover", sa.Text(), nullable=False, server_default=disabled),
    )
    for column in columns:
        op.add_column("profiles", column)
