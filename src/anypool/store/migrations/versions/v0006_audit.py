"""The audit trail, which can be added to and not changed, and tokens limited to some deeds."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_TEXTS = ("who", "role", "proof", "deed", "outcome", "object_kind", "object_id", "plan", "run")
_SQLITE = """
CREATE TRIGGER audit_no_{what} BEFORE {what} ON audit {when}
BEGIN SELECT RAISE(ABORT, 'the audit trail cannot be changed'); END
"""
_ALLOWED = "SELECT coalesce(max(number), 0) FROM audit_checkpoints"
_POSTGRESQL = f"""
CREATE FUNCTION audit_guard() RETURNS trigger AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.number <= ({_ALLOWED}) THEN RETURN OLD; END IF;
    RAISE EXCEPTION 'the audit trail cannot be changed';
END $$ LANGUAGE plpgsql
"""


def upgrade() -> None:
    """Make the tables and what guards them: rows go only once a checkpoint stands for them."""
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _TEXTS),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"])
    op.create_index(op.f("ix_audit_run"), "audit", ["run"])
    op.create_index(op.f("ix_audit_object_kind_object_id"), "audit", ["object_kind", "object_id"])
    op.create_table(
        "audit_checkpoints",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("seal", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_checkpoints")),
    )
    op.add_column("tokens", sa.Column("deeds", sa.JSON()))
    if op.get_context().dialect.name == "sqlite":
        op.execute(_SQLITE.format(what="UPDATE", when=""))
        op.execute(_SQLITE.format(what="DELETE", when=f"WHEN OLD.number > ({_ALLOWED})"))
    else:
        op.execute(_POSTGRESQL)
        op.execute(
            "CREATE TRIGGER audit_guard BEFORE UPDATE OR DELETE ON audit "
            "FOR EACH ROW EXECUTE FUNCTION audit_guard()"
        )
