"""Loads by the hour and by the day, stored inventories, and what retention did."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    _loads()
    _days()
    _inventories()
    op.create_table(
        "retention",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ran_at", sa.Double(), nullable=False),
        sa.Column("removed", sa.BigInteger(), nullable=False),
        sa.Column("removed_ever", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_retention")),
    )


def _loads() -> None:
    op.create_table(
        "load_objects",
        sa.Column("number", _COUNTER, autoincrement=True, nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("used_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_load_objects")),
        sa.UniqueConstraint("object", name=op.f("uq_load_objects_object")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "load_tails",
        sa.Column("number", _COUNTER, autoincrement=True, nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_load_tails")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_load_tails_hour"), "load_tails", ["hour"])
    op.create_table(
        "load_chunks",
        sa.Column("hour", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("object", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "object", name=op.f("pk_load_chunks")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "load_hours",
        sa.Column("hour", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("objects", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hour", name=op.f("pk_load_hours")),
    )


def _days() -> None:
    op.create_table(
        "load_day_rows",
        sa.Column("day", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("object", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("samples", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("day", "object", name=op.f("pk_load_day_rows")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "load_days",
        sa.Column("day", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("objects", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_load_days")),
    )


def _inventories() -> None:
    op.create_table(
        "inventory_chunks",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_inventory_chunks")),
    )
    op.create_table(
        "inventories",
        sa.Column("number", _COUNTER, autoincrement=True, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("hosts", sa.Integer(), nullable=False),
        sa.Column("vms", sa.Integer(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["root"], ["inventory_chunks.hash"], name=op.f("fk_inventories_root_inventory_chunks")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_inventories")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_inventories_digest"), "inventories", ["digest"])
