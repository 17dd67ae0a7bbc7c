"""What plans were made from, and what their steps took."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add both tables, empty: of plans and runs of before nobody knows."""
    op.create_table(
        "plan_inputs",
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("release", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["plan"], ["plans.id"], name=op.f("fk_plan_inputs_plan"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("plan", name=op.f("pk_plan_inputs")),
    )
    op.create_table(
        "measurements",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("model", sa.Integer(), nullable=False),
        *(
            sa.Column(f"{whose}_{what}", sa.BigInteger(), nullable=False)
            for whose in ("base", "quoted", "took")
            for what in ("ms", "bytes", "pause_ms")
        ),
        sa.PrimaryKeyConstraint("run", "step", name=op.f("pk_measurements")),
    )
    op.create_index(op.f("ix_measurements_at"), "measurements", ["at"])
