"""Server profiles: the image that is booted."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Add the column; profiles of before boot none."""
    image = sa.Column("image", sa.Text(), nullable=False, server_default="")
    op.add_column("profiles", image)
