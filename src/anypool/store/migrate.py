"""Bring a database to this release's schema, all of it or nothing.

Alembic, and the migrations, are imported by who migrates: most managers find their schema there.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from anypool.errors import StoreFailed
from anypool.store import compat
from anypool.store.tx import Tx

if TYPE_CHECKING:
    from alembic.config import Config

VERSION_TABLE = "anypool_schema"
_SCRIPTS = Path(__file__).with_name("migrations")
_LOCK = 0x616E79706F6F6C  # "anypool": any number that all our releases share


def migrate(
    connection: Connection, place: str, target: str = "head", *, silent_since: int = 0
) -> None:
    """Migrate to the newest schema, or to a certain one, inside the caller's transaction.

    A newer schema that this release may use stays as it is. Raise `StoreFailed` for any other
    newer one, for a database that holds somebody else's tables, and where the schema would
    change under a manager of an older release: `silent_since` is that one's last sign of life.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    known = revisions()
    if target != "head" and target not in known:
        raise StoreFailed(
            f"schema {target} is newer than this release knows",
            hint="use the release that wrote it, or a newer one",
        )
    current = revision(connection)
    if current is not None and current not in known:
        _allow_newer(connection, place, current)
        return
    if current is None and (others := inspect(connection).get_table_names()):
        raise StoreFailed(
            f"the database {place} holds tables of another program: {', '.join(others[:3])}",
            hint="name an empty database or a new file",
        )
    wanted = known[-1] if target == "head" else target
    if current != wanted:
        if any(one <= wanted for one in pending(current)):
            compat.dismiss(connection, place, silent_since)
        _upgrade(connection, target)
        compat.raise_floor(connection, wanted, _contracted())


def pending(current: str | None) -> frozenset[str]:
    """Return the schemas after this one that no release of before can work with.

    Those of before the floor count no more: no manager of then can be beside this one.
    """
    if current is None or current >= newest():
        return frozenset()
    return frozenset(one for one in _contracted() if one > current and one >= compat.FIRST)


def _allow_newer(connection: Connection, place: str, current: str) -> None:
    floor = compat.floor_of(connection)
    if floor and floor <= newest():
        return
    least = f"schema {floor} at least" if floor else "that one"
    raise StoreFailed(
        f"the database {place} has schema {current}, newer than this release knows",
        hint=f"run the release that wrote it, or a newer one: it takes one that knows {least}",
    )


@cache
def _contracted() -> frozenset[str]:
    from alembic.script import ScriptDirectory

    return compat.contractions(ScriptDirectory(str(_SCRIPTS)))


def newest() -> str:
    """Return the newest schema that this release knows."""
    return revisions()[-1]


@cache
def revisions() -> tuple[str, ...]:
    """Return every schema there ever was, the first one first."""
    files = (_SCRIPTS / "versions").glob("v[0-9]*_*.py")
    return tuple(sorted(file.name.partition("_")[0].removeprefix("v") for file in files))


def revision_of(tx: Tx) -> str:
    """Return the schema of the database of a transaction."""
    row = tx.row(text(f"SELECT version_num FROM {VERSION_TABLE}"))
    return "" if row is None else str(row[0])


def revision(connection: Connection) -> str | None:
    """Return the schema of a database, None for one that is not ours or empty."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    return None if found is None else str(found)


def _upgrade(connection: Connection, target: str) -> None:
    from alembic import command

    command.upgrade(_config(connection), target)


def _config(connection: Connection) -> "Config":
    from alembic.config import Config

    config = Config(attributes={"connection": connection, "version_table": VERSION_TABLE})
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config
