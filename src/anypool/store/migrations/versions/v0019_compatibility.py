"""Which releases may work on this database."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add the table; from here on releases look at it."""
    made = op.create_table(
        "compatibility",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("floor", sa.Text(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_compatibility_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compatibility")),
    )
    op.bulk_insert(made, [{"id": 1, "floor": revision}])
