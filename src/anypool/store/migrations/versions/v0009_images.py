"""Images in versions, each with its copies; VMs that know what they were made from."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
contract = True  # columns of images went away

_GONE = ("datastore", "volume", "format", "size_bytes", "boot")


def upgrade() -> None:
    """Make the volume of each image its first version, which nobody has read yet."""
    op.add_column("vm_facts", sa.Column("origin", sa.JSON(none_as_null=True)))
    for name in ("versions", "same"):
        op.add_column("images", sa.Column(name, sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("images", sa.Column("last", sa.BigInteger(), nullable=False, server_default="1"))
    images = sa.table(
        "images",
        sa.column("id", sa.Text()),
        sa.column("versions", sa.JSON()),
        *(sa.column(name, sa.Text()) for name in ("datastore", "volume", "format")),
        sa.column("size_bytes", sa.BigInteger()),
        sa.column("boot", sa.JSON()),
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(images)).mappings().all():
        versions = [_version(row)]
        here = images.c.id == row["id"]
        connection.execute(sa.update(images).where(here).values(versions=versions))
    for name in _GONE:
        op.drop_column("images", name)


def _version(row: sa.RowMapping) -> dict[str, object]:
    boot = row["boot"]
    return {
        "number": 1,
        "copies": [
            {
                "datastore": row["datastore"],
                "volume": row["volume"],
                "state": "unread",
                "stamp": "",
                "read_at": 0.0,
            }
        ],
        "digest": "",
        "format": row["format"],
        "size_bytes": row["size_bytes"],
        "used_bytes": 0,
        "boot": json.loads(boot) if isinstance(boot, str) else boot,
        "created_at": 0.0,
        "source": "",
        "notes": "",
        "deprecated": False,
    }
