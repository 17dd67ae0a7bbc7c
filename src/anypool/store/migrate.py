"""Bring a database to this release's schema, all of it or nothing."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from anypool.errors import StoreFailed
from anypool.store.tx import Tx

VERSION_TABLE = "anypool_schema"
_SCRIPTS = Path(__file__).with_name("migrations")
_LOCK = 0x616E79706F6F6C  # "anypool": any number that all our releases share


def migrate(connection: Connection, place: str, target: str = "head") -> None:
    """Migrate to the newest schema, or to a certain one, inside the caller's transaction.

    Raise `StoreFailed` for a schema newer than this release and for a database that
    holds somebody else's tables.
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
        raise StoreFailed(
            f"the database {place} has schema {current}, newer than this release knows",
            hint="run the release that wrote it, or a newer one",
        )
    if current is None and (others := inspect(connection).get_table_names()):
        raise StoreFailed(
            f"the database {place} holds tables of another program: {', '.join(others[:3])}",
            hint="name an empty database or a new file",
        )
    if current != (known[-1] if target == "head" else target):
        command.upgrade(_config(connection), target)


def newest() -> str:
    """Return the newest schema that this release knows."""
    return revisions()[-1]


@cache
def revisions() -> tuple[str, ...]:
    """Return every schema there ever was, the first one first."""
    scripts = ScriptDirectory(str(_SCRIPTS)).walk_revisions()
    return tuple(script.revision for script in scripts)[::-1]


def revision_of(tx: Tx) -> str:
    """Return the schema of the database of a transaction."""
    row = tx.row(text(f"SELECT version_num FROM {VERSION_TABLE}"))
    return "" if row is None else str(row[0])


def revision(connection: Connection) -> str | None:
    """Return the schema of a database, None for one that is not ours or empty."""
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def _config(connection: Connection) -> Config:
    config = Config(attributes={"connection": connection, "version_table": VERSION_TABLE})
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config
