"""Server profiles: ranges of addresses, the book of all that were given, and who had which."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _json(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.JSON(), nullable=False) for name in names]


def upgrade() -> None:
    """Add the tables, empty."""
    op.create_table(
        "address_ranges",
        *_text("id", "kind", "first", "last", "description"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address_ranges")),
    )
    op.create_table(
        "addresses",
        *_text("kind", "address", "state", "profile", "use"),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "address", name=op.f("pk_addresses")),
    )
    op.create_index(op.f("ix_addresses_profile"), "addresses", ["profile"])
    op.create_table(
        "profiles",
        *_text("id", "name", "description", "pool"),
        *_json("ports"),
        *_text("initiator"),
        *_json("iscsi", "fc", "boot", "bios", "needs"),
        *_text("ip", "script"),
        *_json("tags"),
        *_text("slot"),
        sa.Column("server", sa.Text(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("means", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_profiles")),
        sa.UniqueConstraint("name", name=op.f("uq_profiles_name")),
        sa.UniqueConstraint("server", name=op.f("uq_profiles_server")),
    )
    op.create_table(
        "tenures",
        *_text("profile"),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        *_text("server", "server_name", "by", "plan"),
        sa.Column("began_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=False),
        *_text("proof"),
        sa.PrimaryKeyConstraint("profile", "epoch", name=op.f("pk_tenures")),
    )
