"""Calendars: which purpose servers have when, and how far each has come."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Add both tables."""
    op.create_table(
        "calendars",
        sa.Column("id", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("servers", "zone")),
        *(sa.Column(name, sa.JSON(), nullable=False) for name in ("purposes", "spans")),
        sa.Column("otherwise", sa.Text(), nullable=False),
        sa.Column("exceptions", sa.JSON(), nullable=False),
        sa.Column("on_load", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("level", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Boolean(), nullable=False) for name in ("enabled", "waive")),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("hold", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("changed_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendars")),
    )
    op.create_table(
        "calendar_standings",
        sa.Column("calendar", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("extra", sa.BigInteger(), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=True),
        sa.Column("begun", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.Double(), nullable=False),
        *(sa.Column(name, sa.JSON(), nullable=False) for name in ("turns", "memory")),
        sa.Column("said", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("calendar", name=op.f("pk_calendar_standings")),
    )
