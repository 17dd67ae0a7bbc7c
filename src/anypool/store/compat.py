"""Which releases may work on one database, so that an old and a new manager can stand side by side.

A migration *expands* where a release that does not know it can go on: it adds tables, and
columns that may be left out. Every other one *contracts*, and says so: `contract = True` in its
module. The database bears its floor, the newest contraction in it. A release that knows at
least the floor may use a schema newer than its own; one that does not is refused.
"""

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from anypool.errors import StoreFailed
from anypool.store.compat_tables import compatibility
from anypool.store.tables import lease

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

FIRST = "0019"
"""The schema that brought the floor: releases of before look for none."""


class Signs(NamedTuple):
    """Who leads ("" is nobody), how many signs of life it gave, and how long one is good."""

    holder: str
    renewals: int
    ttl_s: float


def contractions(scripts: "ScriptDirectory") -> frozenset[str]:
    """Return the schemas that a release of before cannot work with."""
    return frozenset(
        script.revision
        for script in scripts.walk_revisions()
        if getattr(script.module, "contract", False)
    )


def floor_of(connection: sa.Connection) -> str:
    """Return the oldest schema whose releases may use this database, "" if it does not say."""
    if not sa.inspect(connection).has_table(compatibility.name):
        return ""
    return str(connection.execute(sa.select(compatibility.c.floor)).scalar() or "")


def raise_floor(connection: sa.Connection, newest: str, contracted: frozenset[str]) -> None:
    """Keep the floor of a schema that was just reached; it never sinks."""
    if newest < FIRST:
        return
    floor = max([FIRST, floor_of(connection), *(one for one in contracted if one <= newest)])
    connection.execute(sa.update(compatibility).values(floor=floor))


def dismiss(connection: sa.Connection, place: str, silent_since: int) -> None:
    """Let no manager of before write any more; raise `StoreFailed` while one is alive.

    Its epoch is raised: one that was frozen meanwhile finds another epoch when it wakes up.
    """
    now = signs(connection)
    if now.holder and now.renewals != silent_since:
        raise StoreFailed(
            f"the database {place} is led by {now.holder}, a manager of an older release, which "
            "cannot work with the schema of this one",
            hint="stop that manager, then start this one: nothing was changed",
        )
    connection.execute(sa.update(lease).values(epoch=lease.c.epoch + 1, holder=""))


def signs(connection: sa.Connection) -> Signs:
    """Return the last sign of life of whoever leads."""
    row = connection.execute(sa.select(lease.c.holder, lease.c.renewals, lease.c.ttl_s)).one()
    return Signs(str(row.holder), int(row.renewals), float(row.ttl_s))
