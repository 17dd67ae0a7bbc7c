"""Beside the words of goals, notes, messages and events: what was said, as a value."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns; rows of before keep their words alone."""
    for table, column in (
        ("plans", "aim"),
        ("plans", "said"),
        ("runs", "said"),
        ("steps", "said"),
        ("events", "said"),
    ):
        op.add_column(table, sa.Column(column, sa.JSON(none_as_null=True), nullable=True))
