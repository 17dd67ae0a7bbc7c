"""High availability: charges, statements, fences, and when it last looked."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add the tables, empty."""
    op.create_table(
        "ha_charges",
        sa.Column("vm", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("vm", name=op.f("pk_ha_charges")),
    )
    op.create_index(op.f("ix_ha_charges_host"), "ha_charges", ["host"])
    op.create_table(
        "ha_statements",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("audit", sa.BigInteger(), nullable=False),
        sa.Column("void_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_ha_statements")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_ha_statements_host"), "ha_statements", ["host"])
    op.create_table(
        "ha_fences",
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("plan", name=op.f("pk_ha_fences")),
    )
    op.create_index(op.f("ix_ha_fences_at"), "ha_fences", ["at"])
    op.create_table(
        "ha_pulse",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("cold_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ha_pulse")),
    )
    op.create_table(
        "ha_left",
        sa.Column("vm", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("vm", "host", name=op.f("pk_ha_left")),
    )
