"""Fences: how long ago each was, as managers measured it."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Add the column; what was done before is as old as it was at the last look at the hosts."""
    column: sa.Column[float] = sa.Column("age_s", sa.Double(), nullable=False, server_default="0")
    op.add_column("ha_fences", column)
    op.execute(
        "UPDATE ha_fences SET age_s = (SELECT max(ha_pulse.at) FROM ha_pulse) - at"
        " WHERE at < (SELECT max(ha_pulse.at) FROM ha_pulse)"
    )
