"""Plans that policies made, and what the watch saw of each policy."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the column and the table; plans of before are nobody's but people's."""
    op.add_column("plans", sa.Column("policy", sa.Text(), nullable=True))
    op.create_index(op.f("ix_plans_policy"), "plans", ["policy"])
    op.create_table(
        "watches",
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("percent", sa.Double(), nullable=False),
        sa.Column("said", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("plan", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("policy", name=op.f("pk_watches")),
    )
