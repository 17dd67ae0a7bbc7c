"""The certificates that are looked at now and then."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add the table, empty."""
    op.create_table(
        "certificates",
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("id", "what", "place", "pinned", "fingerprint", "subject")
        ),
        sa.Column("until", sa.Double(), nullable=False),
        sa.Column("looked_at", sa.Double(), nullable=False),
        sa.Column("warned", sa.Integer(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificates")),
    )
