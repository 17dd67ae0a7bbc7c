"""Notifications: rules, and the letters that come of them."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add the tables, empty."""
    op.create_table(
        "notifications",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("id", "filter", "severity")),
        sa.Column("receiver", sa.JSON(), nullable=False),
        sa.Column("window_s", sa.Double(), nullable=False),
        sa.Column("at_once", sa.Integer(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.Double(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("worked_at", sa.Double(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
    )
    op.create_table(
        "letters",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("id", "notification", "kind")),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("event", sa.JSON(), nullable=False),
        sa.Column("more", sa.JSON(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("gathers", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letters")),
    )
    op.create_index(op.f("ix_letters_made_at"), "letters", ["made_at"])
    op.create_index(
        op.f("ix_letters_notification_state_made_at"),
        "letters",
        ["notification", "state", "made_at"],
    )
