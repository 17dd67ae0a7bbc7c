"""Server profiles: whether what is booted is a hypervisor."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Add the column; profiles of before boot none."""
    column: sa.Column[bool] = sa.Column(
        "hypervisor", sa.Boolean(), nullable=False, server_default=sa.false()
    )
    op.add_column("profiles", column)
